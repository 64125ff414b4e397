"""Growth, cost, roadmap, dates and load tests: their tables, for every renderer, and how a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from selextract_infra.model.figures import amount, change, count, dollars, duration, percent
from selextract_infra.model.forecast import Forecast
from selextract_infra.model.loadtest import LoadTestReport
from selextract_infra.model.plan import CostChange
from selextract_infra.model.planning import (
    CostReport,
    Demand,
    ExhaustionChange,
    GrowthReport,
    Milestone,
    MilestoneStatus,
    Requirement,
    RoadmapPhase,
    RoadmapReport,
)
from selextract_infra.report.plan import findings_table
from selextract_infra.report.sparkline import bar, sparkline
from selextract_infra.report.table import Block, Cell, Line, Row, Table, Tone, number, picture, prose, table, tone_of

__all__ = [
    "cost_blocks",
    "cost_table",
    "demand_table",
    "effect_blocks",
    "exhaustion_table",
    "growth_blocks",
    "load_test_blocks",
    "milestone_table",
    "optimisation_table",
    "phase_table",
    "requirement_table",
    "reservation_table",
    "roadmap_blocks",
]

_MOST_FINDINGS = 40
_BAR = 10
_UNKNOWN = "-"


def growth_blocks(growth: GrowthReport) -> Iterator[Block]:
    """Demand against planned capacity, requirements against the host, phases, cost and seasons."""
    yield Line(f"{growth.scenario} growth after {count(growth.month, 'month')}", Tone.STRONG)
    yield demand_table(growth)
    yield requirement_table(growth)
    yield Line(
        f"{dollars(growth.cost_now)} a month today, {dollars(growth.cost_required)} for exactly this,"
        f" {dollars(growth.cost_after_phases)} after {', '.join(growth.phases) or 'no phase'}."
    )
    if not growth.reachable:
        yield Line("The planned upgrades do not reach this scenario in time.", Tone.BAD)
    for season in growth.seasons:
        yield Line(season.sentence, Tone.GOOD if season.fits else Tone.BAD)
    yield from _findings(growth)


def demand_table(growth: GrowthReport) -> Table:
    """Demand against planned capacity."""
    return table(
        ("load", number("today"), number("growth"), number("then"), number("planned"), number("use"), picture()),
        map(_demand, growth.demands),
        caption="Demand against planned capacity",
    )


def _demand(demand: Demand) -> tuple[str | Cell, ...]:
    tone = Tone.BAD if demand.short else Tone.GOOD if demand.headroom_kept else Tone.WARNING
    use = demand.utilisation
    return (
        demand.metric,
        amount(demand.today, demand.unit),
        change(demand.growth),
        amount(demand.projected, demand.unit),
        _UNKNOWN if demand.planned is None else amount(demand.planned, demand.unit),
        Cell(_UNKNOWN) if use is None else Cell(percent(use), tone),
        "" if use is None else bar(use, _BAR),
    )


def requirement_table(growth: GrowthReport) -> Table:
    """What a scenario needs against the host."""
    columns = ("resource", number("needed"), number("present"), number("missing"), "closed by", prose("why"))
    return table(columns, map(_requirement, growth.requirements), caption="What it needs against the host")


def _requirement(need: Requirement) -> tuple[str | Cell, ...]:
    return (
        need.resource,
        amount(need.required, need.unit),
        amount(need.present, need.unit),
        amount(need.missing, need.unit) if need.missing else _UNKNOWN,
        Cell(need.phase or "nothing missing") if need.reachable else Cell("out of reach", Tone.BAD),
        need.sentence,
    )


def effect_blocks(cost: CostChange, exhaustion: Sequence[ExhaustionChange]) -> Iterator[Block]:
    """What a plan or other hardware does to the bill, and to the day on which something is used up."""
    if cost.sentence:
        yield Line(cost.sentence, Tone.STRONG)
    yield from (Line(effect.sentence) for effect in exhaustion)


def cost_blocks(cost: CostReport) -> Iterator[Block]:
    """The table recomputed, phases from two sources, commitments and optimisations."""
    prices = ", ".join(f"{dollars(price)} per {unit}" for unit, price in cost.prices.items())
    trend = sparkline([row.total for row in cost.rows], len(cost.rows))
    yield Line(f"{dollars(cost.run_rate)} a month by unit price: {prices} {trend}", Tone.STRONG)
    yield cost_table(cost)
    yield phase_table(cost)
    yield Line("Quotes and unit prices are two sources for the same thing. They are never summed.", Tone.QUIET)
    yield reservation_table(cost)
    for order in cost.orders:
        yield Line(
            f"{order.title}: {order.first} {dollars(order.first_cost)}, {order.second} {dollars(order.second_cost)}."
            f" Better: {order.better}."
        )
    yield optimisation_table(cost)
    yield from _findings(cost)


def cost_table(cost: CostReport) -> Table:
    """The bill over time."""
    columns = map(number, ("CPU", "memory", "storage", "network", "total", "growth"))
    rows: Iterator[Row] = (
        (
            row.name,
            *(dollars(part) for part in (row.cpu, row.memory, row.storage, row.network)),
            Cell(dollars(row.total), Tone.STRONG if row.agrees else Tone.BAD),
            Cell(change(row.growth) if row.growth else _UNKNOWN, note="" if row.agrees else "(stated otherwise)"),
        )
        for row in cost.rows
    )
    return table(("when", *columns), rows, caption="Monthly cost, recomputed")


def phase_table(cost: CostReport) -> Table:
    """Phases by both sources, and what the bill is after each."""
    columns = map(number, ("quoted", "by unit price", "quote is higher by", "bill by quotes", "bill by prices"))
    rows = (
        (
            Cell(phase.phase, note=phase.title),
            dollars(phase.quoted),
            dollars(phase.by_unit_price),
            change(phase.excess),
            dollars(phase.cumulative_quoted),
            dollars(phase.cumulative_by_unit_price),
        )
        for phase in cost.phases
    )
    return table(("phase", *columns), rows)


def reservation_table(cost: CostReport) -> Table:
    """Commitments on today's bill."""
    rows = (
        (
            Cell(offer.name, note="(recommended)" if offer.recommended else ""),
            percent(offer.discount),
            dollars(offer.before),
            dollars(offer.after),
            dollars(offer.saving),
        )
        for offer in cost.reservations
    )
    return table(("commitment", *map(number, ("discount", "on demand", "committed", "saves"))), rows)


