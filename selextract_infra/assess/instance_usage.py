"""What the running instances of a service use of what they may, also where a reading or a limit is missing.

As Kubernetes' autoscaler does it: what was not read counts as nothing where more are asked for and as everything where
fewer are, so that a gap alone neither adds an instance nor takes one away. An instance without a limit may use what it
uses and its part of what is idle on the host, which is all that the host can give it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selextract_infra.assess.service import Service, app_services, limit_of
from selextract_infra.model.finding import Finding, RuleClass, Severity

if TYPE_CHECKING:
    from selextract_infra.model.observation import ContainerObservation, HostObservation, Observation
    from selextract_infra.policy import Policy

__all__ = ["ServiceUsage", "cpu_usage", "memory_usage", "usage_gaps"]

_SCALED_ROLES = frozenset({"api", "worker"})
_FULL = 1.0


@dataclass(frozen=True, slots=True)
class ServiceUsage:
    """Shares of what the instances may use: ``least`` where what was not read is nothing, ``most`` where it is all."""

    least: float
    most: float


def cpu_usage(service: Service) -> ServiceUsage | None:
    """The mean of all running instances; None where none was read, or neither a limit nor the host's size is known."""
    shares = _shares(service, "cpus")
    number, missing = len(service.running), len(service.running) - len(shares)
    return ServiceUsage(sum(shares) / number, (sum(shares) + missing * _FULL) / number) if shares else None


def memory_usage(service: Service) -> ServiceUsage | None:
    """The fullest of all running instances, likewise."""
    shares = _shares(service, "memory")
    missing = len(service.running) - len(shares)
    return ServiceUsage(max(shares), max(*shares, _FULL) if missing else max(shares)) if shares else None


def _shares(service: Service, resource: str) -> list[float]:
    """Of each running instance that was read, what it uses of its limit, or of what the host can give it."""
    host = service.on_host
    read = [(container, use) for container in service.running if (use := _use(container, resource)) is not None]
    limits = [limit_of(container, resource, host.facts) for container, _ in read]
    size = float(host.facts.memory if resource == "memory" else host.facts.cpus)
    if None in limits and not size:
        return []
    part = _idle(host, resource, size) / max(1, limits.count(None))
    ceilings = [limit or min(size, use + part) for (_, use), limit in zip(read, limits, strict=True)]
    return [use / ceiling if use else 0.0 for (_, use), ceiling in zip(read, ceilings, strict=True)]


def _use(container: ContainerObservation, resource: str) -> float | None:
    return container.usage.memory if resource == "memory" else container.usage.cpus


def _idle(host: HostObservation, resource: str, size: float) -> float:
    """What nothing uses: of memory what the host says is available, of CPU what its containers leave."""
    if resource == "memory" and host.facts.memory_available is not None:
        return float(host.facts.memory_available)
    return max(0.0, size - sum(_use(container, resource) or 0.0 for container in host.containers))


def usage_gaps(seen: Observation, policy: Policy) -> Iterator[Finding]:
    """A finding for each service that is scaled and of whose instances a reading or a limit is missing."""
    for host in seen.hosts:
        for service in app_services(host, policy) if host.problem is None else ():
            if service.role in _SCALED_ROLES:
                yield from _gaps(service)


def _gaps(service: Service) -> Iterator[Finding]:
    subject = f"{service.host}/{service.name}"
    for resource, word in (("cpus", "CPU"), ("memory", "memory")):
        unread = [container.name for container in service.running if _use(container, resource) is None]
        without = [
            container.name
            for container in service.running
            if limit_of(container, resource, service.on_host.facts) is None
        ]
        if unread:
            yield _finding(
                "TRG-06",
                Severity.MINOR,
                subject,
                f"The {word} of {', '.join(unread)} was not read: it counts as 0 % where more instances are asked for,"
                " and as 100 % where fewer are.",
                "selextract-infra observe shows what Docker says of it",
            )
        if without:
            yield _finding(
                "CTR-00",
                Severity.INFO,
                subject,
                f"{', '.join(without)} without a {word} limit: its use is judged against what the host can give it.",
                "rightsize --settle gives it one",
            )


def _finding(rule: str, severity: Severity, subject: str, sentence: str, resolution: str) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        rule_class=RuleClass.REPORT,
        subject=subject,
        sentence=sentence,
        resolution=resolution,
    )
