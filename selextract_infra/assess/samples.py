"""Samples and windows: what a series says about a stretch of time, and when it says too little (X-42, X-43).

Times are Unix seconds. A window that ends at ``now`` is (now - length, now]: half-open, so adjacent windows share no
sample.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, median

__all__ = ["Aggregate", "Holds", "Samples", "WindowValue", "highest_share", "sustained", "window_value"]


_JITTER = 0.1  # of the spacing: a look is now and then a moment late


class Aggregate(StrEnum):
    """How the samples of a window become one value.

    ``P95`` takes raw values, one per request. ``HIGHEST`` is for percentiles that were computed elsewhere: they cannot
    be averaged (X-42), but the percentile of a window is never above the highest percentile of its parts.
    """

    MEAN = "average"
    LAST = "real-time"
    P95 = "P95"
    HIGHEST = "highest"


class Holds(StrEnum):
    """Whether a condition held all the time; a gap in the samples is inconclusive, never a breach (TRG-06)."""

    YES = "yes"
    NO = "no"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Samples:
    """One metric of one subject, oldest first. ``interval`` is how far apart samples should be, None where unknown."""

    at: Sequence[float]
    values: Sequence[float]
    interval: float | None = None

    def within(self, now: float, length: float) -> tuple[Sequence[float], Sequence[float]]:
        """Stamps and values in (now - length, now]; a value that is no number is a gap."""
        start, end = bisect_right(self.at, now - length), bisect_right(self.at, now)
        at, values = self.at[start:end], self.values[start:end]
        if all(map(math.isfinite, values)):
            return at, values
        kept = [(stamp, value) for stamp, value in zip(at, values, strict=True) if math.isfinite(value)]
        return [stamp for stamp, _ in kept], [value for _, value in kept]

    @property
    def spacing(self) -> float | None:
        """The declared interval, else the usual distance of two samples; None for fewer than two."""
        if self.interval is not None:
            return self.interval
        gaps = [later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False) if later > earlier]
        return median(gaps) if gaps else None


@dataclass(frozen=True, slots=True)
class WindowValue:
    """The value of a window, None where there are no samples; ``coverage`` is the share of expected samples there."""

    value: float | None
    coverage: float
    samples: int


def window_value(samples: Samples, now: float, length: float, aggregate: Aggregate) -> WindowValue:
    """What the samples say about the last ``length`` seconds.

    A real-time reading is the last sample; it covers the window if no more than one sample after it is missing.
    """
    if aggregate is Aggregate.LAST:
        return _last(samples, now)
    at, values = samples.within(now, length)
    if not values:
        return WindowValue(None, 0.0, 0)
    return WindowValue(_aggregated(values, aggregate), _coverage(at, samples.spacing, now, length), len(values))


def _last(samples: Samples, now: float) -> WindowValue:
    end = bisect_right(samples.at, now)
    if not end or not math.isfinite(samples.values[end - 1]):
        return WindowValue(None, 0.0, 0)
    spacing = samples.spacing
    fresh = now == samples.at[end - 1] or (spacing is not None and now - samples.at[end - 1] < 2 * spacing)
    return WindowValue(samples.values[end - 1], 1.0 if fresh else 0.0, 1)


def _aggregated(values: Sequence[float], aggregate: Aggregate) -> float:
    if aggregate is Aggregate.MEAN:
        return fmean(values)
    if aggregate is Aggregate.P95:
        return highest_share(values, 0.95)
    return max(values)


def highest_share(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of the values do not exceed (nearest rank, so always one of them)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _coverage(at: Sequence[float], spacing: float | None, now: float, length: float) -> float:
    """Share of the expected sampling slots that hold a sample; several samples in one slot count once."""
    if spacing is None or spacing <= 0 or length <= 0:
        return 0.0
    if not math.isfinite(length / spacing):
        return 0.0
    expected = max(1, round(length / spacing))
    return min(1.0, len({(now - stamp) // spacing for stamp in at}) / expected)


def sustained(
    samples: Samples,
    now: float,
    duration: float,
    breaches: Callable[[float], bool],
    *,
    minimum_coverage: float,
    coarsest: float | None = None,
) -> Holds:
    """Whether every sample breaches from the one at or before the beginning of the last ``duration`` seconds (TRG-06).

    One sample that does not is enough for NO. Samples that begin later than that, fewer than ``minimum_coverage`` of
    those expected since, or samples further apart than ``coarsest`` seconds, are INCONCLUSIVE (X-43).
    """
    at, values = samples.within(now, duration)
    if not all(breaches(value) for value in values):
        return Holds.NO
    spacing = samples.spacing
    if spacing is None or (coarsest is not None and spacing > coarsest):
        return Holds.INCONCLUSIVE
    before = _before(samples, now - duration)
    if not at or before is None or at[0] - before[0] > spacing + (1 - minimum_coverage) * duration + _JITTER * spacing:
        return Holds.INCONCLUSIVE
    if not breaches(before[1]):
        return Holds.NO
    return Holds.YES if _coverage(at, spacing, now, duration) >= minimum_coverage else Holds.INCONCLUSIVE


def _before(samples: Samples, start: float) -> tuple[float, float] | None:
    """The last sample at or before ``start``, which says how the window began; None where there is none."""
    for place in range(bisect_right(samples.at, start) - 1, -1, -1):
        if math.isfinite(samples.values[place]):
            return samples.at[place], samples.values[place]
    return None
