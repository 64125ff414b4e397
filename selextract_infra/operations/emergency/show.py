"""The emergency: the first look, what is granted, whether it helps, what was put back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from selextract_infra.model.figures import amount, cores, latency, percent, resource_value
from selextract_infra.report.plan import findings_table
from selextract_infra.report.table import Block, Cell, Line, Table, Tone, fields, number, prose, table

if TYPE_CHECKING:
    from selextract_infra.model.decision import Decision
    from selextract_infra.model.emergency import Drill, EmergencyAssessment, Reverted, Validation
    from selextract_infra.model.scaling import EmergencyDecision

__all__ = [
    "effect_table",
    "grant_table",
    "show_assessment",
    "show_drill",
    "show_grant",
    "show_reverted",
    "show_validation",
]

_BETTER = {True: "yes", False: "no", None: "same"}


def show_assessment(assessment: EmergencyAssessment) -> Iterator[Block]:
    """The first look."""
    rows = [("severity", assessment.severity or "no incident by the readings")]
    if assessment.assessment.response:
        rows.append(("because", "; ".join(assessment.assessment.response.because)))
    rows.append(("affected", ", ".join(assessment.affected) or "nothing"))
    rows += [("bound by", f"{bottleneck.kind}: {bottleneck.why}") for bottleneck in assessment.bounds]
    rows.append(("impact", assessment.impact))
    rows += [
        ("emergency", f"on {active.host} since {active.began_at:%H:%M:%S}Z until {active.expires_at:%H:%M:%S}Z")
        for active in assessment.active
    ]
    yield fields(rows)
    if assessment.needs is not None:
        yield Line("What would be granted:", Tone.STRONG)
        yield from show_grant(assessment.needs)


def show_grant(decision: EmergencyDecision) -> Iterator[Block]:
    """Requested, granted, and why less; then what it comes to."""
    yield grant_table(decision)
    rows: list[tuple[str, str | Cell]] = [
        (load.host, f"limits of {cores(load.cores)} and {percent(load.memory_ratio)} of the memory")
        for load in decision.loads
    ]
    rows.append(("connections", decision.connections))
    rows.append(("ends", f"{decision.expires_at:%Y-%m-%d %H:%M:%S}Z, by itself, on the hosts"))
    if decision.escalate:
        rows.append(("escalate", Cell(decision.escalate, Tone.WORST)))
    yield fields(rows)
    if decision.findings:
        yield findings_table(decision.findings)


def grant_table(decision: EmergencyDecision) -> Table:
    """Every value that was requested, what was granted, and why less."""
    columns = ("what", number("before"), number("requested"), number("granted"), prose("why less"))
    return table(columns, map(_grant, decision.decisions))


def _grant(decision: Decision) -> tuple[str | Cell, ...]:
    subject = "/".join(part for part in (decision.host, decision.service) if part)
    before, requested, granted = (
        resource_value(decision.resource, value) for value in (decision.current, decision.requested, decision.granted)
    )
    return (
        f"{subject} {decision.resource}".strip(),
        before,
        requested,
        Cell(granted, Tone.GOOD if decision.changes else Tone.WARNING),
        decision.why_less or "",
    )


def show_validation(validation: Validation) -> Iterator[Block]:
    """Before and after, and the verdict."""
    if validation.effect:
        yield effect_table(validation)
    if validation.cascades:
        yield findings_table(validation.cascades)
    yield Line(f"{validation.sentence}.", Tone.STRONG)


def effect_table(validation: Validation) -> Table:
    """The readings that called for the emergency, before and after."""
    rows = (
        (
            effect.subject,
            effect.metric,
            *(
                "not measured" if value is None else amount(value, effect.unit)
                for value in (effect.before, effect.after)
            ),
            "" if None in (effect.before, effect.after) else _BETTER[effect.better],
        )
        for effect in validation.effect
    )
    return table(("subject", "metric", number("before"), number("after"), "better"), rows)


def show_reverted(reverted: Reverted) -> Iterator[Block]:
    """What was put back on each host."""
    if reverted.nothing:
        yield Line("No emergency is on, so nothing had to be put back.")
    yield fields(reverted.hosts.items())


def show_drill(drill: Drill) -> Iterator[Block]:
    """What was rehearsed, and how long each part took."""
    yield fields((step, latency(seconds)) for step, seconds in drill.steps.items())
    yield Line(drill.sentence, Tone.STRONG)
