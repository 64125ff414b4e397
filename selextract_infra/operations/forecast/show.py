"""Forecasts: each with the error that the same procedure made so far."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from selextract_infra.model.figures import amount, change, count, percent
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
from selextract_infra.report.table import Block, Cell, Line, Table, Tone, number, table, tone_of

__all__ = ["show_exhaustion", "show_forecast"]

_SPARK = 60
_WEEK = 7
_SHOWN_SHIFTS = 4


def show_forecast(forecast: Forecast, *, backtest: bool = False, everything: bool = False) -> Iterator[Block]:
    """What is known, when capacity runs out, the days to come, and how far all that can be trusted.

    Every seventh day is shown, with ``everything`` every day; with ``backtest`` the whole comparison.
    """
    days = count(forecast.days_known, "day")
    yield Line(f"{forecast.resource}: {days}, {forecast.start} to {forecast.end}", Tone.STRONG)
    known = [value for value in forecast.values if value is not None]
    if known:
        lowest, highest = (_figure(value, forecast.unit) for value in (min(known), max(known)))
        yield Line(sparkline(known, _SPARK))
        yield Line(f"between {lowest} and {highest}; {forecast.time_zone}")
    if forecast.confidence is not Confidence.NORMAL:
        yield Line(f"{forecast.confidence}: {forecast.reason}", Tone.WARNING)
    yield from (Line(note) for note in forecast.notes)
    if forecast.confidence is Confidence.INSUFFICIENT:
        yield from _without_forecast(forecast)
        return
    yield from _method(forecast)
    if forecast.exhaustion is not None:
        yield from _dates(forecast.exhaustion, forecast.rule, forecast.unit)
    yield _days(forecast, everything=everything)
    if forecast.backtest is None:
        yield Line("Too few days for a backtest: how far this can be trusted is not known.", Tone.WARNING)
    else:
        yield from _backtest(forecast.backtest) if backtest else _error(forecast.backtest)


def show_exhaustion(exhaustion: Exhaustion) -> Iterator[Block]:
    """The guide's linear rule for one resource."""
    alert = f"{exhaustion.alert}: " if exhaustion.alert else ""
    yield Line(f"{alert}{exhaustion.sentence}", tone_of(exhaustion.level))
    if exhaustion.compound_days is not None:
        yield Line(f"With compound growth: {days_text(exhaustion.compound_days)}.")


def _figure(value: float, unit: str = "") -> str:
    """A value in its unit, else with as many digits as say something."""
    if unit:
        return amount(value, unit)
    if abs(value) >= 1000 or value == int(value):
        return f"{value:z,.0f}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:,.4g}"


def _without_forecast(forecast: Forecast) -> Iterator[Block]:
    """What is used up takes no history to tell, and the guide's own line speaks after a few days."""
    if forecast.exhaustion is not None:
        yield from _dates(forecast.exhaustion, forecast.rule, forecast.unit)
    elif forecast.rule is not None:
        yield Line(f"guide's linear rule, low confidence: {forecast.rule.sentence}", tone_of(forecast.rule.level))


def _method(forecast: Forecast) -> Iterator[Block]:
    ways = ", ".join(f"{part.name} {percent(part.share)}" for part in forecast.method[:3])
    more = len(forecast.method) - 3
    follows = "a trend" if forecast.kind is SeriesKind.TREND else "weeks and a level"
    yield Line(f"Follows {follows}: {ways}{f' and {more} more' if more > 0 else ''}.")
    if forecast.shifts:
        shifts = ", ".join(f"{shift.day} ({change(shift.change)})" for shift in forecast.shifts[-_SHOWN_SHIFTS:])
        yield Line(f"The level shifted on {shifts}; the fit restarted there.")


def _dates(dates: ExhaustionDates, rule: Exhaustion | None, unit: str) -> Iterator[Block]:
    of_limit = "" if dates.usable == dates.limit else f" of {_figure(dates.limit, unit)}"
    tone = tone_of(dates.level)
    rows = [
        _date("early (P10)", dates.p10_days, dates.p10, dates.farthest),
        _date("middle (P50)", dates.p50_days, dates.p50, dates.farthest, tone),
        _date("late (P90)", dates.p90_days, dates.p90, dates.farthest),
    ]
    if rule is not None:
        days_left = "" if rule.days is None else days_text(rule.days).partition(" ")[0]
        explanation = "not at this rate" if rule.days is None else "line of the last 7 days"
        rows.append((Cell("guide's linear rule"), Cell(days_left), Cell(explanation)))
    reaches = f"Reaches {_figure(dates.usable, unit)}{of_limit}; now {_figure(dates.current, unit)}"
    yield table(("case", number("days"), "date"), rows, caption=reaches)
    if dates.alert is not None:
        yield Line(f"{dates.alert} (P50)", tone)


def _date(
    case: str, days: int | None, day: date | None, farthest: int, tone: Tone = Tone.PLAIN
) -> tuple[Cell, Cell, Cell]:
    text = f"{day:%a %Y-%m-%d}" if day is not None else f"not within {count(farthest, 'day')}"
    return Cell(case, tone), Cell("" if days is None else str(days)), Cell(text, tone)


def _days(forecast: Forecast, *, everything: bool) -> Table:
    shown = forecast.days if everything else [*forecast.days[_WEEK - 1 :: _WEEK]] or list(forecast.days[-1:])
    if not everything and shown[-1] is not forecast.days[-1]:
        shown = [*shown, forecast.days[-1]]
    return table(
        ("day", number("P10"), number("P50"), number("P90")),
        (
            (
                f"{day.day:%a %Y-%m-%d}",
                *(
                    "not known" if value is None else _figure(value, forecast.unit)
                    for value in (day.p10, day.p50, day.p90)
                ),
            )
            for day in shown
        ),
    )


def _error(test: BacktestSummary) -> Iterator[Block]:
    yield Line(
        f"Error so far, {count(test.horizon, 'day')} ahead: {percent(test.error)}. Same day last week:"
        f" {percent(test.last_week_error)}. The guide's linear rule: {percent(test.rule_error)}."
    )
    if test.coverage is not None:
        yield Line(f"The {percent(test.interval)} interval held on {percent(test.coverage)} of the days.")


def _backtest(test: BacktestSummary) -> Iterator[Block]:
    past, ahead = count(test.origins, "past day"), count(test.horizon, "day")
    errors = (
        ("this forecast", test.error, 1.0),
        ("same day last week", test.last_week_error, test.vs_last_week),
        (f"line over {count(test.fit, 'day')}", test.line_error, test.vs_line),
        ("guide's linear rule (7 days)", test.rule_error, test.vs_rule),
    )
    yield table(
        ("method", number("median error"), number("this forecast / it")),
        ((name, percent(error), "-" if ratio is None else f"{ratio:.2f}") for name, error, ratio in errors),
        caption=f"Backtest from {past}, {test.first} to {test.last}, {ahead} ahead",
    )
    held = "not known yet" if test.coverage is None else f"{percent(test.coverage)} of the days"
    yield Line(f"The {percent(test.interval)} interval held on {held}.")
