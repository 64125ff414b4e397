"""The tables of the page as data: the template has one form for all of them, and a phone stacks their rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from selextract_infra.model.assessment import Assessment, Headroom, Judgement, Level
from selextract_infra.model.figures import amount, dollars, percent
from selextract_infra.model.finding import Severity
from selextract_infra.model.forecast import Forecast
from selextract_infra.model.planning import CostReport, GrowthReport, RoadmapReport

__all__ = [
    "Cell",
    "HtmlTable",
    "cost_table",
    "demand_table",
    "exhaustion_table",
    "headroom_table",
    "milestone_table",
    "optimisation_table",
    "phase_table",
    "reading_table",
    "requirement_table",
    "reservation_table",
    "tone_of",
]

_NOTHING = "-"


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a remark in small print, a tone where it is a badge, and whether it is code."""

    text: str
    note: str = ""
    tone: str = ""
    code: bool = False
    strong: bool = False


@dataclass(frozen=True)
class HtmlTable:
    """A caption, column heads, and rows that begin with their own head; ``foot`` sums up, ``more`` were left out."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[Cell, ...] = ()
    more: int = 0


def tone_of(level: object) -> str:
    """The colour role of a level, severity or status."""
    if level in {Level.EMERGENCY, Level.CRITICAL, Severity.BREAKING, "overdue", "P1", "P2"}:
        return "critical"
    if level in {Level.WARNING, Level.NOTICE, Severity.MAJOR, "due", "P3", "P4"}:
        return "warning"
    return "ok" if level in {Level.OK, "done"} else "muted"


def _signed(ratio: float) -> str:
    return ("+" if ratio > 0 else "") + percent(ratio)


def reading_table(judgements: Sequence[Judgement], caption: str, most: int) -> HtmlTable:
    """Readings against their thresholds."""
    return HtmlTable(
        caption,
        ("What", "Level", "Reading", "Threshold", "Rule"),
        tuple(_reading(one) for one in judgements[:most]),
        more=max(0, len(judgements) - most),
    )


def _reading(one: Judgement) -> tuple[Cell, ...]:
    unknown = one.level is Level.UNKNOWN
    threshold = "" if one.threshold is None or unknown else f"{one.relation} {amount(one.threshold, one.unit)}"
    return (
        Cell(one.subject, note=one.metric),
        Cell(one.level, tone=tone_of(one.level)),
        Cell(_NOTHING if one.value is None else amount(one.value, one.unit)),
        Cell(threshold, note=one.sentence if unknown else ""),
        Cell(one.item),
    )


def headroom_table(seen: Assessment, most: int) -> HtmlTable:
    """Every capacity, the fullest first."""
    rows = sorted(seen.headroom, key=lambda row: row.free)
    wanted = percent(rows[0].wanted) if rows else ""
    return HtmlTable(
        "",
        ("What", "Used", "Of", "Free", f"Needed for {wanted} headroom"),
        tuple(_headroom(row) for row in rows[:most]),
        more=max(0, len(rows) - most),
    )


def _headroom(row: Headroom) -> tuple[Cell, ...]:
    return (
        Cell(row.subject, note=row.resource),
        Cell(amount(row.used, row.unit)),
        Cell(amount(row.capacity, row.unit)),
        Cell(percent(row.free), tone=tone_of(row.level)),
        Cell(amount(row.needed, row.unit)),
    )


def demand_table(growth: GrowthReport) -> HtmlTable:
    """Demand against planned capacity."""
    rows = []
    for one in growth.demands:
        tone = "critical" if one.short else "ok" if one.headroom_kept else "warning"
        use = Cell(_NOTHING) if one.utilisation is None else Cell(percent(one.utilisation), tone=tone)
        rows.append(
            (
                Cell(one.metric),
                Cell(amount(one.today, one.unit)),
                Cell(_signed(one.growth)),
                Cell(amount(one.projected, one.unit)),
                Cell(_NOTHING if one.planned is None else amount(one.planned, one.unit)),
                use,
            )
        )
    return HtmlTable(
        "Demand against planned capacity", ("Load", "Today", "Growth", "Then", "Planned", "Use"), tuple(rows)
    )


def requirement_table(growth: GrowthReport) -> HtmlTable:
    """What a scenario needs against the host."""
    rows = []
    for one in growth.requirements:
        closed = Cell(one.phase or "nothing missing") if one.reachable else Cell("out of reach", tone="critical")
        rows.append(
            (
                Cell(one.resource),
                Cell(amount(one.required, one.unit)),
                Cell(amount(one.present, one.unit)),
                Cell(amount(one.missing, one.unit) if one.missing else _NOTHING),
                closed,
            )
        )
    heads = ("Resource", "Needed", "Present", "Missing", "Closed by")
    return HtmlTable("What it needs against the host", heads, tuple(rows))


def cost_table(cost: CostReport) -> HtmlTable:
    """The bill over time."""
    rows = tuple(
        (
            Cell(row.name),
            *(Cell(dollars(part)) for part in (row.cpu, row.memory, row.storage, row.network)),
            Cell(dollars(row.total), strong=True, note="" if row.agrees else "stated otherwise"),
            Cell(_signed(row.growth) if row.growth else _NOTHING),
        )
        for row in cost.rows
    )
    heads = ("When", "CPU", "Memory", "Storage", "Network", "Total", "Growth")
    return HtmlTable("Monthly cost, recomputed", heads, rows)


def phase_table(cost: CostReport) -> HtmlTable:
    """Phases by both sources."""
    rows = tuple(
        (
            Cell(one.phase, note=one.title),
            Cell(dollars(one.quoted)),
            Cell(dollars(one.by_unit_price)),
            Cell(_signed(one.excess)),
        )
        for one in cost.phases
    )
    return HtmlTable("", ("Phase", "Quoted", "By unit price", "Quote is higher by"), rows)


def reservation_table(cost: CostReport) -> HtmlTable:
    """Commitments on today's bill."""
    rows = tuple(
        (
            Cell(one.name, note="recommended" if one.recommended else ""),
            Cell(percent(one.discount)),
            Cell(dollars(one.before)),
            Cell(dollars(one.after)),
            Cell(dollars(one.saving)),
        )
        for one in cost.reservations
    )
    return HtmlTable("", ("Commitment", "Discount", "On demand", "Committed", "Saves"), rows)


