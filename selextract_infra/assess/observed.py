"""Measurements and headroom from an Observation: what the sampler recorded, else what was seen at one moment.

Of a service with several containers the highest counts, not the mean. Use without a limit is measured against the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from selextract_infra.assess.headroom import headroom_of
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.samples import Samples, highest_share
from selextract_infra.model.assessment import Headroom
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import ContainerObservation, HostObservation, Observation
from selextract_infra.policy import Policy

__all__ = ["headroom_seen", "instances_of_role", "measurements_of", "project_missing"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Service:
    """The containers of one Compose service on one host, with their histories."""

    host: HostObservation
    project: str
    name: str
    role: str | None
    containers: tuple[ContainerObservation, ...]
    histories: tuple[ContainerHistory, ...]

    @property
    def subject(self) -> str:
        return f"{self.host.name}/{self.name}"


def measurements_of(seen: Observation, policy: Policy) -> tuple[Measurement, ...]:
    """Everything that the Observation says about the metrics of the Policy, host by host, service by service."""
    return tuple(measurement for host in seen.hosts for measurement in _of_host(host, seen, policy))


def _of_host(host: HostObservation, seen: Observation, policy: Policy) -> Iterator[Measurement]:
    now = seen.at.timestamp()
    facts = host.facts
    if facts.memory > 0 and facts.memory_available is not None:
        yield _single("memory_usage", host.name, now, 1 - facts.memory_available / facts.memory)
    if facts.disk_total and facts.disk_free is not None:
        yield _single("disk_usage", host.name, now, 1 - facts.disk_free / facts.disk_total)
        yield _single("data_storage", host.name, now, float(facts.disk_total - facts.disk_free))
    for service in _services(host, policy):
        yield from _of_service(service, now)


def _single(metric: str, subject: str, at: float, value: float, role: str | None = None) -> Measurement:
    return Measurement(metric, subject, Samples((at,), (value,)), role)


def _services(host: HostObservation, policy: Policy) -> Iterator[_Service]:
    mapped, project = policy.application.services, policy.application.project
    names = sorted({(c.project, c.service) for c in host.containers if c.project and c.service})
    for project_name, name in names:
        ours = project is None or project_name == project
        yield _Service(
            host,
            project_name or "",
            name or "",
            mapped[name].role if ours and name in mapped else None,
            host.containers_of(project_name or "", name or ""),
            tuple(h for h in host.history if (h.project, h.service) == (project_name, name) and len(h.at)),
        )


def _of_service(service: _Service, now: float) -> Iterator[Measurement]:
    cpus, memory = _limits(service)
    if service.histories:
        interval = max(history.bucket_seconds for history in service.histories)
        at = [history.at.astype(np.float64) + history.bucket_seconds for history in service.histories]
        for metric, capacity, columns in (
            ("cpu_usage", cpus, [history.cpu for history in service.histories]),
            ("memory_usage", memory, [history.memory.astype(np.float64) for history in service.histories]),
        ):
            if capacity:
                stamps, highest = _combined(at, columns, "highest")
                samples = Samples(stamps.tolist(), (highest / capacity).tolist(), interval)
                yield Measurement(metric, service.subject, samples, service.role)
        return
    running = [container.usage for container in service.containers if container.state == "running"]
    for metric, capacity, values in (
        ("cpu_usage", cpus, [usage.cpus for usage in running if usage.cpus is not None]),
        ("memory_usage", memory, [float(usage.memory) for usage in running if usage.memory is not None]),
    ):
        if capacity and values:
            yield _single(metric, service.subject, now, max(values) / capacity, service.role)


def _limits(service: _Service) -> tuple[float, float]:
    """The lowest limits of a service's containers in cores and bytes, else the host's size, else 0."""
    cpus = [c.limits.cpus for c in service.containers if c.limits.cpus]
    memory = [c.limits.memory for c in service.containers if c.limits.memory]
    facts = service.host.facts
    return min(cpus, default=float(facts.cpus)), float(min(memory, default=facts.memory))


def _combined(at: Sequence[Floats], columns: Sequence[Floats], how: str) -> tuple[Floats, Floats]:
    """Several series as one: the highest, or the sum, of what was recorded for each stamp."""
    stamps, values = np.concatenate(at), np.concatenate(columns)
    order = np.argsort(stamps, kind="stable")
    unique, first = np.unique(stamps[order], return_index=True)
    combine = np.maximum if how == "highest" else np.add
    return unique, combine.reduceat(values[order], first)


def headroom_seen(seen: Observation, policy: Policy) -> tuple[Headroom, ...]:
    """Headroom of every host and service: CPU by the percentile of the Policy, memory and disk by the highest seen."""
    return tuple(row for host in seen.hosts for row in _headroom_of_host(host, policy))


def _headroom_of_host(host: HostObservation, policy: Policy) -> Iterator[Headroom]:
    facts = host.facts
    histories = [history for history in host.history if len(history.at)]
    if facts.cpus and histories:
        _, total = _combined([h.at.astype(np.float64) for h in histories], [h.cpu for h in histories], "sum")
        used = highest_share(total.tolist(), policy.rightsizing.cpu_percentile)
        yield headroom_of(host.name, "CPU", "cores", used, float(facts.cpus), policy)
    if facts.memory and facts.memory_available is not None:
        used = float(facts.memory - facts.memory_available)
        yield headroom_of(host.name, "memory", "bytes of RAM", used, float(facts.memory), policy)
    if facts.disk_total and facts.disk_free is not None:
        used = float(facts.disk_total - facts.disk_free)
        yield headroom_of(host.name, "disk", "bytes", used, float(facts.disk_total), policy)
    for service in _services(host, policy):
        yield from _headroom_of_service(service, policy)


def _headroom_of_service(service: _Service, policy: Policy) -> Iterator[Headroom]:
    cpus, memory = _limits(service)
    cpu_used, memory_used = _highest_use(service, policy.rightsizing.cpu_percentile)
    if cpus and cpu_used is not None:
        yield headroom_of(service.subject, "CPU", "cores", cpu_used, cpus, policy)
    if memory and memory_used is not None:
        yield headroom_of(service.subject, "memory", "bytes of RAM", memory_used, memory, policy)


def _highest_use(service: _Service, percentile: float) -> tuple[float | None, float | None]:
    """The use of the busiest container: of the history where there is one, else of the moment."""
    if service.histories:
        cpu = max(highest_share(history.cpu.tolist(), percentile) for history in service.histories)
        return cpu, float(max(history.memory.max() for history in service.histories))
    running = [container.usage for container in service.containers if container.state == "running"]
    cpu_now = max((usage.cpus for usage in running if usage.cpus is not None), default=None)
    memory_now = max((usage.memory for usage in running if usage.memory is not None), default=None)
    return cpu_now, None if memory_now is None else float(memory_now)


def project_missing(seen: Observation, policy: Policy) -> bool:
    """Whether the mapping names a Compose project of which no host has a container."""
    project = policy.application.project
    return project is not None and all(one.project != project for host in seen.hosts for one in host.containers)


def instances_of_role(seen: Observation, policy: Policy, role: str) -> int | None:
    """How many containers of a role of the guide run on all hosts.

    None where no service is mapped to it, and where no host has the mapping's Compose project.
    """
    names, project = policy.application.services_of(role), policy.application.project
    if not names or project_missing(seen, policy):
        return None
    return sum(
        container.state == "running" and container.service in names and project in (None, container.project)
        for host in seen.hosts
        for container in host.containers
    )
