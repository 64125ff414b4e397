"""The rolling backtest: what each candidate would have said on each past day, which is chosen, and how well that did.

At every origin the choice rests on what was known at that origin alone. The forecast of today is the last origin, so
the errors that are reported are those of the very procedure that forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from selextract_infra.planning.forecast.candidates import (
    DRIFT,
    LAST_WEEK,
    LEVEL_CANDIDATES,
    LINE,
    MEDIAN,
    TREND_CANDIDATES,
    all_paths,
    guide_rule,
    line,
    structure,
)
from selextract_infra.planning.forecast.onset import carried, rise
from selextract_infra.planning.forecast.shifts import Shift

__all__ = ["NAMES", "Backtest", "Rules", "origins_of", "percentage_errors", "roll"]

Floats = NDArray[np.float64]

NAMES = (*LEVEL_CANDIDATES, *TREND_CANDIDATES, MEDIAN)
# The usual way and its rival, of series that follow weeks and a level, and of trends.
_LEVEL_PAIR = [NAMES.index(LAST_WEEK), NAMES.index(MEDIAN)]
_TREND_PAIR = [NAMES.index(LINE), NAMES.index(DRIFT)]
_LAST_WEEK = NAMES.index(LAST_WEEK)

_FIRST_ORIGIN = 14  # two weeks, the least that has weekday factors
_MOST_ORIGINS = 270
_FEWEST_SCORED = 7  # days an origin must be old to be scored at all
_FEWEST_JUDGED = 14  # days of origins before a choice is more than a guess
_OUTLIER = 3.0  # an origin counts as at most this many times the median one: one holiday must not decide
_SHARPNESS = 16  # of the sharing: a rival that is 10 % better has 5 times the weight, one 20 % better 35 times
_HOPELESS = 10.0  # times the error: a worse rival has no weight worth computing
_MOST = 0.8  # of the variance: a line that explains less is no trend, however little the weekdays explain
_STRONGER = 0.7  # a trend must win by this factor on a series that does not look like one
_SMALLEST_SHARE = 0.05  # of the mean: days below it are scored against it, since a share of nothing says nothing


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of the Policy that the backtest needs, in days and ratios."""

    horizon: int
    fit: int
    judged_over: int


@dataclass(frozen=True)
class Backtest:
    """One row for each origin, oldest first; the last is today. Columns are the days ahead.

    ``actual`` is NaN where it is not known yet or was taken out. ``paths`` has every candidate's, ``chosen`` the
    procedure's. To compare with, no matter what shifted: ``last_week``, the ``line`` through the fit, and the guide's
    ``rule``. ``trend`` says which family was chosen, ``weights`` how much of each candidate, ``rises`` how much a day
    a trend that begins adds (NaN where none does).
    """

    origins: NDArray[np.int64]
    actual: Floats
    paths: Floats
    chosen: Floats
    last_week: Floats
    line: Floats
    rule: Floats
    trend: NDArray[np.bool_]
    weights: Floats
    rises: Floats
    smallest: float

    def known_at(self, row: int) -> NDArray[np.bool_]:
        """Which errors of earlier origins are known at the origin of this row."""
        ahead = np.arange(1, self.actual.shape[1] + 1)
        earlier = self.origins[:row, None] + ahead <= self.origins[row]
        return np.asarray(earlier & np.isfinite(self.actual[:row]))


