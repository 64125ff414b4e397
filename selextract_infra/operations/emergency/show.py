"""The emergency on a terminal: the first look, what is granted, whether it helps, what was taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.model.figures import amount
from selextract_infra.model.text import displayable
from selextract_infra.operations.emergency.incident_report import value_text
from selextract_infra.report.terminal import print_findings
from selextract_infra.report.texts import new_table, plain

if TYPE_CHECKING:
    from rich.console import Console

    from selextract_infra.model.emergency import EmergencyAssessment, Validation
    from selextract_infra.model.scaling import EmergencyDecision
    from selextract_infra.operations.emergency.drill import Drill
    from selextract_infra.operations.emergency.end import Reverted

__all__ = ["print_assessment", "print_drill", "print_grant", "print_reverted", "print_validation"]


def print_assessment(screen: Console, found: EmergencyAssessment) -> None:
    """The first look."""
    _say(screen, "severity", found.severity or "no incident by the readings")
    if found.assessment.response:
        _say(screen, "because", "; ".join(found.assessment.response.because))
    _say(screen, "affected", ", ".join(found.affected) or "nothing")
    for bound in found.bounds:
        _say(screen, "bound by", f"{bound.kind}: {bound.why}")
    _say(screen, "impact", found.impact)
    for one in found.active:
        _say(screen, "emergency", f"on {one.host} since {one.began_at:%H:%M:%S}Z until {one.expires_at:%H:%M:%S}Z")
    if found.needs is not None:
        screen.print("What would be granted:", style="bold")
        print_grant(screen, found.needs)


def print_grant(screen: Console, decision: EmergencyDecision) -> None:
    """Requested, granted, and why less."""
    table = new_table("what", "before", "requested", "granted", "why less")
    for one in decision.decisions:
        place = "/".join(part for part in (one.host, one.service) if part)
        table.add_row(
            plain(f"{place} {one.resource}".strip()),
            plain(value_text(one.resource, one.current)),
            plain(value_text(one.resource, one.requested)),
            plain(value_text(one.resource, one.granted), "green" if one.changes else "yellow"),
            plain(one.why_less or ""),
        )
    screen.print(table)
    for load in decision.loads:
        _say(screen, load.host, f"limits of {load.cores:g} cores and {load.memory_ratio:.0%} of the memory")
    _say(screen, "connections", decision.connections)
    _say(screen, "ends", f"{decision.expires_at:%Y-%m-%d %H:%M:%S}Z, by itself, on the hosts")
    if decision.escalate:
        _say(screen, "escalate", decision.escalate, "bold red")
    if decision.findings:
        print_findings(screen, decision.findings)


def print_validation(screen: Console, found: Validation) -> None:
    """Before and after, and the verdict."""
    table = new_table("subject", "metric", "before", "after", "better")
    for one in found.effect:
        before, after = (
            "not measured" if value is None else amount(value, one.unit) for value in (one.before, one.after)
        )
        better = {True: "yes", False: "no", None: ""}[one.better]
        table.add_row(*(plain(cell) for cell in (one.subject, one.metric, before, after, better)))
    if found.effect:
        screen.print(table)
    if found.cascades:
        print_findings(screen, found.cascades)
    screen.print(displayable(f"{found.sentence}.", limit=2000), style="bold", soft_wrap=True)


def print_reverted(screen: Console, done: Reverted) -> None:
    """What was taken back."""
    if done.nothing:
        screen.print("No emergency is on, so nothing had to be put back.")
    for host, sentence in done.hosts.items():
        _say(screen, host, sentence)


def print_drill(screen: Console, done: Drill) -> None:
    """What was rehearsed."""
    for step, seconds in done.steps.items():
        _say(screen, step, amount(seconds, "seconds"))
    screen.print(displayable(done.sentence), style="bold", soft_wrap=True)


def _say(screen: Console, label: str, text: str, style: str = "") -> None:
    screen.print(f"{displayable(label):<13}{displayable(text, limit=2000)}", style=style, soft_wrap=True)
