"""Assessment, growth, cost and roadmap on a terminal: readable at 80 columns, coloured only where there are colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from selextract_infra.assess.measurements import Measurement
from selextract_infra.model.assessment import Assessment, Headroom, Judgement, Level
from selextract_infra.model.figures import amount, count, dollars, duration, percent
from selextract_infra.model.finding import Finding
from selextract_infra.model.plan import CostChange
from selextract_infra.model.planning import CostReport, ExhaustionChange, GrowthReport, MilestoneStatus, RoadmapReport
from selextract_infra.model.text import displayable
from selextract_infra.report.sparkline import bar, sparkline
from selextract_infra.report.terminal import print_findings
from selextract_infra.report.texts import new_table

__all__ = ["print_assessment", "print_cost", "print_effects", "print_growth", "print_roadmap"]

_STYLES = {
    Level.EMERGENCY: "bold red",
    Level.CRITICAL: "red",
    Level.WARNING: "yellow",
    Level.NOTICE: "cyan",
    Level.UNKNOWN: "dim",
    Level.OK: "green",
}
_STATUSES = {
    MilestoneStatus.OVERDUE: "red",
    MilestoneStatus.DUE: "yellow",
    MilestoneStatus.DONE: "green",
    MilestoneStatus.UPCOMING: "dim",
}
_MOST_ROWS = 40
_SPARK, _BAR = 8, 10


def print_assessment(
    screen: Console, seen: Assessment, measurements: Iterable[Measurement] = (), *, everything: bool = False
) -> None:
    """The worst reading of each metric of each subject, then what follows from all of them."""
    screen.print(f"{seen.level} at {_stamp(seen.at)}, from {displayable(seen.source)}", style=_STYLES[seen.level])
    if seen.response is not None:
        response = seen.response
        screen.print(
            f"{response.severity}: {response.action}; tell {', '.join(response.channels)}; respond by "
            f"{_stamp(response.respond_by)}",
            style="bold",
        )
        for reason in response.because:
            screen.print(f"  because {displayable(reason)}")
    _print_readings(screen, seen, measurements, everything=everything)
    _print_headroom(screen, seen.headroom, everything=everything)
    _print_consequences(screen, seen)
    _findings(screen, seen.findings)


def _print_readings(
    screen: Console, seen: Assessment, measurements: Iterable[Measurement], *, everything: bool
) -> None:
    worst = seen.worst_of_each
    shown = [one for one in worst if everything or one.level not in (Level.OK, Level.UNKNOWN)]
    trends = {(one.subject, one.metric): one.samples.values[-_SPARK * 4 :] for one in measurements}
    if shown:
        table = _table("!", "what", ">reading", "!threshold", "!rule", *(("!trend",) if trends else ()))
        for one in shown[:_MOST_ROWS]:
            trend = sparkline(trends.get((one.subject, one.metric), ()), _SPARK, unicode=_unicode(screen))
            table.add_row(
                Text(one.level, style=_STYLES[one.level]),
                f"{displayable(one.subject)} {one.metric}",
                _reading(one),
                _threshold(one),
                one.item,
                *((trend,) if trends else ()),
            )
        screen.print(table)
    _more(screen, len(shown) - _MOST_ROWS, "readings")
    for one in [one for one in shown[:_MOST_ROWS] if one.value is None]:
        screen.print(f"{displayable(one.subject)} {one.metric}: {one.sentence}", style="dim")
    hidden = [one.level for one in worst if one not in shown]
    if hidden:
        unknown = hidden.count(Level.UNKNOWN)
        screen.print(f"{count(len(hidden) - unknown, 'reading')} ok, {unknown} unknown (--all shows them)", style="dim")
    if not worst:
        screen.print("Nothing was measured.")


def _threshold(one: Judgement) -> str:
    if one.threshold is None or one.value is None:
        return ""
    return f"{one.relation} {amount(one.threshold, one.unit)}"


def _reading(one: Judgement) -> str:
    if one.value is None:
        return "-"
    return amount(one.value, one.unit) if one.level is not Level.UNKNOWN else f"{amount(one.value, one.unit)}?"


def _print_headroom(screen: Console, rows: Sequence[Headroom], *, everything: bool) -> None:
    shown = [row for row in sorted(rows, key=lambda row: row.free) if everything or row.level is not Level.OK]
    if not shown:
        return
    table = _table("headroom", ">used", ">of", ">free", ">needed", "")
    for row in shown[:_MOST_ROWS]:
        table.add_row(
            f"{displayable(row.subject)} {row.resource}",
            amount(row.used, row.unit),
            amount(row.capacity, row.unit),
            Text(percent(row.free), style=_STYLES[row.level]),
            amount(row.needed, row.unit),
            bar(1 - row.free, _BAR, unicode=_unicode(screen)),
        )
    screen.print(table)
    _more(screen, len(shown) - _MOST_ROWS, "capacities")


def _print_consequences(screen: Console, seen: Assessment) -> None:
    pressed = [one for one in seen.bottlenecks if one.pressure >= 1]
    for bottleneck in (pressed or seen.bottlenecks[:1])[:_MOST_ROWS]:
        screen.print(f"{bottleneck.kind} bottleneck: {displayable(bottleneck.sentence)} ({bottleneck.item})")
    if seen.workers is not None:
        waiting = seen.workers.wait_seconds
        wait = f"; a task queued now waits {duration(waiting)}" if waiting else ""
        screen.print(f"workers: {seen.workers.sentence}{wait}")
    if seen.connections is not None:
        screen.print(f"connections: {seen.connections.sentence}")


def print_growth(screen: Console, growth: GrowthReport) -> None:
    """Demand against planned capacity, requirements against the host, phases, cost and seasons."""
    screen.print(f"{growth.scenario} growth after {count(growth.month, 'month')}", style="bold")
    table = _table("!load", ">today", ">growth", ">then", ">planned", ">use", "")
    for row in growth.demands:
        use = "" if row.utilisation is None else percent(row.utilisation)
        style = "red" if row.short else "green" if row.headroom_kept else "yellow"
        table.add_row(
            row.metric,
            amount(row.today, row.unit),
            f"+{percent(row.growth)}",
            amount(row.projected, row.unit),
            "" if row.planned is None else amount(row.planned, row.unit),
            Text(use, style=style),
            "" if row.utilisation is None else bar(row.utilisation, _BAR, unicode=_unicode(screen)),
        )
    screen.print(table)
    table = _table("!resource", ">needed", ">present", "phase", "says")
    for need in growth.requirements:
        table.add_row(
            need.resource,
            amount(need.required, need.unit),
            amount(need.present, need.unit),
            Text(need.phase or "", style="" if need.reachable else "red"),
            need.sentence,
        )
    screen.print(table)
    phases = ", ".join(growth.phases) or "no phase"
    screen.print(
        f"{dollars(growth.cost_now)} a month today, {dollars(growth.cost_required)} for exactly this, "
        f"{dollars(growth.cost_after_phases)} after {phases}",
    )
    if not growth.reachable:
        screen.print("This scenario cannot be reached with the planned upgrades in time.", style="red")
    for season in growth.seasons:
        screen.print(season.sentence, style="green" if season.fits else "red")
    _findings(screen, growth.findings)


def print_effects(screen: Console, change: CostChange, exhaustion: Sequence[ExhaustionChange]) -> None:
    """What a plan or other hardware does to the bill, and to the day on which something is used up."""
    if change.sentence:
        screen.print(displayable(change.sentence), style="bold")
    for one in exhaustion:
        screen.print(displayable(one.sentence))


def print_cost(screen: Console, cost: CostReport) -> None:
    """The table recomputed, phases from two sources, commitments and optimisations."""
    prices = ", ".join(f"{dollars(price)} per {unit}" for unit, price in cost.prices.items())
    screen.print(f"{dollars(cost.run_rate)} a month by unit price: {prices}", style="bold")
    trend = sparkline([row.total for row in cost.rows], len(cost.rows), unicode=_unicode(screen))
    table = _table(
        "when", ">CPU", ">memory", ">storage", ">network", ">total", ">growth", title=f"cost a month {trend}"
    )
    for row in cost.rows:
        growth = f"+{percent(row.growth)}" if row.growth else ""
        total = Text(dollars(row.total), style="bold" if row.agrees else "red")
        cells = (dollars(row.cpu), dollars(row.memory), dollars(row.storage), dollars(row.network))
        table.add_row(row.name, *cells, total, growth if row.agrees else f"{growth} (stated otherwise)")
    screen.print(table)
    table = _table("!phase", ">quoted", ">by unit price", ">more", ">bill by quotes", ">bill by prices")
    for phase in cost.phases:
        table.add_row(
            f"{phase.phase} {phase.title}",
            dollars(phase.quoted),
            dollars(phase.by_unit_price),
            percent(phase.excess),
            dollars(phase.cumulative_quoted),
            dollars(phase.cumulative_by_unit_price),
        )
    screen.print(table)
    screen.print("Quotes and unit prices are two sources for the same thing and are never summed.", style="dim")
    for one in cost.reservations:
        advice = " (recommended)" if one.recommended else ""
        screen.print(f"committing for {one.name}: {dollars(one.after)}, saves {dollars(one.saving)}{advice}")
    for order in cost.orders:
        screen.print(
            f"{order.title}: {order.first} {dollars(order.first_cost)}, {order.second} {dollars(order.second_cost)}. "
            f"Better: {order.better}.",
        )
    table = _table("!optimisation", ">gain", ">claimed", ">realised", "effort")
    for optimisation in cost.optimisations:
        table.add_row(
            optimisation.name,
            f"+{percent(optimisation.gain)}",
            dollars(optimisation.claimed),
            dollars(optimisation.realised),
            optimisation.effort,
        )
    table.add_section()
    gains = f"+{percent(cost.gain_added)} (x{1 + cost.gain_compounded:.2f})"
    table.add_row("all (compounded)", gains, dollars(cost.claimed_total), dollars(cost.realised_total), "")
    screen.print(table)
    _findings(screen, cost.findings)


def print_roadmap(screen: Console, roadmap: RoadmapReport, *, everything: bool = False) -> None:
    """Phases with their progress, the milestones that want attention (or all), gates and reviews."""
    when = f"month {roadmap.month} of the program" if roadmap.month else "the program has not begun"
    screen.print(f"{roadmap.today}: {when}, which starts on {roadmap.start}", style="bold")
    table = _table("phase", "!from", "!until", ">done", "!")
    for phase in roadmap.phases:
        share = phase.done / phase.milestones if phase.milestones else 0.0
        table.add_row(
            Text(f"{phase.id} {phase.title}", style="bold" if phase.current else ""),
            str(phase.starts),
            str(phase.ends),
            f"{phase.done}/{phase.milestones}" if phase.milestones else "",
            bar(share, _BAR, unicode=_unicode(screen)) if phase.milestones else "",
        )
    screen.print(table)
    wanted = (MilestoneStatus.OVERDUE, MilestoneStatus.DUE)
    shown = [one for one in roadmap.milestones if everything or one.status in wanted]
    if not shown:
        shown = list(roadmap.with_status(MilestoneStatus.UPCOMING)[:3])
    table = _table("!", "milestone", "!from", "!due before", "command")
    for one in shown:
        command = (one.command or "").removeprefix("selextract-infra ")
        status = Text(one.status, style=_STATUSES[one.status])
        table.add_row(status, f"{one.id} {one.title.rstrip('.')}", str(one.starts), str(one.due), command)
    screen.print(table)
    for gate in roadmap.gates:
        screen.print(gate.sentence, style="green" if gate.open else "dim")
    if roadmap.review_overdue:
        screen.print(f"The review of the guide was due on {roadmap.review_due}.", style="yellow")
    elif roadmap.next_review is not None:
        screen.print(f"The guide is next reviewed on {roadmap.next_review}.", style="dim")
    _findings(screen, roadmap.findings)


def _table(*columns: str, title: str | None = None) -> Table:
    """A table in the look of all tables: ``>`` before a name aligns to the right, ``!`` keeps words together."""
    table = new_table()
    table.title, table.title_justify, table.title_style = title, "left", "bold"
    for name in columns:
        if name.startswith(">"):
            table.add_column(name.removeprefix(">"), justify="right", no_wrap=True)
        else:
            table.add_column(name.removeprefix("!"), overflow="fold", no_wrap=name.startswith("!"))
    return table


def _findings(screen: Console, findings: Sequence[Finding]) -> None:
    if findings:
        print_findings(screen, findings[:_MOST_ROWS])
    _more(screen, len(findings) - _MOST_ROWS, "findings")


def _more(screen: Console, number: int, what: str) -> None:
    if number > 0:
        screen.print(f"{number:,} more {what} (--format json has all)", style="dim")


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M %Z").strip()


def _unicode(screen: Console) -> bool:
    return screen.encoding.lower().startswith("utf")