def origins_of(days: int) -> NDArray[np.int64]:
    """The past days to forecast from, evenly apart, never always on the same weekday, and the last one today."""
    step = max(1, -(-(days - _FIRST_ORIGIN) // _MOST_ORIGINS))
    step += step % 7 == 0
    return np.arange(days, _FIRST_ORIGIN - 1, -step)[::-1].copy()


def roll(days: Floats, scored: NDArray[np.bool_], shifts: Sequence[Shift], rules: Rules) -> Backtest:
    """Forecast from every origin. ``scored`` marks the days whose values are real and in nobody's plan."""
    origins = origins_of(len(days))
    smallest = max(_SMALLEST_SHARE * float(days.mean()), np.finfo(float).tiny)
    known = [days[_restart(shifts, int(origin)) : origin] for origin in origins]
    paths = np.stack([all_paths(part, rules.horizon, rules.fit) for part in known])
    actual = _actual(days, scored, origins, rules.horizon)
    test = Backtest(
        origins=origins,
        actual=actual,
        paths=paths,
        chosen=paths[:, _LAST_WEEK].copy(),
        last_week=paths[:, _LAST_WEEK],
        line=np.stack([np.maximum(line(days[:origin], rules.horizon, rules.fit), 0) for origin in origins]),
        rule=np.stack([guide_rule(days[:origin], rules.horizon) for origin in origins]),
        trend=np.zeros(len(origins), dtype=bool),
        weights=np.zeros(paths.shape[:2]),
        rises=np.full(len(origins), np.nan),
        smallest=smallest,
    )
    errors = percentage_errors(paths, actual[:, None], smallest)
    for row, part in enumerate(known):
        scores = _scores(test, errors, row, rules)
        test.trend[row], test.weights[row] = _choose(scores, structure(part, rules.fit))
        path = test.weights[row] @ paths[row]
        begun = rise(part, path, trend=bool(test.trend[row]))
        test.rises[row] = np.nan if begun is None else begun
        test.chosen[row] = carried(path, part, begun)
    return test


def percentage_errors(paths: Floats, actual: Floats, smallest: float) -> Floats:
    """Absolute errors as shares of the actual values, NaN where those are not known."""
    return np.asarray(np.abs(paths - actual) / np.maximum(actual, smallest))


def _restart(shifts: Sequence[Shift], origin: int) -> int:
    """Where the fit starts at this origin: after the last shift that was known by then."""
    return max((shift.day for shift in shifts if shift.known_after <= origin), default=0)


def _actual(days: Floats, scored: NDArray[np.bool_], origins: NDArray[np.int64], horizon: int) -> Floats:
    real = np.concatenate([np.where(scored, days, np.nan), np.full(horizon, np.nan)])
    return np.asarray(real[origins[:, None] + np.arange(horizon)])


def _scores(test: Backtest, errors: Floats, row: int, rules: Rules) -> Floats | None:
    """Each candidate's mean error over the origins of the last months, as known at this row; None if too few."""
    now = int(test.origins[row])
    first = int(np.searchsorted(test.origins, now - rules.judged_over))
    known = test.known_at(row)[first:]
    enough = known.sum(axis=1) >= min(_FEWEST_SCORED, errors.shape[-1])
    if not enough.any() or now - _FEWEST_SCORED - int(test.origins[first:row][enough][0]) < _FEWEST_JUDGED:
        return None
    known = known[enough]
    summed = np.where(known[:, None], errors[first:row][enough], 0).sum(axis=2)
    means = summed / known.sum(axis=1)[:, None]
    cap = _OUTLIER * float(np.median(means, axis=0).min())
    return np.asarray((np.minimum(means, cap) if cap > 0 else means).mean(axis=0))


def _choose(scores: Floats | None, shares: tuple[float, float]) -> tuple[bool, Floats]:
    """Whether it is a trend, and the weight of each candidate.

    The usual way and its rival share by their errors instead of the better one taking it all: errors of few origins are
    chance in part, and a winner by chance is worse than both together.
    """
    looks_like_trend = shares[0] > max(shares[1], _MOST)
    weights = np.zeros(len(NAMES))
    if scores is None:
        weights[(_TREND_PAIR if looks_like_trend else _LEVEL_PAIR)[0]] = 1
        return looks_like_trend, weights
    trend = scores[_TREND_PAIR].min() <= scores[_LEVEL_PAIR].min() * (1.0 if looks_like_trend else _STRONGER)
    usual, rival = _TREND_PAIR if trend else _LEVEL_PAIR
    weights[rival] = _share(float(scores[usual]), float(scores[rival]))
    weights[usual] = 1 - weights[rival]
    return bool(trend), weights


def _share(usual: float, rival: float) -> float:
    """The weight of the rival by both errors; a half where they are equal, none where the usual way is perfect."""
    return 1 / (1 + min(rival / usual, _HOPELESS) ** _SHARPNESS) if usual > 0 else 0.0
