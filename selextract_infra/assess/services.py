"""The mapped services of each host, with everything that a decision about them needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from selextract_infra.assess.peaks import Peaks, Window, peaks_of
from selextract_infra.model.capacity import limits_in
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import (
    ContainerObservation,
    HostObservation,
    ProjectObservation,
    ResourceKeys,
    ServiceDefinition,
)

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PROTECTED_ROLES", "Service", "services_of"]

Number = TypeVar("Number", int, float)

PROTECTED_ROLES = frozenset({"database", "redis"})
"""Databases and caches are never reduced unasked."""


@dataclass(frozen=True, slots=True)
class Service:
    """One mapped service on one host.

    ``memory`` and ``cpus`` are the limits now, in bytes and cores: the lowest among its containers, None where any of
    them has none. ``memory_use``, ``file_cache`` (bytes) and ``cpu_use`` (cores) are the highest among its containers
    right now. ``instances`` is how many containers count against the host: those there are or those the Compose files
    ask for, whichever is more. ``sized_by_us`` is True where our capacity file sets its memory limit.
    """

    host: str
    project: str
    name: str
    role: str
    definition: ServiceDefinition | None
    containers: tuple[ContainerObservation, ...]
    peaks: Peaks
    memory: int | None
    cpus: float | None
    memory_use: int
    file_cache: int
    cpu_use: float
    instances: int
    sized_by_us: bool

    @property
    def memory_peak(self) -> int:
        """The highest working set seen in the window or right now, bytes."""
        return max(self.peaks.memory, self.memory_use)

    @property
    def beside(self) -> ResourceKeys:
        """What stands beside its limits in the Compose files."""
        return self.definition.beside if self.definition else ResourceKeys()

    @property
    def memory_reservation(self) -> int:
        """The most that is reserved for one of its containers, by the files or by itself; 0 for none, bytes."""
        reserved = [container.memory_reservation for container in self.containers]
        return max(filter(None, [*reserved, self.beside.memory_reservation]), default=0)

    @property
    def oom_limit(self) -> int | None:
        """The memory limit that an OOM kill happened at, bytes; None where it cannot be told.

        Where the sampler did not record limits it is taken to be today's, unless we have set that one since: one kill
        must not raise the limit again with every plan of the window.
        """
        if self.peaks.oom_limit is not None or self.sized_by_us:
            return self.peaks.oom_limit
        return self.memory

    @property
    def protected(self) -> bool:
        """Whether it is a database or a cache."""
        return self.role in PROTECTED_ROLES

    @property
    def running(self) -> bool:
        """Whether any of its containers runs."""
        return any(container.state == "running" for container in self.containers)

    @property
    def oom_killed(self) -> bool:
        """Whether a container was killed for want of memory, by its history or by its own state."""
        return self.peaks.oom_kills > 0 or any(container.oom_killed for container in self.containers)


def services_of(
    host: HostObservation, project: ProjectObservation, policy: Policy, at: datetime, only: Collection[str] | None
) -> list[Service]:
    """The services of ``project`` that the policy maps and that have containers, by name; ``only`` narrows them."""
    rules = policy.rightsizing
    window = Window(
        since=at.timestamp() - rules.window,
        until=at.timestamp(),
        cpu_percentile=rules.cpu_percentile,
        minimum_samples=rules.minimum_samples,
    )
    containers: dict[str, list[ContainerObservation]] = defaultdict(list)
    for container in host.containers:
        if container.project == project.name and container.service is not None:
            containers[container.service].append(container)
    histories: dict[str, list[ContainerHistory]] = defaultdict(list)
    for history in host.history:
        if history.project == project.name and history.service is not None:
            histories[history.service].append(history)
    definitions = {definition.name: definition for definition in project.services}
    ours = _sized_by_us(project)
    mapped = policy.application.services
    return [
        _service(
            host.name, project.name, name, mapped[name].role, definitions.get(name), there,
            peaks_of(histories.get(name, ()), window, started=_started(there)), sized_by_us=name in ours,
        )
        for name, there in sorted(containers.items())
        if name in mapped and (only is None or name in only)
    ]  # fmt: skip


def _sized_by_us(project: ProjectObservation) -> set[str]:
    """The services whose memory limit our capacity file sets."""
    services = (project.capacity_file or {}).get("services")
    if not isinstance(services, dict):
        return set()
    return {name for name, keys in services.items() if limits_in(keys).memory is not None}


def _service(
    host: str,
    project: str,
    name: str,
    role: str,
    definition: ServiceDefinition | None,
    containers: Sequence[ContainerObservation],
    peaks: Peaks,
    *,
    sized_by_us: bool,
) -> Service:
    containers = sorted(containers, key=lambda container: (container.number or 0, container.name))
    memory = [container.limits.memory for container in containers]
    cpus = [container.limits.cpus for container in containers]
    return Service(
        host=host,
        project=project,
        name=name,
        role=role,
        definition=definition,
        containers=tuple(containers),
        peaks=peaks,
        memory=_lowest(memory),
        cpus=_lowest(cpus),
        memory_use=max((container.usage.memory or 0 for container in containers), default=0),
        file_cache=max((container.usage.page_cache or 0 for container in containers), default=0),
        cpu_use=max((container.usage.cpus or 0.0 for container in containers), default=0.0),
        instances=max(len(containers), definition.replicas if definition else 0),
        sized_by_us=sized_by_us,
    )


def _lowest(limits: Sequence[Number | None]) -> Number | None:
    known = [limit for limit in limits if limit is not None]
    return min(known) if len(known) == len(limits) else None


def _started(containers: Sequence[ContainerObservation]) -> float | None:
    """When the oldest running container was started, Unix seconds; None where any start is unknown."""
    starts = [container.started_at for container in containers if container.state == "running"]
    if not starts or None in starts:
        return None
    try:
        moments = [datetime.fromisoformat(start) for start in starts if start is not None]
    except ValueError:
        return None
    return min(moment.timestamp() for moment in moments) if all(moment.tzinfo for moment in moments) else None
