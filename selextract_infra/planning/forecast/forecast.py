"""The forecast of one resource: days to come, dates of exhaustion, and how well the same procedure did so far.

A few simple candidates share by how well they did on the series itself. Intervals come from the
errors that were really made. Too little history is answered with "insufficient data", never with a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from selextract_infra.errors import UsageError
from selextract_infra.model.figures import amount, count, percent
from selextract_infra.model.forecast import (
    BacktestSummary,
    Confidence,
    Exhaustion,
    Forecast,
    ForecastDay,
    LevelShift,
    MethodShare,
    SeriesKind,
)
from selextract_infra.planning.exhaustion import linear_exhaustion
from selextract_infra.planning.forecast.backtest import NAMES, Backtest, Rules, percentage_errors, roll
from selextract_infra.planning.forecast.candidates import line
from selextract_infra.planning.forecast.days import FitDays, ForecastEvent, fit_days
from selextract_infra.planning.forecast.intervals import Intervals, intervals
from selextract_infra.planning.forecast.onset import steady
from selextract_infra.planning.forecast.outlook import ForecastOutlook, exhaustion_dates, expected, outlook, used_up
from selextract_infra.planning.forecast.series import Series
from selextract_infra.planning.forecast.shifts import level_shifts
from selextract_infra.policy import Policy

__all__ = ["forecast"]

_DAY_SECONDS = 86400
_WEEK = 7
_SMALLEST_SHARE = 0.01
_FRESH_DAYS = 2
_MEASURABLE = 1e-30
_FEWEST_ORIGINS = 14
_FEWEST_FOR_LINE = 2


def forecast(
    series: Series,
    policy: Policy,
    *,
    limit: float | None = None,
    usable: float | None = None,
    horizon: int | None = None,
    events: Sequence[ForecastEvent] = (),
    today: date | None = None,
) -> Forecast:
    """The forecast of ``series`` for ``horizon`` days (default: the Policy's).

    With ``limit`` also when the use reaches ``usable``, which is the limit less what must stay free, by default all of
    it. ``events`` are taken out of the fit, and those to come are put on top. ``today`` is only compared with the end
    of the series. Raises UsageError for a limit, a usable capacity or a horizon that makes no sense.
    """
    usable = _checked(limit, usable, series.name)
    asked = _days(policy.forecast.horizon) if horizon is None else horizon
    farthest = _days(policy.forecast.farthest)
    if not 1 <= asked <= farthest:
        raise UsageError(f"A forecast looks 1 to {farthest} days ahead, not {asked}.")
    fitted = fit_days(
        series,
        events,
        history=_days(policy.forecast.history),
        longest_gap=_days(policy.forecast.longest_gap),
    )
    bare = _bare(series, fitted, today)
    short = _too_little(fitted, policy)
    if short:
        return _short(bare, series, policy, short, limit, usable)
    return _full(bare, series, fitted, policy, asked, limit, usable, events)


def _checked(limit: float | None, usable: float | None, name: str) -> float | None:
    if limit is None:
        return None
    top = limit if usable is None else usable
    for what, value in (("limit", limit), ("usable capacity", top)):
        if not (np.isfinite(value) and value > 0):
            raise UsageError(f"The {what} of {name} must be above 0, not {value:g}.")
    return min(top, limit)


def _bare(series: Series, fitted: FitDays, today: date | None) -> Forecast:
    """What is known of the series before anything is forecast."""
    notes = [f"{day} is not a whole day and was left out." for day in series.partial]
    if series.empty:
        notes.append(f"{count(series.empty, 'cell')} of {series.name} without a value, which are gaps.")
    if today is not None and (today - series.end).days > _FRESH_DAYS:
        notes.append(f"The series ends {count((today - series.end).days, 'day')} ago; days count from its end.")
    if today is not None and series.end > today:
        notes.append(f"The series ends on {series.end}, which is still to come; days count from its end.")
    return Forecast(
        resource=series.name,
        unit=series.unit,
        start=series.start,
        end=series.end,
        time_zone=series.time_zone,
        values=tuple(None if np.isnan(value) else float(value) for value in series.values),
        days_known=series.days_known,
        confidence=Confidence.NORMAL,
        restart=fitted.start if fitted.gap_before else None,
        notes=tuple(notes),
    )


def _too_little(fitted: FitDays, policy: Policy) -> str:
    """Why no number is given, or nothing."""
    rules = policy.forecast
    known, least = int(fitted.real.sum()), _days(rules.insufficient_below)
    since = f" since the gap before {fitted.start}" if fitted.gap_before else ""
    if known < least:
        return f"{count(known, 'day')} with a value{since}; at least {least} are needed."
    coverage = known / len(fitted.values)
    if coverage < rules.minimum_coverage:
        return (
            f"Only {percent(coverage)} of {len(fitted.values)} days{since} have a value; "
            f"at least {percent(rules.minimum_coverage)} are needed."
        )
    return ""


def _short(
    bare: Forecast, series: Series, policy: Policy, reason: str, limit: float | None, usable: float | None
) -> Forecast:
    """No forecast; but what is used up is used up without any history (X-20), and the guide's own line speaks."""
    values: dict[str, object] = {"confidence": Confidence.INSUFFICIENT, "reason": reason}
    days = series.values[np.isfinite(series.values)]
    if limit is not None and usable is not None and len(days):
        current = float(days[-1])
        if len(days) >= _FEWEST_FOR_LINE:
            rule = _rule(series, days, current, usable, policy)
            values["rule"] = rule if rule.days is not None else None
        if current >= usable:
            values["exhaustion"] = used_up(current, series.end, limit, usable, policy)
    return bare.model_copy(update=values)


def _full(
    bare: Forecast,
    series: Series,
    fitted: FitDays,
    policy: Policy,
    asked: int,
    limit: float | None,
    usable: float | None,
    events: Sequence[ForecastEvent],
) -> Forecast:
    rules = policy.forecast
    shifts = level_shifts(fitted.values, change=rules.shift_change, lasting=_days(rules.shift_lasting))
    test = roll(
        fitted.values,
        fitted.real,
        shifts,
        Rules(
            horizon=max(asked, _days(rules.horizon)),
            fit=_days(rules.fit),
            judged_over=_days(rules.judged_over),
        ),
    )
    recent = _days(rules.history) // 2  # errors of an older system say little about this one
    bounds = intervals(test, fitted.values, rules.interval, recent)
    restart = max((shift.day for shift in shifts), default=0)
    ahead = outlook(
        test,
        bounds,
        fitted.values,
        restart,
        fit=_days(rules.fit),
        farthest=_days(rules.farthest),
        history=recent,
    )
    ahead = expected(ahead, events, series.end)
    confidence, reason = _confidence(fitted, restart, policy)
    current = float(series.values[np.flatnonzero(np.isfinite(series.values))[-1]])
    values: dict[str, object] = {
        "confidence": confidence,
        "reason": reason,
        "kind": SeriesKind.TREND if test.trend[-1] or np.isfinite(test.rises[-1]) else SeriesKind.WEEK_AND_LEVEL,
        "notes": (*bare.notes, *_begun(test, series.unit)),
        "method": _method(test),
        "restart": fitted.start + timedelta(days=restart) if restart else bare.restart,
        "shifts": tuple(LevelShift(day=fitted.start + timedelta(days=s.day), change=s.change) for s in shifts),
        "days": _forecast_days(ahead, series.end, asked),
        "backtest": _summary(test, bounds, fitted, asked, policy),
    }
    if limit is not None and usable is not None:
        rule = _rule(series, fitted.values, current, usable, policy)
        rising = rule if np.isfinite(test.rises[-1]) or steady(fitted.values[-_WEEK - 1 :]) else None
        values["rule"] = rule
        values["exhaustion"] = exhaustion_dates(
            ahead, current=current, end=series.end, limit=limit, usable=usable, policy=policy, rule=rising
        )
    return bare.model_copy(update=values)


def _days(seconds: float) -> int:
    return round(seconds / _DAY_SECONDS)


def _confidence(fitted: FitDays, restart: int, policy: Policy) -> tuple[Confidence, str]:
    known, enough = int(fitted.real.sum()), _days(policy.forecast.low_confidence_below)
    since = len(fitted.values) - restart
    if known < enough:
        return Confidence.LOW, f"{count(known, 'day')} with a value; {enough} make a forecast that can be relied on."
    if restart and since < enough:
        return Confidence.LOW, f"The level shifted {count(since, 'day')} ago, and the fit restarted there."
    return Confidence.NORMAL, ""


def _begun(test: Backtest, unit: str) -> Iterator[str]:
    """What a trend that begins adds, where there is one."""
    if np.isfinite(test.rises[-1]):
        yield f"Use rises by {amount(float(test.rises[-1]), unit).strip()} a day, which is carried on from its end."


def _method(test: Backtest) -> tuple[MethodShare, ...]:
    shares = [(name, float(share)) for name, share in zip(NAMES, test.weights[-1], strict=True)]
    return tuple(
        MethodShare(name=name, share=share)
        for name, share in sorted(shares, key=lambda pair: -pair[1])
        if share >= _SMALLEST_SHARE
    )


def _forecast_days(ahead: ForecastOutlook, end: date, asked: int) -> tuple[ForecastDay, ...]:
    def known(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    return tuple(
        ForecastDay(
            day=end + timedelta(days=after + 1),
            p10=known(ahead.low[after]),
            p50=float(ahead.middle[after]),
            p90=known(ahead.high[after]),
        )
        for after in range(asked)
    )


def _rule(series: Series, days: NDArray[np.float64], current: float, usable: float, policy: Policy) -> Exhaustion:
    """The guide's rule as stated: what is left, over the growth of the line through the last seven days."""
    path = line(days, 2, _WEEK)
    growth = float(path[1] - path[0]) * _WEEK
    return linear_exhaustion(
        series.name,
        current=_decimal(current),
        weekly_growth=_decimal(growth),
        limit=_decimal(usable),
        policy=policy,
        unit=series.unit,
    )


def _decimal(value: float) -> Fraction:
    """The number as a person would write it; what is far below anything measurable is 0."""
    return Fraction(f"{value:.12g}") if abs(value) >= _MEASURABLE else Fraction(0)


def _judged_origins(test: Backtest, days: int, asked: int, fit: int, least: int) -> NDArray[np.bool_]:
    """The origins with a whole fit behind and all days ahead of them; of a short series those that have a week."""
    known = np.isfinite(test.actual[:, :asked]).sum(axis=1)
    whole = (test.origins >= fit) & (test.origins + asked <= days) & (known > 0)
    if whole.sum() >= _FEWEST_ORIGINS:
        return np.asarray(whole)
    return np.asarray((test.origins >= least) & (known >= min(asked, _WEEK)))


def _summary(test: Backtest, bounds: Intervals, fitted: FitDays, asked: int, policy: Policy) -> BacktestSummary | None:
    """How the procedure did from past days; None while there is none to judge it by."""
    fit = _days(policy.forecast.fit)
    rows = _judged_origins(test, len(fitted.values), asked, fit, _days(policy.forecast.insufficient_below))
    if not rows.any():
        return None
    actual = test.actual[rows, :asked]

    def error(paths: NDArray[np.float64]) -> float:
        missed = percentage_errors(paths[rows, :asked], actual, test.smallest)
        return float(np.median(np.nanmedian(missed, axis=1)))

    own, week, straight, rule = (error(paths) for paths in (test.chosen, test.last_week, test.line, test.rule))
    low, high = bounds.low[rows, :asked], bounds.high[rows, :asked]
    judged = np.isfinite(low) & np.isfinite(actual)
    inside = (actual >= low) & (actual <= high)
    return BacktestSummary(
        origins=int(rows.sum()),
        horizon=min(asked, len(fitted.values) - int(test.origins[rows][0])),
        fit=fit,
        first=fitted.start + timedelta(days=int(test.origins[rows][0])),
        last=fitted.start + timedelta(days=int(test.origins[rows][-1])),
        error=own,
        last_week_error=week,
        line_error=straight,
        rule_error=rule,
        vs_last_week=own / week if week > 0 else None,
        vs_line=own / straight if straight > 0 else None,
        vs_rule=own / rule if rule > 0 else None,
        coverage=float(inside[judged].mean()) if judged.any() else None,
        interval=policy.forecast.interval,
    )
