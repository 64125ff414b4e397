"""Level shifts: the days on which a series moved to another level and stayed there; the fit restarts after them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Shift", "level_shifts"]

_WEEK = 7
_NOISES = 6.0  # how many times the usual change of two neighbouring windows it must be
_MAD_TO_SIGMA = 1.4826
_NEARLY = 0.9  # of the largest change, which moves a little with a trend behind the step
_MOVED = 0.5  # of the largest change from one week to the next
_ABRUPT = 0.7  # the share of the change that must be there in the first week; a slow drift is no shift


@dataclass(frozen=True, slots=True)
class Shift:
    """From ``day`` on (an index of the series) the level is another; that can be known after ``known_after`` days.

    ``change`` is relative to the level before.
    """

    day: int
    known_after: int
    change: float


def level_shifts(days: NDArray[np.float64], *, change: float, lasting: int) -> tuple[Shift, ...]:
    """Shifts by at least ``change`` (a ratio) that lasted ``lasting`` days (whole weeks), oldest first.

    Each is judged with the days up to its ``known_after`` alone, so that a backtest does not see the future: medians of
    the windows before and after each day, against how much such medians usually differ.
    """
    count = len(days)
    if count < 2 * lasting + _WEEK:
        return ()
    indices = range(lasting, count - lasting + 1)
    moved = np.array([np.median(days[at : at + lasting] - days[at - lasting : at]) for at in indices])
    suspects = [
        Shift(at, at + lasting, step / level)
        for index, at in enumerate(indices)
        if index >= lasting
        for step, level in [_step(days, moved[: index + 1], at, lasting)]
        if level > 0 and abs(step) > change * level
    ]
    return _largest_of_each(suspects, lasting, days)


def _step(days: NDArray[np.float64], moved: NDArray[np.float64], at: int, lasting: int) -> tuple[float, float]:
    """The abrupt change at a day beyond the usual drift (0 for none), and the level before."""
    drift = float(np.median(moved))
    noise = _MAD_TO_SIGMA * float(np.median(np.abs(moved - drift)))
    step = float(moved[-1]) - drift
    level = float(np.median(days[at - lasting : at]))
    first_week = float(np.median(days[at : at + _WEEK] - days[at - _WEEK : at])) - drift * _WEEK / lasting
    abrupt = first_week * step > 0 and abs(first_week) >= _ABRUPT * abs(step)
    return (step if abrupt and abs(step) > _NOISES * noise else 0.0), level


def _largest_of_each(suspects: list[Shift], lasting: int, days: NDArray[np.float64]) -> tuple[Shift, ...]:
    """One shift is seen on several neighbouring days: its day is the first of those with nearly the largest change on
    which the use is another than a week before. Medians of windows are alike around a clean step, also before it.
    """
    found: list[Shift] = []
    for suspect in sorted(suspects, key=lambda shift: -abs(shift.change)):
        if all(abs(suspect.day - other.day) > lasting for other in found):
            near = [other for other in suspects if abs(other.day - suspect.day) <= _WEEK]
            alike = [other for other in near if abs(other.change) >= _NEARLY * abs(suspect.change)]
            moved = {other.day: abs(float(days[other.day] - days[other.day - _WEEK])) for other in alike}
            enough = _MOVED * max(moved.values())
            found.append(next(other for other in alike if moved[other.day] >= enough))
    return tuple(sorted(found, key=lambda shift: shift.day))
