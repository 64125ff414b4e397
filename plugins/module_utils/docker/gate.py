"""What must hold after a change: values as asked, containers healthy, URLs answering, nobody killed for memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..system.amounts import memory
from ..system.failure import HostSideError
from ..system.probe import complaint_of
from .containers import Container, find_containers
from .engine import Engine
from .limits import Capability, ContainerLimits, change_of, describe, wanted_for

__all__ = ["Gate", "not_proved_text", "resting_text"]


def not_proved_text(services: list[str]) -> str:
    """That nothing tells whether these services serve, for a person; empty where all is proved."""
    if not services:
        return ""
    has = "has no health check" if len(services) == 1 else "have no health check"
    return f"Not proved that it serves: {', '.join(services)} {has}."


def resting_text(containers: list[Container]) -> str:
    """Which instances stay stopped, for a person; empty where all run."""
    if not containers:
        return ""
    names = ", ".join(container.name for container in containers)
    return f"{names} {'was' if len(containers) == 1 else 'were'} stopped before this run and stays so."


@dataclass(frozen=True)
class Gate:
    """One gate.

    ``expected`` has the limits of each service that has to run, an empty mapping where only running matters. ``began``
    is when the step began, in Unix seconds; ``in_place`` has, by container ID, the limits before a change in place, and
    ``changed`` is when they had been changed. ``counts`` is how many containers there must be, by service. ``at_rest``
    has the names of those that somebody had stopped before; they are left out of it all while they do not run.
    """

    project: str
    expected: dict[str, dict[str, Any]]
    urls: list[str]
    began: float
    in_place: dict[str, dict[str, Any]]
    counts: dict[str, int] = field(default_factory=dict)
    changed: float = 0.0
    at_rest: frozenset[str] = frozenset()

    def resting(self, containers: list[Container]) -> list[Container]:
        """Those that are still stopped as they were before."""
        return [
            container
            for container in containers
            if container.service in self.expected and container.name in self.at_rest and not container.running
        ]

    def complaint(
        self, engine: Engine, socket_path: str, now: float, passed: Mapping[str, str] = MappingProxyType({})
    ) -> str | None:
        """What does not hold yet, in words, or None. Raises ``HostSideError`` when waiting longer cannot help.

        ``passed`` are containers, by ID, whose health check has passed since the start named, whatever Docker says.
        """
        containers = find_containers(engine, socket_path, self.project)
        self._refuse_victims(engine, containers, now)
        host = Capability.parse(engine.info())
        resting = self.resting(containers)
        for service, limits in sorted(self.expected.items()):
            own = [container for container in containers if container.service == service and container not in resting]
            if not own and any(container.service == service for container in resting):
                continue
            complaint = _service_complaint(service, limits, own, host, passed) or self._miscounted(service, own)
            if complaint:
                return complaint
        return next((complaint for complaint in map(complaint_of, self.urls) if complaint), None)

    def _refuse_victims(self, engine: Engine, containers: list[Container], now: float) -> None:
        """Raise where a container that the step touched restarted, or was killed for memory after that."""
        touched = [
            container for container in containers if container.id in self.in_place or self._started_here(container)
        ]
        killed = self._killed(engine, now) if touched else {}
        for container in touched:
            before = self.in_place.get(container.id)
            at = killed.get(container.id, 0.0)
            if before is None and at > self.began:
                raise HostSideError(f"{container.name} was killed for memory after it was started.", kind="gate")
            if before is None:
                continue
            if at > max(self.began, self.changed):
                raise HostSideError(_victim(container, before), kind="gate")
            # One that was killed again and again may well have restarted between the step's begin and the new limit.
            if self._restarted(container, before) and before.get("running", True) and not before.get("oom_killed"):
                raise HostSideError(f"{container.name} restarted after its limits were changed.", kind="gate")

    def _restarted(self, container: Container, before: dict[str, Any]) -> bool:
        """Whether it has started since it was noted; by Docker's own word, for the clock may have been set."""
        if "started_at" in before:
            return bool(container.started_at != before["started_at"])
        return self._started_here(container)

    def _started_here(self, container: Container) -> bool:
        return container.service in self.expected and container.started > self.began

    def _miscounted(self, service: str, own: list[Container]) -> str | None:
        wanted = self.counts.get(service, len(own))
        return None if len(own) == wanted else f"{service} has {len(own)} containers instead of {wanted}"

    def _killed(self, engine: Engine, now: float) -> dict[str, float]:
        """By container ID, when one was killed for memory the last time since the step began, in Unix seconds."""
        events = engine.events(["oom"], self.began, now)
        return {
            str((event.get("Actor") or {}).get("ID", event.get("id"))): float(event.get("timeNano") or 0) / 1e9
            for event in sorted(events, key=lambda event: float(event.get("timeNano") or 0))
        }


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
            return f"{container.name} has {describe(ContainerLimits.of(container))} instead of {describe(wanted)}"
    return None


def _victim(container: Container, before: dict[str, Any]) -> str:
    limit = memory(container.memory)
    if before.get("oom_killed"):
        return f"{container.name} was killed for memory again, so its limit of {limit} is not enough."
    lowered = container.memory is not None and (before["memory"] is None or container.memory < before["memory"])
    what = "its limit was lowered" if lowered else "its limits were changed"
    return f"{container.name} was killed for memory after {what}."
