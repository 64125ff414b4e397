"""A trend that begins: what fills a disk is seen from the week in which it begins, not when most of the fit has it.

The guide's own rule, a line through the last seven days, warns early and on every chance; a line through 28 days later
and more surely. Use that rises as storage does is carried on at the steeper of the two, from the last value on, where
that is steeper than the forecast by more than such lines differ by chance. Nothing here lowers a forecast.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["carried", "rise", "steady"]

Floats = NDArray[np.float64]

_WEEK, _MONTH = 7, 28
_CALM = 0.05  # of the level: what storage changes by on a usual day; traffic changes by more from weekday to weekday
_GIVEN_BACK = 0.1  # of what is added: more is taken away again where use comes and goes
_SURE = 4.0  # times its own error: a slope through seven days is beyond that by chance once in two hundred times
# Times what slopes differ by: what wanders by itself is beyond 3 in one week of a year. Where the forecast follows a
# trend already, its slope is of eight times as many days, so that it takes more to say that another one has begun.
_UNUSUAL, _UNUSUAL_FOR_TREND = 3.0, 10.0
_MAD_TO_SIGMA = 1.4826
# Times the error of a line through a week: what wanders differs by so much more from one week to the next than within
# it. Where a week lies on its line, slopes from before a trend began say nothing.
_WANDERING = 3.0
_SINGLE = 0.5  # of all that was added: what came on one day is an import, and comes again on no other
_FEWEST_SLOPES = 5


def rise(days: Floats, path: Floats, *, trend: bool) -> float | None:
    """What is added a day by use that rises as storage does, beyond what the forecast ``path`` has of it already.

    None where nothing rises, or the path has it. ``days`` are all that count, the last one the day before the path.
    ``trend``: the path follows a trend, if perhaps an older one.
    """
    if len(days) < _WEEK or len(path) < 2 or not _calm(days):
        return None
    already = max(0.0, float(path[-1] - path[0]) / (len(path) - 1))
    unusual = _UNUSUAL_FOR_TREND if trend else _UNUSUAL
    slopes = [_slope(days, window, already, unusual) for window in (_WEEK, _MONTH) if len(days) >= window]
    return max((slope for slope in slopes if slope is not None), default=None)


def carried(path: Floats, days: Floats, slope: float | None) -> Floats:
    """The path, nowhere below the last day with so much more for each day."""
    if slope is None:
        return path
    return np.asarray(np.maximum(path, days[-1] + slope * np.arange(1, path.shape[-1] + 1)))


def steady(days: Floats) -> bool:
    """Whether use rose, and hardly anything of what was added was given back."""
    changes = np.diff(days)
    return bool(changes.sum() > 0 and -changes[changes < 0].sum() <= _GIVEN_BACK * changes[changes > 0].sum())


def _calm(days: Floats) -> bool:
    """Whether days follow each other as those of storage do, before the last week."""
    recent = days[-_MONTH - _WEEK :]
    changes = np.abs(np.diff(recent))
    before = changes[:-_WEEK] if len(changes) > 2 * _WEEK else changes
    return float(np.median(before)) <= _CALM * float(recent.mean()) or steady(days[-_MONTH:])


def _slope(days: Floats, window: int, already: float, unusual: float) -> float | None:
    """The slope of the line through the last days, None where it is no more than noise beside what is known already."""
    known = days[-window:]
    slope, error = _line(known)
    if slope - already <= unusual * min(_differing(days, window), _WANDERING * error):
        return None
    if steady(known):
        changes = np.diff(known)
        return slope if changes.max() <= _SINGLE * changes.sum() else None
    return slope if slope >= _SURE * error else None


def _line(known: Floats) -> tuple[float, float]:
    """The slope of the line through these days, and its own standard error."""
    places = np.arange(len(known)) - (len(known) - 1) / 2
    spread = float(places @ places)
    slope = float(places @ known) / spread
    rest = known - known.mean() - slope * places
    return slope, float(np.sqrt(rest @ rest / (len(known) - 2) / spread))


def _differing(days: Floats, window: int) -> float:
    """By how much slopes of so many days differed before from what they were going to be, as a standard deviation.

    Slopes of weeks tell, because those of months have most of their days in common; they differ as what wanders does.
    Infinity where there are too few of them before the last week.
    """
    before = days[: len(days) - _WEEK][-(_WEEK + _MONTH - 1) :]
    if len(before) < _WEEK + _FEWEST_SLOPES - 1:
        return math.inf
    places = np.arange(_WEEK) - (_WEEK - 1) / 2
    slopes = sliding_window_view(before, _WEEK) @ (places / (places @ places))
    along = np.arange(len(slopes)) - (len(slopes) - 1) / 2
    rest = slopes - slopes.mean() - (along @ slopes) / (along @ along) * along
    return _MAD_TO_SIGMA * float(np.median(np.abs(rest))) * float(np.sqrt(_WEEK / window))