def optimisation_table(cost: CostReport) -> Table:
    """Claims and what this hardware realises."""
    rows = (
        (
            optimisation.name,
            change(optimisation.gain),
            dollars(optimisation.claimed),
            dollars(optimisation.realised),
            optimisation.effort,
        )
        for optimisation in cost.optimisations
    )
    gains = Cell(change(cost.gain_added), note=f"compounded {change(cost.gain_compounded)}")
    foot = ("all", gains, dollars(cost.claimed_total), dollars(cost.realised_total), "")
    columns = [number(title) for title in ("gain", "claimed", "realised here")]
    return table(("optimisation", *columns, "effort"), rows, foot=foot)


def roadmap_blocks(roadmap: RoadmapReport, *, everything: bool = False) -> Iterator[Block]:
    """Phases with their progress, the milestones that want attention (or all), gates and reviews."""
    when = f"month {roadmap.month} of the program" if roadmap.month else "the program has not begun"
    yield Line(f"{roadmap.today}: {when}, which starts on {roadmap.start}", Tone.STRONG)
    yield table(("phase", "from", "until", number("done"), picture()), map(_phase, roadmap.phases))
    urgent = (MilestoneStatus.OVERDUE, MilestoneStatus.DUE)
    shown = [milestone for milestone in roadmap.milestones if everything or milestone.status in urgent]
    yield milestone_table(shown or roadmap.with_status(MilestoneStatus.UPCOMING)[:3])
    for gate in roadmap.gates:
        yield Line(gate.sentence, Tone.GOOD if gate.open else Tone.QUIET)
    if roadmap.review_overdue:
        yield Line(f"The review of the guide was due on {roadmap.review_due}.", Tone.WARNING)
    elif roadmap.next_review is not None:
        yield Line(f"The guide is next reviewed on {roadmap.next_review}.", Tone.QUIET)
    yield from _findings(roadmap)


def _phase(phase: RoadmapPhase) -> tuple[str | Cell, ...]:
    return (
        Cell(f"{phase.id} {phase.title}", Tone.STRONG if phase.current else Tone.PLAIN),
        str(phase.starts),
        str(phase.ends),
        f"{phase.done}/{phase.milestones}" if phase.milestones else "",
        bar(phase.done / phase.milestones, _BAR) if phase.milestones else "",
    )


def milestone_table(milestones: Iterable[Milestone]) -> Table:
    """Milestones with their dates, and the command for each where there is one."""
    rows = (
        (
            Cell(milestone.id, note=milestone.title.rstrip(".")),
            Cell.state(milestone.status),
            str(milestone.starts),
            str(milestone.due),
            Cell((milestone.command or "").removeprefix("selextract-infra "), code=milestone.command is not None),
        )
        for milestone in milestones
    )
    return table(("milestone", "status", "from", "due before", "command"), rows)


def exhaustion_table(forecasts: Iterable[Forecast]) -> Table:
    """When each resource reaches its usable capacity, the first first; what cannot be known is said."""
    known = [forecast for forecast in forecasts if forecast.exhaustion is not None or forecast.reason]
    columns = ("what", "early (P10)", "middle (P50)", "late (P90)", "error of the backtest", "level")
    rows = map(_exhaustion, sorted(known, key=_soonest))
    return table(columns, rows, caption="When the usable capacity is reached")


def _soonest(forecast: Forecast) -> float:
    days = forecast.exhaustion.p50_days if forecast.exhaustion is not None else None
    return float("inf") if days is None else float(days)


def _exhaustion(forecast: Forecast) -> tuple[str | Cell, ...]:
    dates, test = forecast.exhaustion, forecast.backtest
    days = (None, None, None) if dates is None else (dates.p10, dates.p50, dates.p90)
    level = str(forecast.confidence if dates is None else dates.level)
    return (
        forecast.resource,
        *(_UNKNOWN if day is None else str(day) for day in days),
        _UNKNOWN if test is None else f"{percent(test.error)} over {count(test.horizon, 'day')}",
        Cell(level, tone_of(level), note=forecast.reason),
    )


def load_test_blocks(report: LoadTestReport) -> Iterator[Block]:
    """Each figure of a load test with its verdict, the worst first."""
    result = report.result
    users = "" if result.users is None else f", {count(result.users, 'user')}"
    length = "" if result.duration is None else f", {duration(result.duration)}"
    yield Line(
        f"{report.verdict}: {report.test} run, {count(result.requests, 'request')}{users}{length}",
        tone_of(report.verdict),
    )
    yield table(
        ("verdict", "rule", "what", number("measured"), number("wanted")),
        ((Cell.state(check.verdict), check.item, check.what, check.measured, check.wanted) for check in report.checks),
    )
    for check in report.checks:
        yield Line(f"{check.item} {check.what}: {check.sentence}")
    yield from (Line(note, Tone.WARNING) for note in report.notes)


def _findings(report: GrowthReport | CostReport | RoadmapReport) -> Iterator[Block]:
    if report.findings:
        yield findings_table(report.findings, _MOST_FINDINGS)
