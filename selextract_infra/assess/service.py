"""A service as it is observed on one host: its instances, each with its own limits, usage, state and health.

This is the one reader of containers for everything that judges or decides. What each instance has is kept; an aggregate
is made where it is used and says which one it is: the lowest, the highest or the sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from selextract_infra.assess.mapped_role import PROTECTED_ROLES, role_of, stores_in
from selextract_infra.assess.peaks import Peaks, Window, peaks_of
from selextract_infra.model.capacity import limits_in
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import (
    ContainerObservation,
    HostFacts,
    HostObservation,
    ProjectObservation,
    ResourceKeys,
    ServiceDefinition,
)

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = [
    "Service",
    "app_services",
    "fixed_identity",
    "held_by",
    "limit_of",
    "sampled_services",
    "services_on",
]

_RUNS = frozenset({"running", "paused", "restarting"})


def _runs(container: ContainerObservation) -> bool:
    """Whether it has memory and connections now, or will have them again in a moment without anybody's doing."""
    return container.state in _RUNS


def limit_of(container: ContainerObservation, resource: str, facts: HostFacts) -> float | None:
    """Its limit of ``memory`` (bytes) or ``cpus`` (cores); None where it has none.

    A limit at the host's total or above limits nothing: a container that had none is given that one when a change in
    place is undone, because Docker cannot take a limit away again.
    """
    limit: float | None = container.limits.memory if resource == "memory" else container.limits.cpus
    total: float = facts.memory if resource == "memory" else facts.cpus
    return None if not limit or (total and limit >= total) else limit


def held_by(container: ContainerObservation, resource: str, facts: HostFacts) -> float:
    """What it takes of its host: its limit, or its use where it has none; nothing while it does not run."""
    if not _runs(container):
        return 0.0
    use = container.usage.memory if resource == "memory" else container.usage.cpus
    return limit_of(container, resource, facts) or use or 0.0


def fixed_identity(definition: ServiceDefinition | None) -> str | None:
    """What of a service only one instance can have, in words; None where there can be more."""
    if definition is None:
        return None
    if definition.container_name is not None:
        return f"the container_name {definition.container_name}"
    if definition.fixed_host_ports:
        return f"the fixed host port {', '.join(definition.fixed_host_ports)}"
    return f"the fixed {', '.join(definition.fixed_addresses)}" if definition.fixed_addresses else None


@dataclass(frozen=True)
class Service:
    """One Compose service on one host.

    ``containers`` are all its instances by number, those that do not run among them; a one-off container of ``docker
    compose run`` is none. ``role`` is the one that counts, empty where the service is not mapped. ``window`` is what
    ``peaks`` look back at. ``sized_by_us``: our capacity file sets its memory limit.
    """

    on_host: HostObservation
    project: str
    name: str
    role: str
    containers: tuple[ContainerObservation, ...]
    definition: ServiceDefinition | None = None
    histories: tuple[ContainerHistory, ...] = ()
    window: Window | None = None
    sized_by_us: bool = False

    @property
    def host(self) -> str:
        """The name of the host."""
        return self.on_host.name

    @cached_property
    def running(self) -> tuple[ContainerObservation, ...]:
        """The instances that hold memory and connections."""
        return tuple(container for container in self.containers if _runs(container))

    @cached_property
    def joined_by(self) -> str | None:
        """A container that lives in the network, processes or shared memory of one of its containers, if there is any.

        It would go on running without them if that container were replaced.
        """
        own = {container.id for container in self.containers}
        others = [other for other in self.on_host.containers if own.intersection(other.joined) and _runs(other)]
        return others[0].name if others else None

    @cached_property
    def stopped(self) -> tuple[ContainerObservation, ...]:
        """The instances that do not run, and that Compose still counts."""
        return tuple(container for container in self.containers if not _runs(container))

    def limits(self, resource: str) -> list[float | None]:
        """The limit of each running instance, of each instance where none runs."""
        return [limit_of(container, resource, self.on_host.facts) for container in self.running or self.containers]

    def lowest_limit(self, resource: str) -> float | None:
        """The lowest limit of an instance; None where none of them has one."""
        return min((limit for limit in self.limits(resource) if limit is not None), default=None)

    def highest_limit(self, resource: str) -> float | None:
        """The highest limit of an instance, which the next one takes at most; None where any of them has none."""
        limits = self.limits(resource)
        return None if None in limits else max((limit for limit in limits if limit is not None), default=None)

    def shares(self, resource: str, *, of_host: bool) -> list[tuple[float, float]]:
        """Use and limit of each running instance where both are known.

        ``of_host``: the host's total stands for a limit that is missing, else such an instance is left out.
        """
        facts = self.on_host.facts
        total = (float(facts.memory) if resource == "memory" else float(facts.cpus)) if of_host else 0.0
        pairs = [
            (
                container.usage.memory if resource == "memory" else container.usage.cpus,
                limit_of(container, resource, facts) or total,
            )
            for container in self.running
        ]
        return [(float(use), limit) for use, limit in pairs if use is not None and limit]

    def held(self, resource: str) -> list[float]:
        """What each running instance takes of the host."""
        return [held_by(container, resource, self.on_host.facts) for container in self.running]

    @property
    def memory(self) -> int | None:
        """The lowest memory limit of an instance as Docker has it, bytes; None where none of them has one.

        One at the host's total is a value too here: it is what a change begins with, and what it is put back to.
        """
        limits = [container.limits.memory for container in self.running or self.containers]
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def cpus(self) -> float | None:
        """The lowest CPU limit of an instance as Docker has it, cores; None where none of them has one."""
        limits = [container.limits.cpus for container in self.running or self.containers]
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def memory_use(self) -> int:
        """The highest working set of an instance right now, bytes."""
        return max((container.usage.memory or 0 for container in self.containers), default=0)

    @property
    def file_cache(self) -> int:
        """The highest active file cache of an instance right now, bytes."""
        return max((container.usage.page_cache or 0 for container in self.containers), default=0)

    @property
    def cpu_use(self) -> float:
        """The highest CPU use of an instance right now, cores."""
        return max((container.usage.cpus or 0.0 for container in self.containers), default=0.0)

    @property
    def instances(self) -> int:
        """How many instances count against the host while any of them runs, or is to be started after an OOM kill.

        These are those that run, or those that the Compose files ask for where that is more.
        """
        asked = self.definition.replicas if self.definition else 0
        if self.running or self.oom_killed:
            return max(len(self.running), asked, 1)
        return 0

    @cached_property
    def peaks(self) -> Peaks:
        """What it used within the window, by the highest of its containers."""
        return Peaks() if self.window is None else peaks_of(self.histories, self.window, started=self._started)

    @property
    def _started(self) -> float | None:
        """When the oldest running container was started, Unix seconds; None where any start is unknown."""
        starts = [container.started_at for container in self.containers if container.state == "running"]
        if not starts or None in starts:
            return None
        try:
            moments = [datetime.fromisoformat(start) for start in starts if start is not None]
        except ValueError:
            return None
        return min(moment.timestamp() for moment in moments) if all(moment.tzinfo for moment in moments) else None

    @property
    def memory_peak(self) -> int:
        """The highest working set in the window or right now, bytes."""
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
    def oom_killed(self) -> bool:
        """Whether a container was killed for want of memory, by its history or by its own state."""
        return self.peaks.oom_kills > 0 or any(container.oom_killed for container in self.containers)

    @property
    def protected(self) -> bool:
        """Whether it is a database, a queue or a cache, as mapped or as it runs: these are never reduced unasked."""
        return self.role in PROTECTED_ROLES or bool(stores_in(self.containers))

    @property
    def pending(self) -> bool:
        """Whether Compose would recreate an instance, because the files in force say other than it was made from."""
        return any(container.current is False for container in self.containers)


