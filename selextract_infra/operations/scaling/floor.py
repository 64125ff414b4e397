"""What seasons, planned events and weekends ask for at an instant (SEA-04, MAN-05, ASO-04, X-37).

Their base is what the team runs: the count in the mapping, else what ran before. Afterwards that is restored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from selextract_infra.assess.calendar import Adjustment, Calendar, instance_target
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.operations.scaling.rules import RoleRules

__all__ = ["SUSPENDING", "CountFloor", "Floors"]

_LOOKED_AHEAD = timedelta(days=1)
_SEASON = "SEA-04"
_ITEMS = {"season": _SEASON, "event": "MAN-05", "weekend": "ASO-04"}
SUSPENDING = frozenset({IncidentSeverity.P1, IncidentSeverity.P2})
"""While an incident that severe is open, nothing is taken away (X-37)."""


@dataclass(frozen=True, slots=True)
class CountFloor:
    """The fewest instances, the rule that says so, why, and what the bounds cut off.

    ``back_to`` is a smaller count that the calendar asks for by itself, where nothing asks for more: what ran before
    an event that is over, or what the cheaper profile leaves of it on a weekend.
    """

    count: int
    rule: str
    why: str
    why_less: str | None = None
    back_to: int | None = None


@dataclass(slots=True)
class _Period:
    """A stretch of time, in Unix seconds, in which the calendar asks for the same; floors by service and its base."""

    since: float
    until: float
    adjustment: Adjustment
    floors: dict[tuple[str, str, int], CountFloor] = field(default_factory=dict)


class Floors:
    """What the calendar asks for; what holds until its next change is worked out once.

    ``usual`` has the count that the team wants of a service. ``cheaper``: low seasons and weekends lower it too.
    """

    def __init__(self, calendar: Calendar, usual: Mapping[str, int] | None = None, *, cheaper: bool = False) -> None:
        self._calendar, self._usual, self._cheaper = calendar, usual or {}, cheaper
        self._periods: dict[bool, _Period] = {}

    def of(
        self, service: ScaledService, rules: RoleRules, at: float, incident: IncidentSeverity | None = None
    ) -> CountFloor:
        """The floor of a service at an instant, in Unix seconds; ``incident`` suspends what would lower it (X-37).

        The service remembers its usual count from when the calendar first asks for another until that is restored.
        """
        suspends = incident in SUSPENDING
        period = self._periods.get(suspends)
        if period is None or not period.since <= at < period.until:
            period = self._periods[suspends] = self._period(at, incident)
        if rules.resource != "instances":
            return _by_bounds(rules.minimum, rules)
        base = 0
        if self._changes(period.adjustment):
            base = service.usual = self._usual_of(service, rules)
        elif service.usual is not None and not suspends:
            return self._restored(service, rules, self._usual_of(service, rules))
        key = (*service.key, base)
        floor = period.floors.get(key)
        if floor is None:
            named = max(rules.minimum, self._usual.get(service.name, rules.minimum))
            floor = self._floor(base or named, rules, period.adjustment)
            if base and period.adjustment.multiplier < 1 and service.name not in self._usual:
                floor = replace(floor, count=rules.minimum)  # what merely ran before is no floor
            period.floors[key] = floor
        return floor

    def _changes(self, adjustment: Adjustment) -> bool:
        return adjustment.multiplier > 1 or (self._cheaper and adjustment.multiplier < 1)

    def _usual_of(self, service: ScaledService, rules: RoleRules) -> int:
        """What the team runs: the count in its mapping, else what ran before the calendar asked for another."""
        named = self._usual.get(service.name)
        before = service.count if service.usual is None else service.usual
        return max(rules.minimum, before if named is None else named)

    def _restored(self, service: ScaledService, rules: RoleRules, usual: int) -> CountFloor:
        """After an event: the usual count again, from above and from below; then it is forgotten."""
        usual = min(usual, rules.maximum)
        if service.count == usual:
            service.usual = None
        why = f"the calendar asks for nothing more, so {usual} as before ({_ITEMS['event']})"
        return CountFloor(usual, _ITEMS["event"], why, back_to=usual)

    def _floor(self, usual: int, rules: RoleRules, adjustment: Adjustment) -> CountFloor:
        target = instance_target(usual, adjustment, minimum=rules.minimum, maximum=rules.maximum)
        if adjustment.multiplier == 1:
            return _by_bounds(target.granted, rules)
        first = adjustment.reasons[0].partition(" ")[0] if adjustment.reasons else ""
        item = _ITEMS.get(first, _SEASON)
        if adjustment.multiplier < 1 and self._cheaper:
            why = f"{target.why} is {target.granted} ({item})"
            return CountFloor(target.granted, item, why, target.why_less, back_to=target.granted)
        return CountFloor(target.granted, item, f"at least {target.granted}: {target.why} ({item})", target.why_less)

    def _period(self, at: float, incident: IncidentSeverity | None) -> _Period:
        moment = datetime.fromtimestamp(at, UTC)
        edges = self._calendar.changes(moment, moment + _LOOKED_AHEAD)
        end = edges[1][0] if len(edges) > 1 else moment + _LOOKED_AHEAD
        return _Period(at, end.timestamp(), self._calendar.adjustment(moment, incident=incident))


def _by_bounds(count: int, rules: RoleRules) -> CountFloor:
    return CountFloor(count, rules.bounds_item, f"at least {count} ({rules.bounds_item})")
