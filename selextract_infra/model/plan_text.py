"""A Plan as plain text of 80 columns: what, why, before and after, cost, risk."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import cores, count, dollars, duration, memory
from selextract_infra.model.plan import Plan
from selextract_infra.model.text import displayable

__all__ = [
    "current_text",
    "granted_text",
    "grouped",
    "left_alone",
    "plan_text",
    "resource_name",
    "risk",
    "title",
    "value_text",
]

_WIDTH = 80
_MANY = 12
"""Values that stay are listed one by one up to this number, else counted by their reason."""


def plan_text(plan: Plan) -> str:
    """The Plan as a person reads it, without colour; every line has at most 80 columns."""
    lines = [title(plan), ""]
    for host, decisions in grouped(plan.decisions):
        lines += [displayable(host), *_host(decisions), ""]
    if plan.steps:
        lines += ["Steps", *_steps(plan), ""]
    lines += [plan.cost.sentence, *risk(plan)]
    if plan.findings:
        lines += ["", "Findings", *_findings(plan)]
    return "\n".join(line for text in lines for line in _wrapped(text)).rstrip()


def title(plan: Plan) -> str:
    """What the Plan is for, in one line."""
    changes = sum(decision.changes for decision in plan.decisions)
    what = f"{count(changes, 'change')} of {count(len(plan.decisions), 'value')}" if changes else "nothing to change"
    where = ", ".join(plan.hosts) or "no host"
    return displayable(f"Plan: {plan.operation} on {where}, {what}")


def grouped(decisions: Iterable[Decision]) -> Iterator[tuple[str, list[Decision]]]:
    """The decisions of each host, hosts in the Plan's order."""
    for host, found in groupby(decisions, key=lambda decision: decision.host):
        yield host, list(found)


def current_text(decision: Decision) -> str:
    """The value that a decision found, as a person reads it."""
    if decision.current_text is not None:
        return displayable(decision.current_text, limit=40)
    return value_text(decision.resource, decision.current)


def granted_text(decision: Decision) -> str:
    """The value that a decision grants, as a person reads it."""
    return decision.granted_text or value_text(decision.resource, decision.granted)


def value_text(resource: str, value: float | None) -> str:
    """A value of a decision with its unit."""
    if resource == "memory":
        return memory(value)
    if resource == "cpus":
        return cores(value)
    return "none" if value is None else f"{value:,g}"


def resource_name(resource: str) -> str:
    """What a person calls the resource."""
    return "CPU" if resource == "cpus" else resource


def left_alone(decisions: Iterable[Decision]) -> Iterator[str]:
    """For many values that stay: how many there are of each kind."""
    kinds = {
        Verdict.KEEP: "stay as they are",
        Verdict.UNKNOWN: "are unknown and left alone",
        Verdict.REFUSED: "are refused",
    }
    for verdict, words in kinds.items():
        number = sum(decision.verdict is verdict for decision in decisions)
        if number:
            yield f"{count(number, 'value')} {words}"


def risk(plan: Plan) -> Iterator[str]:
    """What may be noticed, how long it takes, what happens afterwards; nothing for an empty Plan."""
    if plan.steps:
        noticed = (
            "Users may notice it, so it runs in a window only." if plan.disrupts else "Users should not notice it."
        )
        back = f"can be undone in about {duration(plan.rollback_seconds)}"
        if plan.point_of_no_return:
            back = f"cannot be undone after the step {displayable(plan.point_of_no_return)}"
        yield f"It takes about {duration(plan.estimate_seconds)} and {back}. {noticed}"
    if plan.pending_recreations:
        names = ", ".join(f"{pending.service} ({pending.host})" for pending in plan.pending_recreations)
        yield displayable(f"The app's next `docker compose up` recreates once: {names}.", limit=4000)
    if plan.overrides:
        yield displayable(f"Overridden by the operator: {', '.join(plan.overrides)}.")


def _host(decisions: list[Decision]) -> Iterator[str]:
    changing = [decision for decision in decisions if decision.changes]
    staying = [decision for decision in decisions if not decision.changes]
    for decision in changing:
        yield from _decision(decision)
    if len(staying) > _MANY:
        yield f"  {'; '.join(left_alone(staying))}."
        return
    for decision in staying:
        yield from _decision(decision)


def _decision(decision: Decision) -> Iterator[str]:
    now = current_text(decision)
    head = f"{displayable(decision.service, limit=24)} {resource_name(decision.resource)}: "
    if decision.changes:
        head += f"{now} -> {granted_text(decision)} ({decision.verdict})"
        saving = decision.numbers.get("saving_dollars")
        if isinstance(saving, (int, float)) and saving:
            head += f", {'frees' if saving > 0 else 'takes'} {dollars(abs(saving))} a month"
    else:
        head += f"{now}, {decision.verdict}"
    yield f"  {head}"
    yield f"      {displayable(decision.why)}"
    if decision.why_less:
        yield f"      But: {displayable(decision.why_less)}."


def _steps(plan: Plan) -> Iterator[str]:
    for number, step in enumerate(plan.steps, 1):
        yield f"  {number}. {displayable(step.title)}{' (may be noticed)' if step.disrupts else ''}"
        yield f"      then: {displayable(step.verification)}"
        yield f"      else: {displayable(step.rollback)}"


def _findings(plan: Plan) -> Iterator[str]:
    for finding in sorted(plan.findings, key=lambda finding: -finding.severity.rank):
        advice = f" ({displayable(finding.resolution)})" if finding.resolution else ""
        yield f"  {finding.severity}  {finding.rule}: {displayable(finding.sentence)}{advice}"


def _wrapped(text: str) -> list[str]:
    indent = " " * (len(text) - len(text.lstrip()) + 2 if text.startswith(" ") else 0)
    return textwrap.wrap(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]
