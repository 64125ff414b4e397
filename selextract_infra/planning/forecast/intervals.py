"""Intervals from the backtest's own errors, so that 80 % means 80 %.

Conformal prediction: the errors that the procedure made so many days ahead, relative to what it forecast, are the best
word on those it will make. Since neighbouring origins err alike, the share that is aimed at is corrected by how often
past intervals really held (adaptive conformal inference). Errors count by their size alone: a series that so far went
faster than its forecast may as well go slower next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from selextract_infra.planning.forecast.backtest import Backtest

__all__ = ["Intervals", "error_shares", "intervals", "scale_of"]

Floats = NDArray[np.float64]

_NEIGHBOURS = 3  # errors of so many days more or less ahead count too
_FEWEST = 20
_CORRECTION = 0.04  # of the miss, for each day between two origins
# Of the share outside. A correction comes as late as the errors that it follows, so on real and simulated series with
# weeks 78 % of the days lay inside where 80 % were aimed at.
_AIMED_AT = 0.9
_NARROWEST, _WIDEST = 0.6, 0.01  # the share outside may go this far to hold on average what is asked
_LOWEST_SCALE = 0.1  # of the level: an error on a day near zero is not relative to that day


@dataclass(frozen=True)
class Intervals:
    """``low`` and ``high`` for each origin and day ahead, NaN while too few errors are known."""

    low: Floats
    high: Floats


def intervals(test: Backtest, days: Floats, share: float, history: int) -> Intervals:
    """Bounds that hold for ``share`` of the days, from errors of at most ``history`` days ago."""
    scales = _scales(test, days)
    errors = error_shares(test, days)
    low, high = np.full_like(test.chosen, np.nan), np.full_like(test.chosen, np.nan)
    outside = wanted = _AIMED_AT * (1 - share)
    warned = np.zeros(errors.shape, dtype=bool)
    step = int(np.diff(test.origins).min()) if len(test.origins) > 1 else 1
    for row in range(len(test.origins)):
        known = test.known_at(row)
        outside = _corrected(outside, wanted, step, _missed(test, low, high, known, warned))
        recent = int(np.searchsorted(test.origins, test.origins[row] - history))
        width = _widths(np.where(known, errors[:row], np.nan)[recent:], 1 - outside) * scales[row]
        low[row] = np.maximum(test.chosen[row] - width, 0)
        high[row] = test.chosen[row] + width
    return Intervals(low, high)


def error_shares(test: Backtest, days: Floats) -> Floats:
    """What each forecast missed, as a share of itself, NaN where the actual value is not known."""
    return np.asarray((test.actual - test.chosen) / _scales(test, days))


def scale_of(path: Floats, level: float, smallest: float) -> Floats:
    """What errors are relative to: the forecast, but not less than a share of the level and of the whole series."""
    return np.asarray(np.maximum(path, max(_LOWEST_SCALE * level, smallest)))


def _scales(test: Backtest, days: Floats) -> Floats:
    levels = [float(days[max(0, origin - 28) : origin].mean()) for origin in test.origins]
    return np.stack([scale_of(path, level, test.smallest) for path, level in zip(test.chosen, levels, strict=True)])


def _missed(
    test: Backtest, low: Floats, high: Floats, known: NDArray[np.bool_], warned: NDArray[np.bool_]
) -> float | None:
    """The share of newly known days that lay outside their interval; marks them as told."""
    rows = len(known)
    new = known & ~warned[:rows] & np.isfinite(low[:rows])
    warned[:rows] |= known
    if not new.any():
        return None
    inside = (test.actual[:rows] >= low[:rows]) & (test.actual[:rows] <= high[:rows])
    return float(1 - inside[new].mean())


def _corrected(outside: float, wanted: float, step: int, missed: float | None) -> float:
    if missed is None:
        return outside
    return float(np.clip(outside + _CORRECTION * step * (wanted - missed), _WIDEST, _NARROWEST))


def _widths(errors: Floats, share: float) -> Floats:
    """What ``share`` of the errors stay below, for each day ahead; where few are known, those of fewer days ahead."""
    ahead = errors.shape[1]
    if len(errors) == 0:
        return np.full(ahead, np.nan)
    padded = np.pad(np.abs(errors), ((0, 0), (_NEIGHBOURS, _NEIGHBOURS)), constant_values=np.nan)
    pooled = sliding_window_view(padded, 2 * _NEIGHBOURS + 1, axis=1).transpose(1, 0, 2).reshape(ahead, -1)
    ordered = np.sort(pooled, axis=1)
    counts = np.isfinite(ordered).sum(axis=1)
    enough = np.flatnonzero(counts >= _FEWEST)
    if len(enough) == 0:
        return np.full(ahead, np.nan)
    source = enough[np.minimum(np.searchsorted(enough, np.arange(ahead), side="right"), len(enough)) - 1]
    growth = np.sqrt((np.arange(ahead) + 1) / (source + 1)).clip(min=1)
    return np.asarray(_at(ordered, source, counts[source], share) * growth)


def _at(ordered: Floats, rows: NDArray[np.int64], counts: NDArray[np.int64], share: float) -> Floats:
    """The quantile with the correction for a finite sample: one more error is still to come."""
    places = np.clip((counts + 1) * share - 1, 0, counts - 1)
    lower = np.floor(places).astype(int)
    upper = np.minimum(lower + 1, counts - 1)
    part = places - lower
    return np.asarray(ordered[rows, lower] * (1 - part) + ordered[rows, upper] * part)
