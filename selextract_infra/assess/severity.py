"""Severity of an incident, and who has to do what by when (SEV, X-70).

The guide gives no criteria. Ours, until the policy states others: P1 is anything that starts an emergency by itself, a
service that is down, or an open circuit breaker; P2 a critical threshold; P3 a sustained warning or exhaustion within
the critical days; P4 exhaustion within the warning days. The clock starts at detection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import IncidentSeverity, Judgement, Level, Response
from selextract_infra.policy import Policy
from selextract_infra.policy.schema.operation import Criterion

__all__ = ["Signals", "StepClock", "classify", "respond", "step_clock"]

_MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for an incident besides readings.

    ``down`` names services that do not answer. ``days_left`` maps a resource to the days until it is used up.
    """

    down: tuple[str, ...] = ()
    breaker_open: tuple[str, ...] = ()
    days_left: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class StepClock:
    """One step of the emergency playbook; ``ends_at`` is None for the last, which has no end."""

    name: str
    starts_at: datetime
    ends_at: datetime | None


def classify(
    judgements: Iterable[Judgement], policy: Policy, signals: Signals | None = None
) -> tuple[IncidentSeverity, tuple[str, ...]] | None:
    """The severity with what speaks for it, worst reason first; None when nothing does.

    A single reading without a window behind it says nothing about an incident, nor does low throughput alone (X-38).
    """
    signals = signals or Signals()
    criteria = policy.emergency.classification.criteria.value
    severity_of = {kind: IncidentSeverity(name) for name, kinds in criteria.items() for kind in kinds}
    reasons: dict[IncidentSeverity, list[str]] = {severity: [] for severity in IncidentSeverity}
    for kind, sentence in _speaking(tuple(judgements), policy, signals):
        if kind in severity_of:
            reasons[severity_of[kind]].append(sentence)
    worst = next((severity for severity in IncidentSeverity if reasons[severity]), None)
    return None if worst is None else (worst, tuple(dict.fromkeys(reasons[worst]))[:_MOST_REASONS])


def _speaking(judgements: Sequence[Judgement], policy: Policy, signals: Signals) -> Iterator[tuple[Criterion, str]]:
    """What speaks for an incident, each by its criterion with a sentence (SEV-05)."""
    for name in signals.down:
        yield "service down", f"{name} is down"
    for name in signals.breaker_open:
        yield "circuit breaker open", f"the circuit breaker of {name} is open"
    together = _triggers_hold(judgements, policy)
    for judgement in judgements:
        kind = _of_reading(judgement, together=together)
        if kind is not None:
            yield kind, f"{judgement.subject} {judgement.metric} {judgement.sentence}"
    for resource, days in sorted((signals.days_left or {}).items()):
        if days < policy.prediction.critical.days:
            yield "exhaustion in less than the critical days", f"{resource} is used up in {days:.0f} days"
        elif days < policy.prediction.warning.days:
            yield "exhaustion in less than the warning days", f"{resource} is used up in {days:.0f} days"


def _triggers_hold(judgements: Sequence[Judgement], policy: Policy) -> bool:
    """Whether the automatic triggers that hold are enough: any of them, or all where the policy says so (X-74)."""
    if policy.emergency.combination.value == "any":
        return True
    held = {judgement.metric for judgement in judgements if judgement.level is Level.EMERGENCY}
    return {trigger.condition.metric for trigger in policy.emergency.conditions.values()} <= held


def _of_reading(judgement: Judgement, *, together: bool) -> Criterion | None:
    momentary = judgement.coverage is None
    if momentary or not judgement.alert or judgement.level.rank < Level.WARNING.rank:
        return None
    if judgement.level is Level.EMERGENCY and together:
        return "automatic trigger"
    if judgement.level.rank >= Level.CRITICAL.rank:
        if not judgement.pages:
            return None
        errors = judgement.metric == "error_rate"
        return "error rate above the investigation trigger" if errors else "critical threshold"
    return "sustained warning" if judgement.window_seconds > 0 else None


def respond(severity: IncidentSeverity, because: tuple[str, ...], detected_at: datetime, policy: Policy) -> Response:
    """What the severity asks for: action, channels and deadlines, counted from detection (SEV-01 to SEV-04).

    Only P1 escalates: without an answer in the time of EMN-02, others hear of it. Raises UsageError for a policy that
    has no such severity, or a time without a zone.
    """
    if detected_at.utcoffset() is None:
        raise UsageError("The time of detection has no time zone.")
    level = policy.emergency.severities.get(severity.value)
    if level is None:
        raise UsageError(f"The policy has no severity {severity}.")
    escalation = timedelta(seconds=policy.emergency.notifications.escalate_after)
    return Response(
        severity=severity,
        because=because,
        action=level.action,
        channels=level.notify,
        detected_at=detected_at,
        respond_by=detected_at + timedelta(seconds=level.respond),
        escalate_at=detected_at + escalation if severity is IncidentSeverity.P1 else None,
    )


def step_clock(detected_at: datetime, policy: Policy) -> tuple[StepClock, ...]:
    """The steps of the emergency playbook by the clock; they hold for P1 only (X-70)."""
    steps = []
    for name, step in policy.emergency.playbook.items():
        end = None if step.window.end is None else detected_at + timedelta(seconds=step.window.end)
        steps.append(StepClock(name, detected_at + timedelta(seconds=step.window.start), end))
    return tuple(steps)
