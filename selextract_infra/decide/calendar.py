"""Seasons, planned events and weekends: which share of the usual capacity is wanted when.

Everything here is pure: the instant is an argument, and the calendar has a time zone, because "30 November" has no
meaning without one (X-37, X-44).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import IncidentSeverity

__all__ = [
    "Adjustment",
    "Calendar",
    "InstanceTarget",
    "PlannedEvent",
    "Season",
    "instance_target",
    "time_zone",
]

_SATURDAY = 5
_LONGEST_WALK_DAYS = 3660


@dataclass(frozen=True)
class Season:
    """A part of every year, both days included (SEA-01 to SEA-03); it may run over New Year.

    ``first`` and ``last`` are (month, day). ``multiplier`` above 1 is a peak, below 1 a low season.
    """

    name: str
    first: tuple[int, int]
    last: tuple[int, int]
    multiplier: float
    item: str = ""

    def covers(self, day: date) -> bool:
        """Whether the season includes that day."""
        today = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= today <= self.last
        return today >= self.first or today <= self.last


@dataclass(frozen=True)
class PlannedEvent:
    """Something announced (MAN-01 to MAN-03): capacity grows by ``increase`` (1.0 is +100 %) from ``lead`` before it.

    It ends, exclusively, at ``ends_at``. An ``unnamed_peak`` is MAN-03: it yields to a named peak season (X-36).
    """

    name: str
    starts_at: datetime
    ends_at: datetime
    increase: float
    lead: timedelta = timedelta(0)
    unnamed_peak: bool = False
    item: str = ""

    def __post_init__(self) -> None:
        _require_zone(self.starts_at, f"the start of {self.name}")
        _require_zone(self.ends_at, f"the end of {self.name}")
        if self.ends_at <= self.starts_at:
            raise UsageError(f"the event {self.name!r} ends before it starts")
        if not (math.isfinite(self.increase) and self.increase >= 0):
            raise UsageError(f"the event {self.name!r} must add capacity, not {self.increase}")

    @property
    def prepares_at(self) -> datetime:
        """When the capacity has to be there."""
        return self.starts_at - self.lead

    def covers(self, at: datetime) -> bool:
        """Whether the capacity is wanted at that instant."""
        return self.prepares_at <= at < self.ends_at


@dataclass(frozen=True)
class Adjustment:
    """The share of the usual capacity that is wanted, with every reason for it."""

    multiplier: float
    reasons: tuple[str, ...] = ()

    @property
    def peak(self) -> bool:
        """More than usual."""
        return self.multiplier > 1

    @property
    def low(self) -> bool:
        """Less than usual."""
        return self.multiplier < 1


@dataclass(frozen=True)
class InstanceTarget:
    """Instances that the calendar asks for and that the bounds grant; ``why_less`` when they differ."""

    requested: int
    granted: int
    why: str
    why_less: str | None = None


@dataclass(frozen=True)
class Calendar:
    """Seasons, planned events and the weekend rule in one time zone.

    ``weekend_factor`` is None where the weekend rule is off; it belongs to the cost-optimised profile (ASO-04).
    """

    zone: ZoneInfo
    seasons: tuple[Season, ...] = ()
    events: tuple[PlannedEvent, ...] = ()
    weekend_factor: float | None = None
    weekend_item: str = "ASO-04"

    def adjustment(self, at: datetime, *, incident: IncidentSeverity | None = None) -> Adjustment:
        """What is wanted at an instant (SEA-04, X-36, X-37).

        The highest of overlapping peaks counts, never their product. Low seasons and weekends lower the capacity only
        when no peak is on and no P1 or P2 is open; of several the lowest counts, again never the product.
        """
        _require_zone(at, "the instant")
        raises, lowers = self._peaks(at), self._lows(at)
        if raises:
            multiplier = max(value for value, _ in raises)
            reasons = tuple(reason for value, reason in raises if value == multiplier)
            return Adjustment(multiplier, reasons + tuple(f"{reason} suspended by it" for _, reason in lowers))
        if lowers and incident in (IncidentSeverity.P1, IncidentSeverity.P2):
            return Adjustment(1.0, tuple(f"{reason} suspended by an open {incident}" for _, reason in lowers))
        if lowers:
            multiplier = min(value for value, _ in lowers)
            return Adjustment(multiplier, tuple(reason for value, reason in lowers if value == multiplier))
        return Adjustment(1.0)

    def _peaks(self, at: datetime) -> list[tuple[float, str]]:
        day = at.astimezone(self.zone).date()
        named = [
            (season.multiplier, f"season {season.name}")
            for season in self.seasons
            if season.multiplier > 1 and season.covers(day)
        ]
        events = [
            (float(1 + Fraction(str(event.increase))), f"event {event.name}")
            for event in self.events
            if event.increase > 0 and event.covers(at) and not (event.unnamed_peak and named)
        ]
        return named + events

    def _lows(self, at: datetime) -> list[tuple[float, str]]:
        day = at.astimezone(self.zone).date()
        lows = [
            (season.multiplier, f"season {season.name}")
            for season in self.seasons
            if season.multiplier < 1 and season.covers(day)
        ]
        if self.weekend_factor is not None and self.weekend_factor < 1 and day.weekday() >= _SATURDAY:
            lows.append((self.weekend_factor, "weekend"))
        return lows

    def changes(self, start: datetime, end: datetime) -> tuple[tuple[datetime, Adjustment], ...]:
        """Each instant in [start, end) at which the wanted capacity changes, the start first.

        Raises UsageError for more than ten years.
        """
        _require_zone(start, "the start")
        _require_zone(end, "the end")
        if end - start > timedelta(days=_LONGEST_WALK_DAYS):
            raise UsageError(f"a calendar is walked for at most {_LONGEST_WALK_DAYS} days at once")
        found: list[tuple[datetime, Adjustment]] = []
        for at in self._boundaries(start, end):
            adjustment = self.adjustment(at)
            if not found or adjustment.multiplier != found[-1][1].multiplier:
                found.append((at, adjustment))
        return tuple(found)

    def _boundaries(self, start: datetime, end: datetime) -> list[datetime]:
        edges = {start.astimezone(self.zone)} if start < end else set()
        edges.update(midnight for midnight in self._midnights(start, end))
        for event in self.events:
            edges.update(at.astimezone(self.zone) for at in (event.prepares_at, event.ends_at) if start < at < end)
        return sorted(edges)

    def _midnights(self, start: datetime, end: datetime) -> Iterator[datetime]:
        day = start.astimezone(self.zone).date()
        last = end.astimezone(self.zone).date()
        while day < last:
            day += timedelta(days=1)
            midnight = datetime.combine(day, time(), tzinfo=self.zone)
            if start < midnight < end:
                yield midnight

    def upcoming_peaks(self, at: datetime, within: timedelta) -> tuple[tuple[datetime, Adjustment], ...]:
        """Every rise above the usual capacity that begins within that time, the one in force first (X-44)."""
        return tuple((when, adjustment) for when, adjustment in self.changes(at, at + within) if adjustment.peak)


def instance_target(base: int, adjustment: Adjustment, *, minimum: int, maximum: int) -> InstanceTarget:
    """Instances for a usual count of ``base``: rounded up, then never below ``minimum`` nor above ``maximum`` (X-37).

    Rounding is exact: 10 x 1.1 is 11, not 12. Raises UsageError for bounds or counts that make no sense.
    """
    if base < 0 or minimum < 0 or maximum < minimum:
        raise UsageError(f"{base} instances between {minimum} and {maximum} make no sense")
    if not (math.isfinite(adjustment.multiplier) and adjustment.multiplier >= 0):
        raise UsageError(f"a capacity multiplier of {adjustment.multiplier} makes no sense")
    requested = math.ceil(base * Fraction(str(adjustment.multiplier)))
    granted = max(minimum, min(maximum, requested))
    reasons = ", ".join(adjustment.reasons) or "no season, event or weekend"
    why_less = None
    if granted < requested:
        why_less = f"the maximum is {maximum}"
    elif granted > requested:
        why_less = f"the minimum is {minimum}"
    return InstanceTarget(requested, granted, f"{base} x {adjustment.multiplier:g} ({reasons})", why_less)


def time_zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises UsageError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"unknown time zone {name!r}", remedy="an IANA name such as Europe/Berlin or UTC") from None


def _require_zone(at: datetime, what: str) -> None:
    if at.tzinfo is None or at.utcoffset() is None:
        raise UsageError(f"{what} ({at.isoformat()}) has no time zone")
