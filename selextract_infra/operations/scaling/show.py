"""Replays of the autoscaler on a terminal: what it did and why, and what that came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selextract_infra.model.figures import amount, count, dollars, duration
from selextract_infra.model.text import displayable
from selextract_infra.report.terminal import print_findings
from selextract_infra.report.texts import new_table, plain

if TYPE_CHECKING:
    from rich.console import Console

    from selextract_infra.model.scaling import ServiceOutcome, SimulatedAction, Simulation

__all__ = ["print_simulation"]

_MOST_ROWS, _MOST_REFUSALS = 60, 5
_TARGETS = {
    "cpu_usage": "CPU",
    "memory_usage": "memory",
    "response_time_p95": "response time",
    "pending_tasks": "queue",
}


def print_simulation(screen: Console, found: Simulation, *, everything: bool = False) -> None:
    """Actions with their reasons, then each service; ``everything`` shows all actions."""
    span = (found.end - found.start).total_seconds()
    screen.print(
        f"{displayable(found.source)}: {duration(span)} from {found.start:%Y-%m-%d %H:%M}Z, "
        f"{found.samples:,} samples every {amount(found.interval_seconds, 'seconds')}",
        style="bold",
    )
    _actions(screen, found.actions, everything=everything)
    for refusal in found.refusals[: None if everything else _MOST_REFUSALS]:
        screen.print(
            f"refused: {displayable(refusal.service)} at {refusal.at:%Y-%m-%d %H:%M:%S}Z, {displayable(refusal.why)}: "
            f"{displayable(refusal.why_less or '')}",
            style="yellow",
            soft_wrap=True,
        )
    _services(screen, found.services)
    for flap in found.flaps[: None if everything else _MOST_ROWS]:
        screen.print(
            f"flap: {displayable(flap.service)} at {flap.at:%Y-%m-%d %H:%M:%S}Z, {duration(flap.after_seconds)} after "
            "the opposite",
            style="yellow",
            soft_wrap=True,
        )
    screen.print(
        f"{count(len(found.actions), 'action')}, {count(len(found.flaps), 'flap')}, "
        f"{found.instance_hours:,.1f} instance-hours, {dollars(round(found.cost, 2))} by unit price; a fixed host "
        "costs the same however many it carries (X-55).",
        style="bold",
        soft_wrap=True,
    )
    if found.ignored:
        screen.print(f"Left out: {displayable(', '.join(found.ignored))}.", soft_wrap=True)
    if found.findings:
        print_findings(screen, found.findings)


def _actions(screen: Console, actions: Sequence[SimulatedAction], *, everything: bool) -> None:
    if not actions:
        screen.print("No count would have changed.")
        return
    table = new_table("at (UTC)", "service", "count", "why")
    shown = actions if everything else actions[:_MOST_ROWS]
    for action in shown:
        why = action.why if action.why_less is None else f"{action.why}; less: {action.why_less}"
        table.add_row(
            f"{action.at:%Y-%m-%d %H:%M:%S}",
            plain(action.service),
            f"{action.before} -> {action.after}",
            plain(why),
        )
    screen.print(table)
    if len(shown) < len(actions):
        screen.print(f"... and {count(len(actions) - len(shown), 'more action')}; --all shows them.")


def _services(screen: Console, services: Sequence[ServiceOutcome]) -> None:
    table = new_table("service", "count", "actions", "flaps", "refused", "minutes over target", "hours", "cost")
    for one in services:
        over = [f"{_TARGETS[metric]} {minutes:,.0f}" for metric, minutes in one.minutes_over.items() if minutes]
        table.add_row(
            plain(one.name),
            f"{one.first_count} -> {one.last_count} (at most {one.highest_count})",
            f"{one.actions:,}",
            f"{one.flaps:,}",
            f"{one.refused:,}",
            ", ".join(over) or "none",
            f"{one.instance_hours:,.1f}",
            dollars(round(one.cost, 2)),
        )
    screen.print(table)
