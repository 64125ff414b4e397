"""Replays of the autoscaler: what it did and why, and what that came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from selextract_infra.model.figures import amount, count, dollars, duration
from selextract_infra.report.plan import findings_table
from selextract_infra.report.table import Block, Line, Table, Tone, number, prose, table

if TYPE_CHECKING:
    from selextract_infra.model.scaling import ServiceOutcome, SimulatedAction, Simulation

__all__ = ["show_simulation"]

_MOST_ROWS, _MOST_REFUSALS = 60, 5
_TARGETS = {
    "cpu_usage": "CPU",
    "memory_usage": "memory",
    "response_time_p95": "response time",
    "pending_tasks": "queue",
}


def show_simulation(simulation: Simulation, *, everything: bool = False) -> Iterator[Block]:
    """Actions with their reasons, then each service; ``everything`` shows all actions."""
    span = (simulation.end - simulation.start).total_seconds()
    yield Line(
        f"{simulation.source}: {duration(span)} from {simulation.start:%Y-%m-%d %H:%M}Z,"
        f" {count(simulation.samples, 'sample')} every {amount(simulation.interval_seconds, 'seconds')}",
        Tone.STRONG,
    )
    yield from _actions(simulation.actions, everything=everything)
    for refusal in simulation.refusals[: None if everything else _MOST_REFUSALS]:
        less = f": {refusal.why_less}" if refusal.why_less else ""
        yield Line(f"refused: {refusal.service} at {refusal.at:%Y-%m-%d %H:%M:%S}Z, {refusal.why}{less}", Tone.WARNING)
    for held in simulation.held[: None if everything else _MOST_ROWS]:
        text = (
            f"{held.kind}: {held.service} from {held.at:%Y-%m-%d %H:%M:%S}Z, {held.why} ({count(held.times, 'time')})"
        )
        yield Line(text, Tone.WARNING)
    yield _services(simulation.services)
    for flap in simulation.flaps[: None if everything else _MOST_ROWS]:
        after = duration(flap.after_seconds)
        yield Line(f"flap: {flap.service} at {flap.at:%Y-%m-%d %H:%M:%S}Z, {after} after the opposite", Tone.WARNING)
    yield Line(
        f"{count(len(simulation.actions), 'action')}, {count(len(simulation.flaps), 'flap')},"
        f" {simulation.instance_hours:,.1f} instance-hours, {_price(simulation.cost)} by unit price; a fixed"
        " host costs the same, however many instances it carries (X-55).",
        Tone.STRONG,
    )
    if simulation.ignored:
        yield Line(f"Left out: {', '.join(simulation.ignored)}.")
    if simulation.findings:
        yield findings_table(simulation.findings)


def _actions(actions: Sequence[SimulatedAction], *, everything: bool) -> Iterator[Block]:
    if not actions:
        yield Line("No count would have changed.")
        return
    shown = actions if everything else actions[:_MOST_ROWS]
    yield table(("at (UTC)", "service", number("count"), prose("why")), map(_action, shown))
    if len(shown) < len(actions):
        yield Line(f"... and {count(len(actions) - len(shown), 'more action')}; --all shows them.", Tone.QUIET)


def _action(action: SimulatedAction) -> tuple[str, ...]:
    why = action.why if action.why_less is None else f"{action.why}; less: {action.why_less}"
    return f"{action.at:%Y-%m-%d %H:%M:%S}", action.service, f"{action.before} -> {action.after}", why


def _price(cost: float | None) -> str:
    return "unknown" if cost is None else dollars(round(cost, 2))


def _services(services: Sequence[ServiceOutcome]) -> Table:
    numbers = map(number, ("count", "highest", "actions", "flaps", "refused", "hours", "cost"))
    return table(("service", *numbers, "minutes over target"), map(_service, services))


def _service(service: ServiceOutcome) -> tuple[str, ...]:
    over = [f"{_TARGETS[metric]} {minutes:,.0f}" for metric, minutes in service.minutes_over.items() if minutes]
    return (
        service.name,
        f"{service.first_count} -> {service.last_count}",
        str(service.highest_count),
        f"{service.actions:,}",
        f"{service.flaps:,}",
        f"{service.refused:,}",
        f"{service.instance_hours:,.1f}",
        _price(service.cost),
        ", ".join(over) or "none",
    )
