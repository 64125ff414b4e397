"""What an emergency rests on, by an Observation and its Assessment (EPB-1, X-70), and its bottleneck (X-14, X-16).

The bottleneck says what helps and what makes it worse. Container-limit-bound: raise the limit. Concurrency-bound: more
instances. Host-bound: never more on that host. Database-bound: never more of what connects to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from selextract_infra.assess.mapped_role import OTHER, roles_on, roles_seen
from selextract_infra.assess.room import DatabaseSide, HostSize
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.assess.scaling_inputs import (
    RedisSide,
    database_side,
    host_size,
    only_instances,
    redis_side,
    scaled_services,
)
from selextract_infra.assess.severity import Signals, classify
from selextract_infra.errors import RefusedError
from selextract_infra.model.assessment import Assessment, IncidentSeverity, Judgement, Level
from selextract_infra.model.emergency import open_emergencies
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.scaling import IncidentBottleneck, IncidentBottleneckKind

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = [
    "HOST_ROLE",
    "EdgeSide",
    "EmergencySituation",
    "Pressure",
    "affected_by",
    "bottlenecks_seen",
    "impact_of",
    "incident_bottlenecks",
    "pressures",
    "refuse_during_emergency",
    "situation_of",
]

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


_RAISED = Level.WARNING.rank


def refuse_during_emergency(observation: Observation) -> None:
    """Raise RefusedError while an emergency is on: its values are not the usual ones and are taken back (X-17)."""
    active = open_emergencies(observation)
    if active:
        since = active[0].began_at
        raise RefusedError(
            f"An emergency is on since {since:%Y-%m-%d %H:%M:%S}Z on "
            f"{', '.join(emergency.host for emergency in active)};"
            " its values are not the usual ones, and they are taken back (X-17).",
            rule="X-17",
            remedy="selextract-infra emergency revert, or wait until it ends",
        )


def bottlenecks_seen(
    judgements: Collection[Judgement], policy: Policy, observation: Observation | None = None
) -> tuple[IncidentBottleneck, ...]:
    """What the system is bound by, from all readings; unknown where none says so.

    Roles count by what runs where ``observation`` says it.
    """
    return incident_bottlenecks(pressures(judgements, roles_seen(observation, policy)))


def situation_of(
    observation: Observation,
    assessment: Assessment,
    policy: Policy,
    *,
    severity: IncidentSeverity | None = None,
    hosts: Collection[str] | None = None,
) -> EmergencySituation:
    """Services with counts and limits, the hosts, the bottlenecks, and whether an emergency is on already.

    ``severity`` is None where a person asks without an incident that the readings show. ``hosts`` narrows the hosts.
    """
    looked_at = [host for host in observation.hosts if host.problem is None and (hosts is None or host.name in hosts)]
    roles = {role for host in looked_at for role in roles_on(host, policy).values() if role != OTHER}
    active = open_emergencies(observation)
    return EmergencySituation(
        at=observation.at,
        services=[
            service
            for host in looked_at
            if (project := host.project(policy.application.project or "")) is not None and project.unwritable is None
            for service in scaled_services(host, policy, roles)
        ],
        hosts=[host_size(host, policy, roles) for host in looked_at],
        bounds=bottlenecks_seen(assessment.judgements, policy, observation),
        database=_database(looked_at, policy),
        redis=next((redis_side(host, policy) for host in looked_at), None),
        severity=severity,
        unavailable=_down(assessment),
        active_since=min((emergency.began_at for emergency in active), default=None),
        edges=tuple(_edge(host) for host in looked_at if _runs_nginx(host, policy)) or (EdgeSide(),),
        pinned={key: why for host in looked_at for key, why in only_instances(host, policy).items()},
    )


def _database(hosts: Sequence[HostObservation], policy: Policy) -> DatabaseSide:
    """How the app reaches Postgres; nothing is replaced while an emergency begins, so there is no surge."""
    side = next((database_side(host, policy) for host in hosts if host.postgres is not None), DatabaseSide())
    return replace(side, surge=0)


def _runs_nginx(host: HostObservation, policy: Policy) -> bool:
    names = policy.application.services_of("nginx")
    return any(
        container.service in names and container.project == policy.application.project for container in host.containers
    )


def _edge(host: HostObservation) -> EdgeSide:
    """Whether Nginx has read our files there, without which a switch does nothing."""
    edge = host.traffic.edge
    if edge is not None and edge.read:
        return EdgeSide(host.name)
    return EdgeSide(host.name, "Nginx has not read our files yet; selextract-infra balancer on")


def _down(assessment: Assessment) -> tuple[str, ...]:
    """Services of which the Assessment says that they are down."""
    reasons = assessment.response.because if assessment.response else ()
    return tuple(reason.removesuffix(" is down") for reason in reasons if reason.endswith(" is down"))


def affected_by(assessment: Assessment) -> tuple[str, ...]:
    """What does not answer, then what has a raised reading, worst first."""
    raised = [
        judgement.subject for judgement in assessment.judgements if judgement.alert and judgement.level.rank >= _RAISED
    ]
    return tuple(dict.fromkeys([*_down(assessment), *raised]))


def impact_of(assessment: Assessment, policy: Policy) -> str:
    """What it means for users and business, as far as readings say (EPB-1.3)."""
    worst = {
        judgement.metric: judgement for judgement in reversed(assessment.judgements) if judgement.level.rank >= _RAISED
    }
    sentences = [f"{name} does not answer" for name in _down(assessment)]
    if "error_rate" in worst:
        sentences.append(f"users see errors: {worst['error_rate'].sentence}")
    slow = worst.get("response_time_p95") or worst.get("response_time")
    if slow is not None:
        sentences.append(f"users wait: {slow.sentence}")
    if "pending_tasks" in worst:
        sentences.append(f"tasks are late: {worst['pending_tasks'].sentence}")
    if not sentences and classify(assessment.judgements, policy, Signals()) is not None:
        sentences.append("users may not notice it yet")
    return "; ".join(sentences) or "no reading says that users notice anything"


@dataclass(frozen=True, slots=True)
class EdgeSide:
    """The host on which Nginx runs, and why a switch would do nothing there (None where it works)."""

    host: str = ""
    unread: str | None = None


@dataclass(frozen=True)
class EmergencySituation:
    """Everything that a grant rests on.

    ``services`` are those that may be scaled or get higher limits, with their present counts and limits; what else the
    hosts carry is in ``hosts``. ``severity`` is None where a person started it. ``active_since`` is set while an
    emergency is on: there is one at a time, and it multiplies what was there before it, once (X-36, X-74). ``pinned``
    has, by host and service, why there can be only one instance.
    """

    at: datetime
    services: Sequence[ScaledService]
    hosts: Sequence[HostSize]
    bounds: Sequence[IncidentBottleneck]
    database: DatabaseSide | None = None
    redis: RedisSide | None = None
    severity: IncidentSeverity | None = None
    unavailable: Sequence[str] = ()
    active_since: datetime | None = None
    pinned: Mapping[tuple[str, str], str] = field(default_factory=dict)
    edges: Sequence[EdgeSide] = (EdgeSide(),)
