"""What an emergency is bound by, because that says what helps and what makes it worse (X-14, X-16).

Container-limit-bound: raise the limit. Concurrency-bound: more instances. Host-bound: never more on that host.
Database-bound: never more of what connects to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from selextract_infra.model.assessment import Judgement, Level
from selextract_infra.model.scaling import IncidentBottleneck, IncidentBottleneckKind

__all__ = ["HOST_ROLE", "Pressure", "incident_bottlenecks", "pressures"]

HOST_ROLE = "host"
_RESOURCES = frozenset({"cpu_usage", "memory_usage"})
_OF_DATABASE = frozenset({"database_connections"})


@dataclass(frozen=True, slots=True)
class Pressure:
    """One reading beyond an emergency threshold: of a host (``role`` is ``host``) or of a service."""

    metric: str
    role: str
    host: str = ""
    service: str = ""
    why: str = ""


def pressures(judgements: Iterable[Judgement], roles: dict[str, str]) -> tuple[Pressure, ...]:
    """The readings that start an emergency, by their subjects: ``app1`` is a host, ``app1/api`` a service on it.

    ``roles`` has the role of each service. What is unknown or merely critical starts nothing.
    """
    pressed = []
    for judgement in judgements:
        if judgement.level is not Level.EMERGENCY:
            continue
        host, _, service = judgement.subject.partition("/")
        if not service and host in roles:
            host, service = "", host
        role = roles.get(service, "") if service else HOST_ROLE
        why = f"{judgement.subject} {judgement.metric} {judgement.sentence} ({judgement.item})"
        pressed.append(Pressure(judgement.metric, role, host, service, why))
    return tuple(pressed)


def incident_bottlenecks(pressures: Iterable[Pressure]) -> tuple[IncidentBottleneck, ...]:
    """The bottlenecks, what forbids most first.

    Errors, slow answers and queues are symptoms: they mean too little concurrency only where no host, database or
    limit explains them. Without any pressure (a service is down, or a person asks) the bottleneck is unknown.
    """
    hard: list[IncidentBottleneck] = []
    soft: list[IncidentBottleneck] = []
    for pressure in pressures:
        kind = _kind(pressure)
        bottleneck = IncidentBottleneck(
            kind=kind, host=pressure.host, service=pressure.service, why=pressure.why or pressure.metric
        )
        (soft if kind is IncidentBottleneckKind.CONCURRENCY else hard).append(bottleneck)
    order = list(IncidentBottleneckKind)
    bottlenecks = sorted(
        hard or soft, key=lambda bottleneck: (order.index(bottleneck.kind), bottleneck.host, bottleneck.service)
    )
    return tuple(bottlenecks) or (
        IncidentBottleneck(kind=IncidentBottleneckKind.UNKNOWN, why="no reading says what it is bound by"),
    )


def _kind(pressure: Pressure) -> IncidentBottleneckKind:
    if pressure.role == "database" or pressure.metric in _OF_DATABASE:
        return IncidentBottleneckKind.DATABASE
    if pressure.metric in _RESOURCES:
        return IncidentBottleneckKind.HOST if pressure.role == HOST_ROLE else IncidentBottleneckKind.LIMIT
    return IncidentBottleneckKind.CONCURRENCY
