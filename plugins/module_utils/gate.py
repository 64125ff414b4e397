"""What must hold after a change: values as asked, containers healthy, URLs answering, nobody killed for memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from .containers import Container, find_containers, unix_time
from .engine import Engine
from .failure import HostSideError
from .limits import Capability, Limits, change_of, describe, wanted_for
from .probe import complaint_of

__all__ = ["Gate"]


@dataclass(frozen=True)
class Gate:
    """One gate.

    ``expected`` has the limits of each service that has to run, an empty mapping where only running matters. ``began``
    is when the step began, in Unix seconds; ``in_place`` has, by container ID, the limits before a change in place.
    ``counts`` is how many containers there must be, by service.
    """

    project: str
    expected: dict[str, dict[str, Any]]
    urls: list[str]
    began: float
    in_place: dict[str, dict[str, Any]]
    counts: dict[str, int] = field(default_factory=dict)

    def complaint(
        self, engine: Engine, socket_path: str, now: float, passed: Mapping[str, str] = MappingProxyType({})
    ) -> str | None:
        """What does not hold yet, in words, or None. Raises ``HostSideError`` when waiting longer cannot help.

        ``passed`` are containers, by ID, whose health check has passed since the start named, whatever Docker says.
        """
        containers = find_containers(engine, socket_path, self.project)
        self._refuse_victims(engine, containers, now)
        host = Capability.parse(engine.info())
        for service, limits in sorted(self.expected.items()):
            own = [container for container in containers if container.service == service]
            complaint = _service_complaint(service, limits, own, host, passed) or self._miscounted(service, own)
            if complaint:
                return complaint
        return next((complaint for complaint in map(complaint_of, self.urls) if complaint), None)

    def _refuse_victims(self, engine: Engine, containers: list[Container], now: float) -> None:
        by_id = {container.id: container for container in containers}
        for name, before in self.in_place.items():
            container = by_id.get(name)
            again = container and container.started_at and unix_time(container.started_at) > self.began
            if container and again and before.get("running", True):
                raise HostSideError(f"{container.name} restarted after its limits were changed.", kind="gate")
            if container and _lowered(before, container) and self._killed(engine, container, now):
                raise HostSideError(f"{container.name} was killed for memory after its limit was lowered.", kind="gate")

    def _miscounted(self, service: str, own: list[Container]) -> str | None:
        wanted = self.counts.get(service, len(own))
        return None if len(own) == wanted else f"{service} has {len(own)} containers instead of {wanted}"

    def _killed(self, engine: Engine, container: Container, now: float) -> bool:
        events = engine.events(["oom"], self.began, now)
        return any((event.get("Actor") or {}).get("ID", event.get("id")) == container.id for event in events)


def _service_complaint(
    service: str, limits: dict[str, Any], own: list[Container], host: Capability, passed: Mapping[str, str]
) -> str | None:
    if not own:
        return f"service {service} has no container"
    for container in own:
        if container.state != "running":
            return f"{container.name} is {container.state}"
        if container.health not in (None, "healthy") and passed.get(container.id, "") != container.started_at:
            return f"{container.name} is {container.health}"
        wanted = wanted_for(limits, container)
        if change_of(container, wanted, host):
            return f"{container.name} has {describe(Limits.of(container))} instead of {describe(wanted)}"
    return None


def _lowered(before: dict[str, Any], container: Container) -> bool:
    return container.memory is not None and (before["memory"] is None or container.memory < before["memory"])