def services_on(host: HostObservation, policy: Policy, window: Window | None = None) -> list[Service]:
    """All Compose services with a container on the host, by project and name, those that are not mapped among them."""
    containers: dict[tuple[str, str], list[ContainerObservation]] = defaultdict(list)
    for container in host.containers:
        if container.project and container.service:
            containers[container.project, container.service].append(container)
    histories: dict[tuple[str, str], list[ContainerHistory]] = defaultdict(list)
    for history in host.history:
        if history.project and history.service:
            histories[history.project, history.service].append(history)
    definitions = {
        (project.name, definition.name): definition for project in host.projects for definition in project.services
    }
    ours = {(project.name, name) for project in host.projects for name in _sized_by_us(project)}
    mapped, app = policy.application.services, policy.application.project
    return [
        Service(
            on_host=host,
            project=project,
            name=name,
            role=role_of(mapped[name].role, instances) if name in mapped and app in (None, project) else "",
            containers=tuple(sorted(instances, key=lambda container: (container.number or 0, container.name))),
            definition=definitions.get((project, name)),
            histories=tuple(histories[project, name]),
            window=window,
            sized_by_us=(project, name) in ours,
        )
        for (project, name), instances in sorted(containers.items())
    ]


def app_services(host: HostObservation, policy: Policy, window: Window | None = None) -> list[Service]:
    """The mapped services of the app's own project that have a container on the host, by name."""
    app = policy.application.project
    return [service for service in services_on(host, policy, window) if service.role and service.project == app]


def sampled_services(
    host: HostObservation, policy: Policy, at: datetime, only: Collection[str] | None = None
) -> list[Service]:
    """The mapped services with their peaks in the window of right-sizing that ends ``at``; ``only`` narrows them."""
    rules = policy.rightsizing
    window = Window(
        since=at.timestamp() - rules.window,
        until=at.timestamp(),
        cpu_percentile=rules.cpu_percentile,
        minimum_samples=rules.minimum_samples,
        cut_within=rules.cut_within,
    )
    return [service for service in app_services(host, policy, window) if only is None or service.name in only]


def _sized_by_us(project: ProjectObservation) -> set[str]:
    """The services whose memory limit our capacity file sets."""
    services = (project.capacity_file or {}).get("services")
    if not isinstance(services, dict):
        return set()
    return {name for name, keys in services.items() if limits_in(keys).memory is not None}
