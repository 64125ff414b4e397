"""Measurements and headroom from an Observation: what the sampler recorded, else what was seen at one moment.

Of a service with several instances the one that is nearest to its own limit counts, not the mean. Use without a limit
is measured against the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from selextract_infra.assess.headroom import headroom_of
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.samples import Samples, highest_share
from selextract_infra.assess.service import Service, limit_of, services_on
from selextract_infra.model.assessment import Headroom
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.policy import Policy

__all__ = ["headroom_seen", "instances_of_role", "measurements_of", "project_missing"]

Floats = NDArray[np.float64]


def measurements_of(observation: Observation, policy: Policy) -> tuple[Measurement, ...]:
    """Everything that the Observation says about the metrics of the Policy, host by host, service by service."""
    return tuple(measurement for host in observation.hosts for measurement in _of_host(host, observation, policy))


def _of_host(host: HostObservation, observation: Observation, policy: Policy) -> Iterator[Measurement]:
    now = observation.at.timestamp()
    facts = host.facts
    if facts.memory > 0 and facts.memory_available is not None:
        yield _single("memory_usage", host.name, now, 1 - facts.memory_available / facts.memory)
    if facts.disk_total and facts.disk_free is not None:
        yield _single("disk_usage", host.name, now, 1 - facts.disk_free / facts.disk_total)
        yield _single("data_storage", host.name, now, float(facts.disk_total - facts.disk_free))
    for service in services_on(host, policy):
        yield from _of_service(service, now)


def _single(metric: str, subject: str, at: float, value: float, role: str | None = None) -> Measurement:
    return Measurement(metric, subject, Samples((at,), (value,)), role)


def _of_service(service: Service, now: float) -> Iterator[Measurement]:
    histories = [history for history in service.histories if len(history.at)]
    subject, role = f"{service.host}/{service.name}", service.role or None
    for metric, resource in (("cpu_usage", "cpus"), ("memory_usage", "memory")):
        recorded = [(history, limit) for history in histories if (limit := _limit(service, history, resource))]
        if recorded:
            at = [history.at.astype(np.float64) + history.bucket_seconds for history, _ in recorded]
            shares = [_column(history, resource) / limit for history, limit in recorded]
            stamps, highest = _combined(at, shares, "highest")
            interval = max(history.bucket_seconds for history in histories)
            yield Measurement(metric, subject, Samples(stamps.tolist(), highest.tolist(), interval), role)
        elif not histories and (pairs := service.shares(resource, of_host=True)):
            yield _single(metric, subject, now, max(use / limit for use, limit in pairs), role)


def _limit(service: Service, history: ContainerHistory, resource: str) -> float:
    """The limit of the container that a history is of; of one that is gone, the lowest of those that are there.

    Else the host's size, 0 where that is unknown.
    """
    facts = service.on_host.facts
    own = next((container for container in service.containers if container.name == history.name), None)
    limit = service.lowest_limit(resource) if own is None else limit_of(own, resource, facts)
    return limit or float(facts.memory if resource == "memory" else facts.cpus)


def _column(history: ContainerHistory, resource: str) -> Floats:
    return history.memory.astype(np.float64) if resource == "memory" else history.cpu


def _combined(at: Sequence[Floats], columns: Sequence[Floats], how: str) -> tuple[Floats, Floats]:
    """Several series as one: the highest, or the sum, of what was recorded for each stamp."""
    stamps, values = np.concatenate(at), np.concatenate(columns)
    order = np.argsort(stamps, kind="stable")
    unique, first = np.unique(stamps[order], return_index=True)
    combine = np.maximum if how == "highest" else np.add
    return unique, combine.reduceat(values[order], first)


def headroom_seen(observation: Observation, policy: Policy) -> tuple[Headroom, ...]:
    """Headroom of every host and service: CPU by the percentile of the Policy, memory and disk by the highest seen."""
    return tuple(row for host in observation.hosts for row in _headroom_of_host(host, policy))


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
    for service in services_on(host, policy):
        yield from _headroom_of_service(service, policy)


def _headroom_of_service(service: Service, policy: Policy) -> Iterator[Headroom]:
    """By the instance that is nearest to its own limit: of the history where there is one, else of the moment."""
    histories = [history for history in service.histories if len(history.at)]
    for resource, name, unit in (("cpus", "CPU", "cores"), ("memory", "memory", "bytes of RAM")):
        percentile = policy.rightsizing.cpu_percentile if resource == "cpus" else 1.0
        pairs = [
            (highest_share(_column(history, resource).tolist(), percentile), limit)
            for history in histories
            if (limit := _limit(service, history, resource))
        ] or service.shares(resource, of_host=True)
        if pairs:
            used, limit = max(pairs, key=lambda pair: pair[0] / pair[1])
            yield headroom_of(f"{service.host}/{service.name}", name, unit, used, limit, policy)


def project_missing(observation: Observation, policy: Policy) -> bool:
    """Whether the mapping names a Compose project of which no host has a container."""
    project = policy.application.project
    return project is not None and all(
        container.project != project for host in observation.hosts for container in host.containers
    )


def instances_of_role(observation: Observation, policy: Policy, role: str) -> int | None:
    """How many containers of a role of the guide run on all hosts.

    None where no service is mapped to it, and where no host has the mapping's Compose project.
    """
    if not policy.application.services_of(role) or project_missing(observation, policy):
        return None
    return sum(
        len(service.running)
        for host in observation.hosts
        for service in services_on(host, policy)
        if service.role == role
    )
