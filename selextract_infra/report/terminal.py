"""What a person sees on a terminal: plans, progress, runs, observations.

Readable at 80 columns and at 200, coloured only on a terminal. Everything that came from a host is shown as text
without control characters and never read as markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import dollars
from selextract_infra.model.finding import Finding, Severity
from selextract_infra.model.plan import CostChange, Plan
from selextract_infra.model.plan_text import (
    current_text,
    granted_text,
    grouped,
    left_alone,
    resource_name,
    risk,
    title,
    value_text,
)
from selextract_infra.report.progress import progress
from selextract_infra.report.terminal_observation import print_change, print_observation
from selextract_infra.report.terminal_run import print_run, print_runs
from selextract_infra.report.texts import new_table, plain

__all__ = [
    "plan_table",
    "print_change",
    "print_cost",
    "print_findings",
    "print_observation",
    "print_plan",
    "print_run",
    "print_runs",
    "progress",
]

_MANY = 24
"""Rows of values that stay are shown up to this number for each host, else counted."""

_WIDE = 110
"""Columns from which a reason fits beside its value."""

_STYLES = {
    Verdict.RAISE: "yellow",
    Verdict.SET: "yellow",
    Verdict.LOWER: "green",
    Verdict.KEEP: "dim",
    Verdict.UNKNOWN: "dim",
    Verdict.REFUSED: "red",
}
_SEVERITIES = {Severity.INFO: "dim", Severity.MINOR: "", Severity.MAJOR: "yellow", Severity.BREAKING: "bold red"}


def print_plan(screen: Console, plan: Plan) -> None:
    """The whole Plan: a table for each host, steps, cost, risk, findings."""
    screen.print(plain(title(plan), "bold"))
    for host, decisions in grouped(plan.decisions):
        screen.print()
        screen.print(plain(host, "bold"))
        _print_host(screen, decisions)
    if plan.steps:
        screen.print()
        for number, step in enumerate(plan.steps, 1):
            words = plain(f"{number}. {step.title}")
            screen.print(Text.assemble(words, (" (may be noticed)", "yellow")) if step.disrupts else words)
    screen.print()
    print_cost(screen, plan.cost)
    for sentence in risk(plan):
        screen.print(plain(sentence))
    if plan.findings:
        screen.print()
        print_findings(screen, plan.findings)


def _print_host(screen: Console, decisions: Sequence[Decision]) -> None:
    """Changes as a table, and the values that stay in it too where there is room, else as lines or as a count."""
    staying = [decision for decision in decisions if not decision.changes]
    if len(staying) <= _MANY and screen.width >= _WIDE:
        screen.print(plan_table(decisions))
        return
    if len(staying) < len(decisions):
        screen.print(plan_table([decision for decision in decisions if decision.changes]))
    if len(staying) > _MANY:
        screen.print(plain(f"{'; '.join(left_alone(staying))}.", "dim"))
        return
    for words in _staying(staying):
        screen.print(Padding(plain(words, "dim"), (0, 0, 0, 1)))


def _staying(decisions: Sequence[Decision]) -> Iterator[str]:
    """A line for each service and reason: what stays as it is, and why."""
    for (service, verdict, reason), found in groupby(
        decisions, key=lambda one: (one.service, one.verdict, one.why_less or one.why.rstrip("."))
    ):
        values = " and ".join(f"{resource_name(one.resource)} {current_text(one)}" for one in found)
        kind = "" if verdict is Verdict.KEEP else f" ({verdict})"
        yield f"{service} stays at {values}{kind}: {reason}"


def plan_table(decisions: Sequence[Decision]) -> Table:
    """Decisions of one host: service, resource, now, proposed, why; peak seen and saving where any decision has one."""
    seen = any(decision.peak is not None for decision in decisions)
    saves = any("saving_dollars" in decision.numbers for decision in decisions)
    table = new_table("service", "resource")
    for name in ("now", *(["peak seen"] if seen else []), "proposed"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why", ratio=1, min_width=16, overflow="fold")
    if saves:
        table.add_column("saving", justify="right", no_wrap=True)
    for decision in decisions:
        table.add_row(*_row(decision, seen=seen, saves=saves))
    return table


def print_cost(screen: Console, cost: CostChange) -> None:
    """What the change is worth and what the bill does."""
    if cost.sentence:
        screen.print(plain(cost.sentence))


def print_findings(screen: Console, findings: Sequence[Finding]) -> None:
    """Findings, worst first: severity, rule, sentence, and what to do about it."""
    table = new_table("finding", "rule")
    table.add_column("what it says", ratio=1, overflow="fold")
    for finding in sorted(findings, key=lambda one: -one.severity.rank):
        words = plain(finding.statement)
        if finding.resolution:
            words = Text.assemble(words, "\n", plain(f"-> {finding.resolution}", "dim"))
        table.add_row(plain(finding.severity, _SEVERITIES[finding.severity]), plain(finding.rule), words)
    screen.print(Padding(table, 0))


def _row(decision: Decision, *, seen: bool, saves: bool) -> tuple[Text, ...]:
    resource, style = decision.resource, _STYLES[decision.verdict]
    saving = decision.numbers.get("saving_dollars", 0)
    peak = "-" if decision.peak is None else _narrow(resource, value_text(resource, decision.peak))
    saved = dollars(float(saving)) if decision.changes and isinstance(saving, (int, float)) else ""
    why = decision.why if decision.why_less is None else f"{decision.why} But: {decision.why_less}."
    quiet = "" if decision.changes else "dim"
    return (
        plain(decision.service, quiet, limit=40),
        plain(resource_name(resource), quiet),
        plain(_narrow(resource, current_text(decision)), quiet),
        *([plain(peak, quiet)] if seen else []),
        plain(_narrow(resource, granted_text(decision)) if decision.changes else str(decision.verdict), style),
        plain(why, quiet),
        *([plain(saved, style)] if saves else []),
    )


def _narrow(resource: str, text: str) -> str:
    """A value in a narrow column: cores without the word, which the column beside it says."""
    return text.removesuffix(" cores").removesuffix(" core") if resource == "cpus" else text
