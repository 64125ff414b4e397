"""A Plan as a person reads it, the same on a terminal, in a file and by ``print(plan)``: what, why, cost, risk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import count, dollars, duration, resource_name, resource_value
from selextract_infra.model.finding import Finding
from selextract_infra.model.plan import Plan, Step
from selextract_infra.report.alike import findings_alike
from selextract_infra.report.layout import plain_text
from selextract_infra.report.table import Block, Cell, Line, Row, Table, Tone, number, prose, table

__all__ = ["findings_table", "plan_blocks", "plan_text"]

_WIDTH = 80
_MANY = 24
"""Values of a host that stay are listed up to this number, else counted."""

_NAMED = 8
"""Subjects of findings that are alike are named up to this number, else counted."""

_SIGNS = {Verdict.RAISE: "+", Verdict.LOWER: "-", Verdict.SET: "~"}
_STAYING = {
    Verdict.KEEP: "stay as they are",
    Verdict.UNKNOWN: "are unknown and left alone",
    Verdict.REFUSED: "are refused",
}


def plan_text(plan: Plan) -> str:
    """The Plan at 80 columns, without colour."""
    return plain_text(plan_blocks(plan), _WIDTH)


# model keeps no words for people: print(plan) is served by the layout that everybody else gets.
Plan.layout = plan_text


def plan_blocks(plan: Plan) -> Iterator[Block]:
    """The whole Plan: the values of each host, steps, cost, findings, and what it comes to in the last line."""
    yield Line(f"Plan: {plan.operation} on {', '.join(plan.hosts) or 'no host'}, {_changes(plan)}", Tone.STRONG)
    for host, decisions in groupby(plan.decisions, key=lambda decision: decision.host):
        yield Line()
        yield from _values(host, list(decisions))
    if plan.steps:
        yield Line()
        yield from _steps(plan.steps)
    yield Line()
    yield Line(plan.cost.sentence)
    if plan.findings:
        yield findings_table(plan.findings)
    if plan.pending_recreations:
        names = ", ".join(f"{pending.service} ({pending.host})" for pending in plan.pending_recreations)
        yield Line(f"The app's next `docker compose up` recreates once: {names}.")
    if plan.overrides:
        yield Line(f"Overridden by the operator: {', '.join(plan.overrides)}.")
    if plan.steps:
        yield Line(_summary(plan), Tone.STRONG)


def findings_table(findings: Iterable[Finding], most: int | None = None) -> Table:
    """Findings, worst first: severity, rule, sentence, and what to do about it; those of one kind are one line."""
    ordered = sorted(findings, key=lambda finding: -finding.severity.rank)
    return table(
        ("finding", "rule", prose("what it says")),
        (
            (
                Cell.state(finding.severity),
                finding.rule,
                Cell(
                    f"{finding.statement}{_likewise(others)}",
                    note=f"-> {finding.resolution}" if finding.resolution else "",
                ),
            )
            for finding, others in findings_alike(ordered)
        ),
        most=most,
        noun="finding",
    )


def _likewise(others: Sequence[str]) -> str:
    """How many more findings say the same, and of what."""
    if not others:
        return ""
    named = list(dict.fromkeys(others))
    left = f" and {len(named) - _NAMED} others" if len(named) > _NAMED else ""
    return f" And {len(others)} more like it: {', '.join(named[:_NAMED])}{left}."


def _changes(plan: Plan) -> str:
    changes = sum(decision.changes for decision in plan.decisions)
    return f"{count(changes, 'change')} of {count(len(plan.decisions), 'value')}" if changes else "nothing to change"


def _values(host: str, decisions: Sequence[Decision]) -> Iterator[Block]:
    changing = [decision for decision in decisions if decision.changes]
    staying = [decision for decision in decisions if not decision.changes]
    yield _changing(host, changing) if changing else Line(host, Tone.STRONG)
    if len(staying) > _MANY:
        numbers = {
            words: sum(decision.verdict is verdict for decision in staying) for verdict, words in _STAYING.items()
        }
        counts = [f"{count(number, 'value')} {words}" for words, number in numbers.items() if number]
        yield Line(f"{'; '.join(counts)}.", Tone.QUIET)
        return
    for sentence in _staying(staying):
        yield Line(sentence, Tone.QUIET, indent=2)


def _changing(host: str, decisions: Sequence[Decision]) -> Table:
    """A row for each value that changes; the peak and the saving only where a Decision of this host has one."""
    peaks = any(decision.peak is not None for decision in decisions)
    savings = any("saving_dollars" in decision.numbers for decision in decisions)
    rows: list[Row] = []
    for decision in decisions:
        tone = Cell.state(decision.verdict).tone
        row: list[str | Cell] = [
            Cell(_SIGNS[decision.verdict], tone),
            decision.service,
            resource_name(decision.resource),
            _current(decision),
        ]
        if peaks:
            row.append(_peak(decision))
        row.append(Cell(decision.granted_text or resource_value(decision.resource, decision.granted), tone))
        if savings:
            row.append(_saving(decision))
        why = decision.why if decision.why_less is None else f"{decision.why} But: {decision.why_less}."
        rows.append([*row, why])
    columns = ("now", *(["peak seen"] if peaks else []), "proposed", *(["saving"] if savings else []))
    return table(("", "service", "resource", *map(number, columns), prose("why")), rows, caption=host)


def _staying(decisions: Sequence[Decision]) -> Iterator[str]:
    """A sentence for each service and reason: what stays as it is, and why."""
    for (service, verdict, reason), alike in groupby(decisions, key=_reason):
        values = " and ".join(f"{resource_name(decision.resource)} {_current(decision)}" for decision in alike)
        kind = "" if verdict is Verdict.KEEP else f" ({verdict})"
        kept = "needs no restart" if values.startswith("restart") else f"keeps {values}{kind}"
        yield f"{service} {kept}: {reason}."


def _reason(decision: Decision) -> tuple[str, Verdict, str]:
    return decision.service, decision.verdict, (decision.why_less or decision.why).rstrip(".")


def _current(decision: Decision) -> str:
    return (
        resource_value(decision.resource, decision.current) if decision.current_text is None else decision.current_text
    )


def _peak(decision: Decision) -> str:
    return "-" if decision.peak is None else resource_value(decision.resource, decision.peak)


def _saving(decision: Decision) -> str:
    saving = decision.numbers.get("saving_dollars")
    return dollars(float(saving)) if isinstance(saving, (int, float)) else ""


def _steps(steps: Sequence[Step]) -> Iterator[Line]:
    """Each step; its proof and its way back where they are others than those of the step before."""
    before = ("", "")
    for index, step in enumerate(steps, 1):
        yield Line(f"{index}. {step.title}", note="(may be noticed)" if step.disrupts else "")
        if (step.verification, step.rollback) != before:
            yield Line(f"then: {step.verification}", Tone.QUIET, indent=4)
            yield Line(f"else: {step.rollback}", Tone.QUIET, indent=4)
        before = (step.verification, step.rollback)


def _summary(plan: Plan) -> str:
    """What the Plan comes to: how much, how long, the way back, and who notices."""
    back = f"can be undone in about {duration(plan.rollback_seconds)}"
    if plan.point_of_no_return:
        back = f"cannot be undone after the step {plan.point_of_no_return}"
    noticed = "Users may notice it, so it runs in a window only." if plan.disrupts else "Users should not notice it."
    steps = f"{_changes(plan).capitalize()}, {count(len(plan.steps), 'step')}."
    return f"{steps} It takes about {duration(plan.estimate_seconds)} and {back}. {noticed}"
