"""Seasons, planned events and weekends: which share of the usual capacity is wanted when.

Everything here is pure: the instant is an argument, and the calendar has a time zone, because "30 November" has no
meaning without one (X-37, X-44).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.policy import Policy
from selextract_infra.policy.schema.operation import Season

__all__ = [
    "Adjustment",
    "Calendar",
    "InstanceTarget",
    "PlannedEvent",
    "dated_events",
    "instance_target",
    "planned_event",
    "time_zone",
]

_Reason = tuple[float, str]
_SATURDAY = 5
_LONGEST_WALK_DAYS = 3660
_UNNAMED_PEAK = "peak_season"


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

    def __post_init__(self) -> None:
        _require_zone(self.starts_at, f"The start of {self.name}")
        _require_zone(self.ends_at, f"The end of {self.name}")
        if self.ends_at <= self.starts_at:
            raise UsageError(f"The event {self.name!r} ends before it starts.")
        if not (math.isfinite(self.increase) and self.increase >= 0):
            raise UsageError(f"The event {self.name!r} must add capacity, not {self.increase}.")

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

    ``weekend_factor`` is None where the weekend rule is off; it belongs to the cheaper profile (ASO-04). The other
    fields say what holds where they meet, by default as this project reads the guide (X-36, X-37).
    """

    zone: ZoneInfo
    seasons: Mapping[str, Season] = field(default_factory=dict)
    events: tuple[PlannedEvent, ...] = ()
    weekend_factor: float | None = None
    named_season_wins: bool = True
    multiply_peaks: bool = False
    multiply_weekend_in_peak: bool = False
    multiply_weekend_in_low: bool = False

    @classmethod
    def of(
        cls,
        policy: Policy,
        *,
        zone: ZoneInfo | None = None,
        events: tuple[PlannedEvent, ...] = (),
        cheaper: bool = False,
    ) -> Calendar:
        """The calendar of a Policy, in its time zone unless another is given, with its dated events and these ones.

        ``cheaper``: with the weekend rule.

        Raises UsageError when the policy names an unknown time zone.
        """
        profile, rules = policy.optimisation.profile, policy.season_rules
        return cls(
            zone=zone or time_zone(profile.time_zone.value),
            seasons=policy.seasons,
            events=(*dated_events(policy), *events),
            weekend_factor=profile.weekend.factor if cheaper and profile.weekend.enabled else None,
            named_season_wins=rules.named_season_wins.value,
            multiply_peaks=rules.overlapping.value == "product",
            multiply_weekend_in_peak=rules.weekend_in_peak.value == "product",
            multiply_weekend_in_low=rules.weekend_in_low.value == "product",
        )

    def adjustment(self, at: datetime, *, incident: IncidentSeverity | None = None) -> Adjustment:
        """What is wanted at an instant (SEA-04, X-36, X-37).

        The highest of overlapping peaks counts, not their product. Low seasons and weekends lower the capacity only
        when no peak is on and no P1 or P2 is open; of several the lowest counts, again not the product.
        """
        _require_zone(at, "The instant")
        day = at.astimezone(self.zone).date()
        peaks, lows, weekend = self._peaks(at, day), self._lows(day), self._weekend(day)
        if peaks:
            return self._raised(peaks, lows, weekend)
        if (lows or weekend) and incident in (IncidentSeverity.P1, IncidentSeverity.P2):
            return Adjustment(1.0, tuple(f"{reason} suspended by an open {incident}" for _, reason in lows + weekend))
        return self._lowered(lows, weekend)

    def _peaks(self, at: datetime, day: date) -> list[_Reason]:
        named = [reason for reason in self._covering(day) if reason[0] > 1]
        events = [
            (float(1 + Fraction(str(event.increase))), f"event {event.name}")
            for event in self.events
            if event.increase > 0 and event.covers(at) and not (event.unnamed_peak and named and self.named_season_wins)
        ]
        return named + events

    def _lows(self, day: date) -> list[_Reason]:
        return [reason for reason in self._covering(day) if reason[0] < 1]

    def _covering(self, day: date) -> list[_Reason]:
        return [(season.factor, f"season {name}") for name, season in self.seasons.items() if season.covers(day)]

    def _weekend(self, day: date) -> list[_Reason]:
        if self.weekend_factor is None or self.weekend_factor >= 1 or day.weekday() < _SATURDAY:
            return []
        return [(self.weekend_factor, "weekend")]

    def _raised(self, peaks: list[_Reason], lows: list[_Reason], weekend: list[_Reason]) -> Adjustment:
        if self.multiply_peaks:
            peaks = [(_product(value for value, _ in peaks), " and ".join(reason for _, reason in peaks))]
        multiplier = max(value for value, _ in peaks)
        reasons = tuple(reason for value, reason in peaks if value == multiplier)
        if weekend and self.multiply_weekend_in_peak:
            return Adjustment(_product((multiplier, weekend[0][0])), (*reasons, "weekend"))
        return Adjustment(multiplier, reasons + tuple(f"{reason} suspended by it" for _, reason in lows + weekend))

    def _lowered(self, lows: list[_Reason], weekend: list[_Reason]) -> Adjustment:
        reasons = lows + weekend
        if not reasons:
            return Adjustment(1.0)
        multiplier = min(value for value, _ in reasons)
        if lows and weekend and self.multiply_weekend_in_low:
            multiplier = _product((min(value for value, _ in lows), weekend[0][0]))
            return Adjustment(multiplier, tuple(reason for _, reason in reasons))
        return Adjustment(multiplier, tuple(reason for value, reason in reasons if value == multiplier))

    def changes(self, start: datetime, end: datetime) -> tuple[tuple[datetime, Adjustment], ...]:
        """Each instant in [start, end) at which the wanted capacity changes, the start first.

        Raises UsageError for more than ten years.
        """
        _require_zone(start, "The start")
        _require_zone(end, "The end")
        if end - start > timedelta(days=_LONGEST_WALK_DAYS):
            raise UsageError(f"A calendar is walked for at most {_LONGEST_WALK_DAYS} days at once.")
        adjustments: list[tuple[datetime, Adjustment]] = []
        for at in self._boundaries(start, end):
            adjustment = self.adjustment(at)
            if not adjustments or adjustment.multiplier != adjustments[-1][1].multiplier:
                adjustments.append((at, adjustment))
        return tuple(adjustments)

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


