"""What lies ahead of today's forecast: the days with their bounds, and the day on which the use reaches the capacity.

The date is a first passage: the forecast is carried on once with each error path that the same procedure made in the
past, and each of these futures reaches the capacity on some day or does not. Their 10th, 50th and 90th percentiles are
the early, middle and late date, in that order by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from selextract_infra.model.forecast import Exhaustion, ExhaustionDates
from selextract_infra.planning.exhaustion import alert_of, level_of
from selextract_infra.planning.forecast.backtest import Backtest
from selextract_infra.planning.forecast.candidates import all_paths, steepness
from selextract_infra.planning.forecast.days import ForecastEvent, factor_on
from selextract_infra.planning.forecast.intervals import Intervals, error_shares, scale_of
from selextract_infra.planning.forecast.onset import carried
from selextract_infra.policy import Policy

__all__ = ["ForecastOutlook", "exhaustion_dates", "expected", "outlook", "used_up"]

Floats = NDArray[np.float64]

_WEEK = 7
_LEVEL_DAYS = 28
_REPEATED = 28  # the last days of an error path that are repeated beyond its end; whole weeks, so that weekdays stay
# Errors grow with the days ahead, a random walk's to the power of 0.5, a wrong slope's of 1. Over simulated series of
# both kinds 0.75 puts 79 % of the true dates between the early and the late one.
_GROWTH = 0.75
_FEWEST_WHOLE = 20
_EARLY, _MIDDLE, _LATE = 0.1, 0.5, 0.9


@dataclass(frozen=True)
class ForecastOutlook:
    """From tomorrow on: P10, P50, P90 as far as the backtest looks, and ``futures``, one row for each past error path.

    P10 and P90 are NaN while too few errors are known.
    """

    low: Floats
    middle: Floats
    high: Floats
    futures: Floats


def outlook(
    test: Backtest, bounds: Intervals, days: Floats, restart: int, *, fit: int, farthest: int, history: int
) -> ForecastOutlook:
    """Today's forecast, carried on for ``farthest`` days. ``days`` are all known; the fit looks from ``restart`` on."""
    known = days[restart:]
    horizon = test.chosen.shape[1]
    path = _carried_on(test, known, max(farthest, horizon), fit)
    scale = scale_of(path, float(known[-_LEVEL_DAYS:].mean()), test.smallest)
    recent = test.origins >= test.origins[-1] - history
    errors = _error_futures(error_shares(test, days)[recent], len(path))
    return ForecastOutlook(
        low=np.minimum(bounds.low[-1], path[:horizon]),
        middle=path[:horizon],
        high=np.maximum(bounds.high[-1], path[:horizon]),
        futures=np.maximum(path + errors * scale, 0),
    )


def _carried_on(test: Backtest, known: Floats, days: int, fit: int) -> Floats:
    """Up to the backtest's horizon what was tested. Beyond, a trend goes on as it is; a week and a level go on as the
    last week with the lasting slope of the weekly means.
    """
    horizon = test.chosen.shape[1]
    path = np.asarray(test.weights[-1] @ all_paths(known, days, fit))
    if not test.trend[-1] and days > horizon:
        beyond = np.arange(days - horizon)
        week = path[max(0, horizon - _WEEK) : horizon]
        path[horizon:] = week[beyond % len(week)] + steepness(known) * (beyond // _WEEK + 1) * _WEEK
    begun = float(test.rises[-1])
    return carried(np.asarray(np.maximum(path, 0)), known, None if np.isnan(begun) else begun)


def _error_futures(errors: Floats, days: int) -> Floats:
    """Each past error path, carried on for ``days`` days: where it was going, and its own noise around that."""
    whole = np.isfinite(errors).all(axis=1)
    if whole.sum() >= _FEWEST_WHOLE:
        errors = errors[whole]
    paths = [_carried_error(row, days) for row in errors if np.isfinite(row).sum() >= min(_WEEK, len(row))]
    return np.stack(paths) if paths else np.zeros((1, days))


def _carried_error(row: Floats, days: int) -> Floats:
    places = np.flatnonzero(np.isfinite(row))
    length = int(places[-1]) + 1
    error = np.interp(np.arange(length), places, row[places])
    end = float(error[-_WEEK:].mean())
    noise = error - end * (np.arange(1, length + 1) / length) ** _GROWTH
    repeated = min(_REPEATED, length - length % _WEEK or length)
    ahead = np.arange(days)
    source = np.where(ahead < length, ahead, length - repeated + (ahead - length) % repeated)
    return np.asarray(end * ((ahead + 1) / length) ** _GROWTH + noise[source])


def expected(ahead: ForecastOutlook, events: Sequence[ForecastEvent], end: date) -> ForecastOutlook:
    """The outlook with what is planned for single days to come; ``end`` is today."""
    days = ahead.futures.shape[1]
    factors = np.array([factor_on(events, end + timedelta(days=after)) for after in range(1, days + 1)])
    near = factors[: len(ahead.middle)]
    return ForecastOutlook(ahead.low * near, ahead.middle * near, ahead.high * near, ahead.futures * factors)


def exhaustion_dates(
    ahead: ForecastOutlook,
    *,
    current: float,
    end: date,
    limit: float,
    usable: float,
    policy: Policy,
    rule: Exhaustion | None = None,
) -> ExhaustionDates:
    """When the use first reaches ``usable``; ``end`` is the last known day, with ``current`` as its use.

    The level is that of the middle date, or of the guide's ``rule`` where one is given and it is worse.

    No date is later than the day on which its bound is that high: where 10 of 100 cases use that much on a day, at
    least 10 of 100 have reached it by then.
    """
    farthest = ahead.futures.shape[1]
    if current >= usable:
        early: int | None = 0
        middle: int | None = 0
        late: int | None = 0
    else:
        reached = ahead.futures >= usable
        first = np.sort(np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, farthest + 1))
        early, middle, late = (
            _not_after(bound >= usable, _percentile(first, share, farthest))
            for share, bound in ((_EARLY, ahead.high), (_MIDDLE, ahead.middle), (_LATE, ahead.low))
        )
    level = level_of(middle, policy)
    if rule is not None and rule.level.rank > level.rank:
        level = rule.level
    return ExhaustionDates(
        limit=limit,
        usable=usable,
        current=current,
        p10_days=early,
        p50_days=middle,
        p90_days=late,
        p10=_after(end, early),
        p50=_after(end, middle),
        p90=_after(end, late),
        farthest=farthest,
        level=level,
        alert=alert_of(level, policy),
    )


def used_up(current: float, end: date, limit: float, usable: float, policy: Policy) -> ExhaustionDates:
    """What has reached its capacity, which takes no history to tell (X-20)."""
    nothing = np.empty(0)
    ahead = ForecastOutlook(nothing, nothing, nothing, np.empty((0, 0)))
    return exhaustion_dates(ahead, current=current, end=end, limit=limit, usable=usable, policy=policy)


def _percentile(ordered: NDArray[np.int64], share: float, farthest: int) -> int | None:
    days = int(ordered[round(share * (len(ordered) - 1))])
    return days if days <= farthest else None


def _not_after(reached: NDArray[np.bool_], days: int | None) -> int | None:
    """So many days, or fewer where a bound has reached the capacity before."""
    if not reached.any():
        return days
    by_bound = int(reached.argmax()) + 1
    return by_bound if days is None else min(days, by_bound)


def _after(end: date, days: int | None) -> date | None:
    return None if days is None else end + timedelta(days=days)
