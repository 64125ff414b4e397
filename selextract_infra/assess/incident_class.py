"""What an emergency is bound by, because that says what helps and what makes it worse (X-14, X-16).

Container-limit-bound: raise the limit. Concurrency-bound: more instances. Host-bound: never more on that host.
Database-bound: never more of what connects to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from selextract_infra.model.assessment import Judgement, Level
from selextract_infra.model.scaling import Bound, BoundKind

__all__ = ["HOST_ROLE", "Pressure", "bounds_of", "pressures"]

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


def bounds_of(pressures: Iterable[Pressure]) -> tuple[Bound, ...]:
    """The bottlenecks, what forbids most first.

    Errors, slow answers and queues are symptoms: they mean too little concurrency only where no host, database or
    limit explains them. Without any pressure (a service is down, or a person asks) the bottleneck is unknown.
    """
    hard: list[Bound] = []
    soft: list[Bound] = []
    for pressure in pressures:
        kind = _kind(pressure)
        bound = Bound(kind=kind, host=pressure.host, service=pressure.service, why=pressure.why or pressure.metric)
        (soft if kind is BoundKind.CONCURRENCY else hard).append(bound)
    order = list(BoundKind)
    bounds = sorted(hard or soft, key=lambda bound: (order.index(bound.kind), bound.host, bound.service))
    return tuple(bounds) or (Bound(kind=BoundKind.UNKNOWN, why="no reading says what it is bound by"),)


def _kind(pressure: Pressure) -> BoundKind:
    if pressure.role == "database" or pressure.metric in _OF_DATABASE:
        return BoundKind.DATABASE
    if pressure.metric in _RESOURCES:
        return BoundKind.HOST if pressure.role == HOST_ROLE else BoundKind.LIMIT
    return BoundKind.CONCURRENCY
