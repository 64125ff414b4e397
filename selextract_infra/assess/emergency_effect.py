"""Whether an emergency helps: readings before and after, what has not recovered, what gives way instead (EPB-3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from selextract_infra.assess.mapped_role import PROTECTED_ROLES, roles_seen
from selextract_infra.assess.service import app_services
from selextract_infra.model.assessment import Assessment, Judgement, Level
from selextract_infra.model.emergency import EmergencyReading, Validation
from selextract_infra.model.figures import amount, duration
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import Observation

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["drill_findings", "kept_readings", "validated"]

_WATCHED = (
    "error_rate",
    "response_time_p95",
    "requests_per_second",
    "pending_tasks",
    "cpu_usage",
    "memory_usage",
    "database_connections",
)
_MORE_IS_BETTER = frozenset({"requests_per_second"})
_NEARLY = 0.02


def kept_readings(judgements: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """One reading of each metric and subject, the worst, of those that an emergency is judged by."""
    readings: dict[tuple[str, str], Judgement] = {}
    for judgement in judgements:
        if judgement.metric in _WATCHED and judgement.value is not None:
            readings.setdefault((judgement.subject, judgement.metric), judgement)
    return tuple(readings.values())


def validated(
    before: Sequence[Judgement], after: Assessment, observation: Observation, policy: Policy, *, at: datetime
) -> Validation:
    """The verdict at ``at``; ``before`` are the readings at the time at which the emergency began."""
    then = {(reading.subject, reading.metric): reading for reading in kept_readings(before)}
    now = {(reading.subject, reading.metric): reading for reading in kept_readings(after.judgements)}
    return Validation(
        at=at,
        effect=tuple(_reading(key, then.get(key), now.get(key)) for key in sorted({*then, *now})),
        unrecovered=tuple(_unrecovered(after, observation, policy)),
        cascades=tuple(_cascades(then, now, roles_seen(observation, policy))),
        severity=after.response.severity if after.response else None,
    )


def _reading(key: tuple[str, str], before: Judgement | None, after: Judgement | None) -> EmergencyReading:
    subject, metric = key
    first, last = (None if judgement is None else judgement.value for judgement in (before, after))
    known = before or after
    better = None
    unit = known.unit if known else ""
    # A difference that a person cannot see in the figures is no improvement and no harm.
    if first is not None and last is not None and amount(first, unit) != amount(last, unit):
        better = last >= first * (1 - _NEARLY) if metric in _MORE_IS_BETTER else last <= first * (1 + _NEARLY)
    return EmergencyReading(metric=metric, subject=subject, unit=unit, before=first, after=last, better=better)


def _unrecovered(after: Assessment, observation: Observation, policy: Policy) -> Iterator[str]:
    """What does not answer or is still critical."""
    for host in observation.hosts:
        if host.problem is not None:
            yield f"{host.name} cannot be looked at"
        for container in (container for service in app_services(host, policy) for container in service.containers):
            if container.state != "running" or container.health not in (None, "healthy"):
                yield f"{container.name} is {container.health or container.state}"
    yield from (f"{host} is not reached" for host in observation.unreachable)
    for judgement in after.judgements:
        if judgement.alert and judgement.coverage is not None and judgement.level.rank >= Level.CRITICAL.rank:
            yield f"{judgement.subject} {judgement.metric} {judgement.sentence}"


def _cascades(
    then: dict[tuple[str, str], Judgement], now: dict[tuple[str, str], Judgement], roles: Mapping[str, str]
) -> Iterator[Finding]:
    """Hosts, databases and caches that were well before and are not now (EPB-3.3)."""
    for (subject, metric), after in sorted(now.items()):
        before = then.get((subject, metric))
        host, _, service = subject.partition("/")
        watched = not service or roles.get(service) in PROTECTED_ROLES or metric == "database_connections"
        worse = after.level.rank >= Level.WARNING.rank and (before is None or before.level.rank < after.level.rank)
        if watched and worse:
            yield Finding(
                rule="EPB-3.3",
                severity=Severity.BREAKING if after.level.rank >= Level.CRITICAL.rank else Severity.MAJOR,
                rule_class=RuleClass.WARN,
                subject=subject,
                sentence=f"Since the emergency began, {metric} of {subject or host} is worse: {after.sentence}.",
                resolution="selextract-infra emergency revert",
            )


def drill_findings(last: datetime | None, policy: Policy, at: datetime) -> tuple[Finding, ...]:
    """Whether the emergency was rehearsed lately enough (REC-05)."""
    every = policy.emergency.drill_every
    if last is not None and (at - last).total_seconds() <= every:
        return ()
    when = "has never been rehearsed" if last is None else f"was last rehearsed on {last:%Y-%m-%d}"
    often = duration(every)
    return (
        Finding(
            rule="REC-05",
            severity=Severity.MINOR,
            rule_class=RuleClass.WARN,
            subject="emergency drill",
            sentence=f"From this control machine the emergency {when}; it should be every {often}.",
            resolution="selextract-infra emergency drill",
        ),
    )