def optimisation_table(cost: CostReport) -> HtmlTable:
    """Claims and what this hardware realises."""
    rows = tuple(
        (
            Cell(one.name),
            Cell(_signed(one.gain)),
            Cell(dollars(one.claimed)),
            Cell(dollars(one.realised)),
            Cell(one.effort),
        )
        for one in cost.optimisations
    )
    gains = Cell(_signed(cost.gain_added), note=f"compounded {_signed(cost.gain_compounded)}")
    foot = (Cell("All"), gains, Cell(dollars(cost.claimed_total)), Cell(dollars(cost.realised_total)), Cell(""))
    return HtmlTable("", ("Optimisation", "Gain", "Claimed", "Realised here", "Effort"), rows, foot)


def milestone_table(roadmap: RoadmapReport) -> HtmlTable:
    """Milestones with their dates."""
    rows = tuple(
        (
            Cell(one.id, note=one.title.rstrip(".")),
            Cell(one.status, tone=tone_of(one.status)),
            Cell(str(one.starts)),
            Cell(str(one.due)),
            Cell(one.command or _NOTHING, code=one.command is not None),
        )
        for one in roadmap.milestones
    )
    return HtmlTable("Milestones", ("Milestone", "Status", "From", "Due before", "Command"), rows)


def exhaustion_table(forecasts: Iterable[Forecast]) -> HtmlTable:
    """When each resource reaches its usable capacity, the first first; what cannot be said is said."""
    known = [one for one in forecasts if one.exhaustion is not None or one.reason]
    heads = ("What", "Early (P10)", "Middle (P50)", "Late (P90)", "Error of the backtest", "Says")
    rows = tuple(_exhaustion(one) for one in sorted(known, key=_soonest))
    return HtmlTable("When the usable capacity is reached", heads, rows)


def _soonest(one: Forecast) -> float:
    days = one.exhaustion.p50_days if one.exhaustion is not None else None
    return float("inf") if days is None else float(days)


def _exhaustion(one: Forecast) -> tuple[Cell, ...]:
    dates, test = one.exhaustion, one.backtest
    days = (None, None, None) if dates is None else (dates.p10, dates.p50, dates.p90)
    level = None if dates is None else dates.level
    return (
        Cell(one.resource),
        *(Cell(_NOTHING if day is None else str(day)) for day in days),
        Cell(_NOTHING if test is None else f"{percent(test.error)} over {test.horizon} days"),
        Cell(one.confidence if level is None else level, tone=tone_of(level), note=one.reason),
    )
