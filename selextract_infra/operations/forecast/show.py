"""Forecasts on a terminal: each with the error that the same procedure made so far, readable at 80 columns."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from selextract_infra.model.assessment import Level
from selextract_infra.model.figures import amount, count, percent
from selextract_infra.model.forecast import (
    BacktestSummary,
    Confidence,
    Exhaustion,
    ExhaustionDates,
    Forecast,
    SeriesKind,
)
from selextract_infra.planning.exhaustion import days_text
from selextract_infra.report.sparkline import sparkline
from selextract_infra.report.texts import new_table, plain

__all__ = ["print_exhaustion", "print_forecast"]

_STYLES = {Level.CRITICAL: "bold red", Level.WARNING: "yellow", Level.OK: "green"}
_SPARK = 60
_WEEK = 7
_SHOWN_SHIFTS = 4


def print_forecast(screen: Console, seen: Forecast, *, backtest: bool = False, everything: bool = False) -> None:
    """What is known, when capacity runs out, the days to come, and how far all that can be trusted.

    Every seventh day is shown, with ``everything`` every day; with ``backtest`` the whole comparison.
    """
    screen.print(plain(f"{seen.resource}: {count(seen.days_known, 'day')}, {seen.start} to {seen.end}", "bold"))
    known = [value for value in seen.values if value is not None]
    if known:
        screen.print(sparkline(known, _SPARK, unicode=screen.encoding.lower().startswith("utf")))
        screen.print(f"between {figure(min(known), seen.unit)} and {figure(max(known), seen.unit)}; {seen.time_zone}")
    if seen.confidence is not Confidence.NORMAL:
        screen.print(plain(f"{seen.confidence}: {seen.reason}", "yellow"))
    for note in seen.notes:
        screen.print(plain(note))
    if seen.confidence is Confidence.INSUFFICIENT:
        return
    _print_method(screen, seen)
    if seen.exhaustion is not None:
        _print_dates(screen, seen.exhaustion, seen.rule, seen.unit)
    _print_days(screen, seen, everything=everything)
    if seen.backtest is None:
        screen.print("Too few days for a backtest: how far this can be trusted is not known.", style="yellow")
    elif backtest:
        _print_backtest(screen, seen.backtest)
    else:
        _print_error(screen, seen.backtest)


def print_exhaustion(screen: Console, seen: Exhaustion) -> None:
    """The guide's linear rule for one resource."""
    alert = f"{seen.alert}: " if seen.alert else ""
    screen.print(plain(f"{alert}{seen.sentence}", _STYLES.get(seen.level, "")))
    if seen.compound_days is not None:
        screen.print(f"With compound growth: {days_text(seen.compound_days)}.")


def figure(value: float, unit: str = "") -> str:
    """A value for a person: in its unit, else with as many digits as say something."""
    if unit:
        return amount(value, unit)
    if abs(value) >= 1000 or value == int(value):
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:,.4g}"


def _print_method(screen: Console, seen: Forecast) -> None:
    ways = ", ".join(f"{one.name} {percent(one.share)}" for one in seen.method[:3])
    more = len(seen.method) - 3
    follows = "a trend" if seen.kind is SeriesKind.TREND else "weeks and a level"
    screen.print(f"Follows {follows}: {ways}{f' and {more} more' if more > 0 else ''}.")
    if seen.shifts:
        shifts = ", ".join(f"{shift.day} ({_signed(shift.change)})" for shift in seen.shifts[-_SHOWN_SHIFTS:])
        screen.print(f"The level shifted on {shifts}; the fit restarted there.")


def _print_dates(screen: Console, dates: ExhaustionDates, rule: Exhaustion | None, unit: str) -> None:
    of_limit = "" if dates.usable == dates.limit else f" of {figure(dates.limit, unit)}"
    screen.print(f"\nReaches {figure(dates.usable, unit)}{of_limit}; now {figure(dates.current, unit)}", style="bold")
    table = _table("!", ">days", "!date")
    for name, days, day in (
        ("early (P10)", dates.p10_days, dates.p10),
        ("middle (P50)", dates.p50_days, dates.p50),
        ("late (P90)", dates.p90_days, dates.p90),
    ):
        style = _STYLES.get(dates.level, "") if name.startswith("middle") else ""
        text = f"{day:%a %Y-%m-%d}" if day is not None else f"not within {dates.farthest} days"
        table.add_row(plain(name, style), "" if days is None else str(days), plain(text, style))
    if rule is not None:
        days_left = "" if rule.days is None else days_text(rule.days).partition(" ")[0]
        says = "not at this rate" if rule.days is None else "line of the last 7 days"
        table.add_row("guide's linear rule", days_left, says)
    screen.print(table)
    if dates.alert is not None:
        screen.print(plain(f"{dates.alert} (P50)", _STYLES.get(dates.level, "")))


def _print_days(screen: Console, seen: Forecast, *, everything: bool) -> None:
    shown = seen.days if everything else [*seen.days[_WEEK - 1 :: _WEEK]] or list(seen.days[-1:])
    if not everything and shown[-1] is not seen.days[-1]:
        shown = [*shown, seen.days[-1]]
    table = _table("!day", ">P10", ">P50", ">P90")
    for one in shown:
        bounds = ["not known" if bound is None else figure(bound, seen.unit) for bound in (one.p10, one.p90)]
        table.add_row(f"{one.day:%a %Y-%m-%d}", bounds[0], figure(one.p50, seen.unit), bounds[1])
    screen.print(table)


def _print_error(screen: Console, test: BacktestSummary) -> None:
    screen.print(
        f"Error so far, {test.horizon} days ahead: {percent(test.error)}. Same day last week: "
        f"{percent(test.last_week_error)}. The guide's linear rule: {percent(test.rule_error)}."
    )
    if test.coverage is not None:
        screen.print(f"The {percent(test.interval)} interval held on {percent(test.coverage)} of the days.")


def _print_backtest(screen: Console, test: BacktestSummary) -> None:
    past = count(test.origins, "past day")
    screen.print(f"Backtest from {past}, {test.first} to {test.last}, {test.horizon} days ahead", style="bold")
    table = _table("!method", ">median error", ">this forecast / it")
    for name, error, ratio in (
        ("this forecast", test.error, 1.0),
        ("same day last week", test.last_week_error, test.vs_last_week),
        (f"line over {test.fit} days", test.line_error, test.vs_line),
        ("guide's linear rule (7 days)", test.rule_error, test.vs_rule),
    ):
        table.add_row(name, percent(error), "-" if ratio is None else f"{ratio:.2f}")
    screen.print(table)
    held = "not known yet" if test.coverage is None else f"{percent(test.coverage)} of the days"
    screen.print(f"The {percent(test.interval)} interval held on {held}.")


def _signed(change: float) -> str:
    return f"{'+' if change > 0 else ''}{percent(change)}"


def _table(*columns: str) -> Table:
    """``>`` before a name aligns to the right, ``!`` to the left; no column is wrapped."""
    table = new_table()
    table.expand = False
    for name in columns:
        table.add_column(name.lstrip(">!"), justify="right" if name.startswith(">") else "left", no_wrap=True)
    return table
