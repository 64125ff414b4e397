"""Series: the use of one resource, a value for each day, read from stamped values while they stream by.

Memory is bounded by the number of days, whatever the size of the file. What cannot be read is refused with the number
of its line; nothing is guessed, sorted or repaired.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from selextract_infra.errors import UsageError

__all__ = ["DailyUse", "Days", "Series", "daily_series"]

_DAY_SECONDS = 86400
_MOST_DAYS = 36_525
_LARGEST = 1e30  # beyond any real use; keeps sums and squares finite


class DailyUse(StrEnum):
    """Which value stands for a day that has several."""

    MEAN = "mean"
    MAX = "max"
    SUM = "sum"
    LAST = "last"


@dataclass(frozen=True)
class Series:
    """One value for each day from ``start`` on, oldest first; NaN where a day has none.

    ``name`` is the column or resource and ``unit`` its unit, empty where it is not known, for sentences. ``time_zone``
    says whose days they are. ``partial`` names days at the ends that were left out because they are not whole.
    ``empty`` counts cells without a value, which are gaps. Every
    value is finite and not negative.
    """

    name: str
    start: date
    values: NDArray[np.float64]
    time_zone: str = "local time"
    partial: tuple[date, ...] = ()
    unit: str = ""
    empty: int = 0

    @property
    def end(self) -> date:
        """The last day."""
        return self.start + timedelta(days=len(self.values) - 1)

    @property
    def days_known(self) -> int:
        """How many days have a value."""
        return int(np.isfinite(self.values).sum())

    def without(self, days: Iterable[date]) -> Series:
        """The same series with no value on ``days``."""
        values = self.values.copy()
        for day in days:
            index = (day - self.start).days
            if 0 <= index < len(values):
                values[index] = np.nan
        return replace(self, values=values)


@dataclass(slots=True)
class _Day:
    """What is kept of a day."""

    day: date
    count: int
    total: float
    highest: float
    last: float
    first_second: float
    last_second: float

    def value(self, use: DailyUse) -> float:
        if use is DailyUse.SUM:
            return self.total
        if use is DailyUse.MAX:
            return self.highest
        return self.last if use is DailyUse.LAST else self.total / self.count


class Days:
    """Collects stamped values day by day; ``add`` one after the other, then ask for the ``series``.

    Stamps all have the same time zone, or ``zone`` is given and they are turned into its days. Each error names the
    ``where`` (as text, a line) and what stands there.
    """

    def __init__(self, name: str, *, zone: tzinfo | None = None) -> None:
        self.name = name
        self.zone = zone
        self._days: list[_Day] = []
        self._previous: datetime | None = None
        self._first: tuple[str, timedelta | None] | None = None

    def add(self, stamp: datetime, value: float, where: object) -> None:
        """One value. Raises UsageError when the time does not move on, or when the value is no use of anything."""
        if not math.isfinite(value):
            raise UsageError(
                f"{where} has {value} in {self.name}, which is not a number.",
                remedy="leave such a line out: a missing day is allowed, an invented value is not",
            )
        if not 0 <= value <= _LARGEST:
            raise UsageError(f"{where} has {value:g} in {self.name}; the use of a resource lies between 0 and 1e30.")
        offset = stamp.utcoffset()
        if self._first is None:
            self._first = (str(where), offset)
        elif offset != self._first[1]:
            self._check_zone(offset, where)
        # The order is that of the stamps as they came: two times of one zone are compared by their clocks, not by what
        # they mean, so after clocks went back the next time would seem to lie before.
        self._check_order(stamp, where)
        self._previous = stamp
        self._keep(stamp if self.zone is None or offset is None else stamp.astimezone(self.zone), value)

    def _check_zone(self, offset: timedelta | None, where: object) -> None:
        first_where, first = self._first or ("", None)
        if self.zone is None or offset is None or first is None:
            raise UsageError(
                f"{where} is in {_zone_text(offset)}, but {_lower(first_where)} is in {_zone_text(first)}.",
                remedy="write all stamps in UTC, or name the zone whose days count with --time-zone",
            )

    def _check_order(self, stamp: datetime, where: object) -> None:
        if self._previous is None or stamp > self._previous:
            return
        if stamp == self._previous:
            raise UsageError(
                f"{where} has the same time as the line before it: {stamp.isoformat(sep=' ')}.",
                remedy="keep one line for each time; if the file holds several series, choose one",
            )
        raise UsageError(
            f"{where} goes back in time: {stamp.isoformat(sep=' ')} after {self._previous.isoformat(sep=' ')}.",
            remedy="sort the lines by time; where clocks were set back, write the stamps in UTC",
        )

    def _keep(self, stamp: datetime, value: float) -> None:
        second = stamp.hour * 3600 + stamp.minute * 60 + stamp.second
        day = stamp.date()
        if self._days and self._days[-1].day == day:
            kept = self._days[-1]
            kept.count += 1
            kept.total += value
            kept.highest = max(kept.highest, value)
            kept.last, kept.last_second = value, second
            return
        if self._days and (day - self._days[0].day).days >= _MOST_DAYS:
            raise UsageError(
                f"{self.name} goes from {self._days[0].day} to {day}: more than a hundred years.",
                remedy="check the time column",
            )
        self._days.append(_Day(day, 1, value, value, value, second, second))

    def series(self, use: DailyUse, *, minimum_coverage: float) -> Series:
        """All days so far. The first and last are left out unless samples cover ``minimum_coverage`` of them."""
        if not self._days:
            raise UsageError(f"There is no value of {self.name}.", remedy="give at least one line below the header")
        kept, partial = self._whole_days(minimum_coverage)
        if not kept:
            raise UsageError(f"There is no whole day of {self.name}.", remedy="give at least one full day")
        start = kept[0].day
        values = np.full((kept[-1].day - start).days + 1, np.nan)
        for day in kept:
            values[(day.day - start).days] = day.value(use)
        return Series(self.name, start, values, self._zone_name(), partial)

    def _whole_days(self, minimum_coverage: float) -> tuple[list[_Day], tuple[date, ...]]:
        usual = float(np.median([day.count for day in self._days]))
        if usual <= 1:
            return self._days, ()
        first, last = self._days[0], self._days[-1]
        allowed = (1 - minimum_coverage) * _DAY_SECONDS
        partial = set()
        if first.first_second > allowed:
            partial.add(first.day)
        if _DAY_SECONDS - last.last_second - _DAY_SECONDS / usual > allowed:
            partial.add(last.day)
        return [day for day in self._days if day.day not in partial], tuple(sorted(partial))

    def _zone_name(self) -> str:
        if self.zone is not None:
            return str(self.zone)
        return _zone_text(self._first[1] if self._first else None)


def daily_series(name: str, values: Mapping[datetime, float], use: DailyUse, *, minimum_coverage: float) -> Series:
    """A series of values by their stamps, as the Journal has them; days are those of UTC.

    Raises UsageError when a stamp has no time zone or a value is not finite and not negative.
    """
    days = Days(name, zone=UTC)
    for stamp in sorted(values):
        days.add(stamp, values[stamp], f"The value of {stamp.isoformat(sep=' ')}")
    return days.series(use, minimum_coverage=minimum_coverage)


def _zone_text(offset: timedelta | None) -> str:
    if offset is None:
        return "local time without a zone"
    if not offset:
        return "UTC"
    minutes = round(offset.total_seconds() / 60)
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _lower(where: str) -> str:
    return where[:1].lower() + where[1:]
