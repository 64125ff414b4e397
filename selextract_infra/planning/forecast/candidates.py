"""The candidates: simple ways to carry a daily series on, in plain numpy, each a few lines that a person can check.

A candidate takes the days known so far (finite, not negative, oldest first, at least seven) and gives the days that
follow. Its days follow the last known day directly, so that weekdays repeat every seven values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DRIFT",
    "LAST_WEEK",
    "LEVEL_CANDIDATES",
    "LINE",
    "MEDIAN",
    "TREND_CANDIDATES",
    "all_paths",
    "guide_rule",
    "line",
    "steepness",
    "structure",
]

Days = NDArray[np.float64]
Candidate = Callable[[Days, int, int], Days]

WEEK = 7
LAST_WEEK = "same day last week"
LINE = "line"
DRIFT = "drift"
MEDIAN = "median of week, level and slope"
_FACTOR_WEEKS = 8
_SMALLEST_FACTOR = 0.05  # a weekday with next to nothing on it says nothing about the level


def _weekdays(horizon: int) -> NDArray[np.int64]:
    return np.arange(horizon) % WEEK


def same_day_last_week(days: Days, horizon: int, fit: int) -> Days:
    """The last week, again and again."""
    del fit
    return days[len(days) - WEEK + _weekdays(horizon)]


def weekday_factors(days: Days) -> Days:
    """How each of the next seven weekdays compares with its week, mean 1; all 1 while there are not two full weeks."""
    weeks = min(_FACTOR_WEEKS, len(days) // WEEK)
    if weeks < 2:
        return np.ones(WEEK)
    table = days[-WEEK * weeks :].reshape(weeks, WEEK)
    means = table.mean(axis=1)
    alive = means > 0
    if alive.sum() < 2:
        return np.ones(WEEK)
    factors = np.median(table[alive] / means[alive, None], axis=0)
    return np.asarray(factors / factors.mean()) if factors.mean() > 0 else np.ones(WEEK)


def levels(days: Days, factors: Days) -> Days:
    """The days without their weekday's factor; the last of ``days`` is the day before the first of ``factors``."""
    of_day = factors[np.arange(-len(days), 0) % WEEK]
    return days / np.where(of_day > _SMALLEST_FACTOR, of_day, 1.0)


def level_of_last_week(days: Days, horizon: int, fit: int) -> Days:
    """Weekday factors times the median level of the last week: one odd day of it is not repeated."""
    del fit
    factors = weekday_factors(days)
    return np.asarray(np.median(levels(days[-WEEK:], factors)) * factors[_weekdays(horizon)])


def level_and_slope(days: Days, horizon: int, fit: int) -> Days:
    """From the level of the last week on, with the Theil-Sen slope of the fit; weekday factors on top."""
    factors = weekday_factors(days)
    level = levels(days[-fit:], factors)
    slope = theil_sen(level)
    now = np.median(level[-WEEK:] - slope * np.arange(1 - WEEK, 1))
    return np.asarray((now + slope * np.arange(1, horizon + 1)) * factors[_weekdays(horizon)])


def line(days: Days, horizon: int, fit: int) -> Days:
    """The least-squares line through the fit."""
    known = days[-fit:]
    places = np.arange(len(known)) - (len(known) - 1) / 2
    slope = places @ known / (places @ places)
    return np.asarray(known.mean() + slope * ((len(known) - 1) / 2 + np.arange(1, horizon + 1)))


def drift(days: Days, horizon: int, fit: int) -> Days:
    """From the last day on, by the mean daily change of the fit."""
    back = min(fit, len(days) - 1)
    return np.asarray(days[-1] + (days[-1] - days[-1 - back]) / back * np.arange(1, horizon + 1))


def guide_rule(days: Days, horizon: int) -> Days:
    """The guide's linear rule: the least-squares line through the last seven days (PRE-01, PRE-04)."""
    return np.asarray(np.maximum(line(days, horizon, WEEK), 0))


# Week and level: what traffic, CPU and memory follow. Trend: what disks and tables follow.
LEVEL_CANDIDATES: dict[str, Candidate] = {
    LAST_WEEK: same_day_last_week,
    "weekday factors x level of last week": level_of_last_week,
    "weekday factors x level and slope": level_and_slope,
}
TREND_CANDIDATES: dict[str, Candidate] = {
    LINE: line,
    DRIFT: drift,
}


def all_paths(days: Days, horizon: int, fit: int) -> Days:
    """Every candidate's path in the order of the tables, then the median of those of level; none is below zero."""
    paths = [candidate(days, horizon, fit) for candidate in (LEVEL_CANDIDATES | TREND_CANDIDATES).values()]
    median = np.median(paths[: len(LEVEL_CANDIDATES)], axis=0)
    return np.asarray(np.maximum(np.vstack([*paths, median]), 0))


@lru_cache(maxsize=128)
def _pairs(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    earlier, later = np.triu_indices(count, 1)
    return earlier, later, (later - earlier).astype(float)


def theil_sen(values: Days) -> float:
    """The median slope of all pairs, per step: a third of the values may be anything."""
    if len(values) < 2:
        return 0.0
    earlier, later, apart = _pairs(len(values))
    return float(np.median((values[later] - values[earlier]) / apart))


def steepness(days: Days) -> float:
    """The lasting slope per day: Theil-Sen through the weekly means, of which there must be eight, at most 26."""
    weeks = min(26, len(days) // WEEK)
    if weeks < _FACTOR_WEEKS:
        return 0.0
    return theil_sen(days[-WEEK * weeks :].reshape(weeks, WEEK).mean(axis=1)) / WEEK


def structure(days: Days, fit: int) -> tuple[float, float]:
    """Which shares of the variance of the fit a line and the weekdays explain."""
    known = days[-(min(fit, len(days)) // WEEK * WEEK) :]
    whole = known.var()
    if whole <= 0:
        return 0.0, 0.0
    places = np.arange(len(known)) - (len(known) - 1) / 2
    rest = known - known.mean() - places @ known / (places @ places) * places
    weekdays = rest.reshape(-1, WEEK).mean(axis=0)
    return float(1 - rest.var() / whole), float((weekdays**2).mean() / whole)