def instance_target(base: int, adjustment: Adjustment, *, minimum: int, maximum: int) -> InstanceTarget:
    """Instances for a usual count of ``base``: rounded up, then never below ``minimum`` nor above ``maximum`` (X-37).

    Rounding is exact: 10 x 1.1 is 11, not 12. Raises UsageError for bounds or counts that make no sense.
    """
    if base < 0 or minimum < 0 or maximum < minimum:
        raise UsageError(f"{base} instances between {minimum} and {maximum} make no sense.")
    if not (math.isfinite(adjustment.multiplier) and adjustment.multiplier >= 0):
        raise UsageError(f"A capacity multiplier of {adjustment.multiplier} makes no sense.")
    requested = math.ceil(base * Fraction(str(adjustment.multiplier)))
    granted = max(minimum, min(maximum, requested))
    reasons = ", ".join(adjustment.reasons) or "no season, event or weekend"
    why_less = None
    if granted < requested:
        why_less = f"the maximum is {maximum}"
    elif granted > requested:
        why_less = f"the minimum is {minimum}"
    return InstanceTarget(requested, granted, f"{base} x {adjustment.multiplier:g} ({reasons})", why_less)


def dated_events(policy: Policy) -> tuple[PlannedEvent, ...]:
    """The dated events of the Policy, with the lead and the share of their kind, or the factor of their own."""
    return tuple(
        planned_event(policy, event.kind, name, event.starts_at, event.ends_at)
        if event.kind is not None
        else PlannedEvent(name, event.starts_at, event.ends_at, float(Fraction(str(event.factor)) - 1))
        for name, event in policy.events.items()
    )


def planned_event(policy: Policy, kind: str, name: str, starts_at: datetime, ends_at: datetime) -> PlannedEvent:
    """An event of one of the Policy's kinds, such as ``marketing_campaign`` or ``feature_launch`` (MAN-01 to MAN-03).

    Raises UsageError for an unknown kind.
    """
    rule = policy.planned_events.get(kind)
    if rule is None:
        raise UsageError(
            f"{kind!r} is not a kind of planned event.", remedy=f"there are {', '.join(policy.planned_events)}"
        )
    lead = timedelta(seconds=rule.lead or 0.0)
    return PlannedEvent(name, starts_at, ends_at, rule.capacity, lead, unnamed_peak=kind == _UNNAMED_PEAK)


def time_zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises UsageError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"Unknown time zone {name!r}.", remedy="an IANA name such as Europe/Berlin or UTC") from None


def _product(values: Iterable[float]) -> float:
    """The product in decimal, so that 0.7 x 0.5 is 0.35."""
    return float(math.prod(Fraction(str(value)) for value in values))


def _require_zone(at: datetime, what: str) -> None:
    if at.tzinfo is None or at.utcoffset() is None:
        raise UsageError(f"{what} ({at.isoformat()}) has no time zone.")
