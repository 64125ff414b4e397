"""Hosts that the loop does not see any more: people hear of it, because what runs there may not serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.assess.service import services_on
from selextract_infra.model.assessment import IncidentSeverity

if TYPE_CHECKING:
    from selextract_infra.model.observation import Observation
    from selextract_infra.operations.watch.people import People
    from selextract_infra.policy import Policy

__all__ = ["LostHosts"]

_LOOKS = 2  # in a row: one look may fall into a restart of the network
_EVERYTHING = ""


class LostHosts:
    """Counts the looks without a host; a host that carries services of the application is a P1, another one a P2."""

    def __init__(self, policy: Policy, people: People) -> None:
        self._policy, self._people = policy, people
        self._looks: dict[str, int] = {}
        self._serves: dict[str, bool] = {}

    def nothing_seen(self, why: str) -> None:
        """The look itself failed, so no host was seen."""
        self._lose(_EVERYTHING, IncidentSeverity.P1, "The hosts cannot be looked at", why)

    def take(self, observation: Observation) -> None:
        """Tell of each host that was not seen for the second time, and of each that is back."""
        self._back(_EVERYTHING, "The hosts can be looked at again")
        for name, why in observation.unreachable.items():
            self._lose(name, self._severity(name), f"{name} is not reached", why)
        for host in observation.hosts:
            if host.problem is not None:
                self._lose(host.name, self._severity(host.name), f"{host.name} cannot be looked at", host.problem)
                continue
            self._serves[host.name] = any(service.role for service in services_on(host, self._policy))
            self._back(host.name, f"{host.name} can be looked at again")

    def _severity(self, name: str) -> IncidentSeverity:
        return IncidentSeverity.P1 if self._serves.get(name, True) else IncidentSeverity.P2

    def _lose(self, name: str, severity: IncidentSeverity, title: str, why: str) -> None:
        self._looks[name] = self._looks.get(name, 0) + 1
        if self._looks[name] >= _LOOKS:
            body = (
                f"{title}: {why.rstrip('.')}. Nothing is done there by itself until it is. Try: selextract-infra doctor"
            )
            self._people.tell_once(f"lost {name}", severity, title, body)

    def _back(self, name: str, title: str) -> None:
        self._looks.pop(name, None)
        self._people.over(f"lost {name}", title)
