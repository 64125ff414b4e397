"""The fewest instances that seasons, planned events and weekends leave at an instant (SEA-04, MAN-05, ASO-04, X-37)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    """The fewest instances, the rule that says so, why, and what the bounds cut off."""

    count: int
    rule: str
    why: str
    why_less: str | None = None


@dataclass(slots=True)
class _Period:
    """A stretch of time, in Unix seconds, in which the calendar asks for the same; floors by service."""

    since: float
    until: float
    adjustment: Adjustment
    floors: dict[str, CountFloor] = field(default_factory=dict)


class Floors:
    """The calendar's floors; what holds until its next change is worked out once.

    ``usual`` has the count that a service usually has, where that is more than the policy's minimum.
    """

    def __init__(self, calendar: Calendar, usual: Mapping[str, int] | None = None) -> None:
        self._calendar, self._usual = calendar, usual or {}
        self._periods: dict[bool, _Period] = {}

    def of(
        self, service: ScaledService, rules: RoleRules, at: float, incident: IncidentSeverity | None = None
    ) -> CountFloor:
        """The floor of a service at an instant, in Unix seconds; ``incident`` suspends what would lower it (X-37)."""
        suspends = incident in SUSPENDING
        period = self._periods.get(suspends)
        if period is None or not period.since <= at < period.until:
            period = self._periods[suspends] = self._period(at, incident)
        floor = period.floors.get(service.name)
        if floor is None:
            floor = period.floors[service.name] = self._floor(service, rules, period.adjustment)
        return floor

    def _floor(self, service: ScaledService, rules: RoleRules, adjustment: Adjustment) -> CountFloor:
        if rules.resource != "instances":
            return _by_bounds(rules.minimum, rules)
        usual = max(rules.minimum, self._usual.get(service.name, rules.minimum))
        target = instance_target(usual, adjustment, minimum=rules.minimum, maximum=rules.maximum)
        if adjustment.multiplier == 1:
            return _by_bounds(target.granted, rules)
        first = adjustment.reasons[0].partition(" ")[0] if adjustment.reasons else ""
        item = _ITEMS.get(first, _SEASON)
        return CountFloor(target.granted, item, f"at least {target.granted}: {target.why} ({item})", target.why_less)

    def _period(self, at: float, incident: IncidentSeverity | None) -> _Period:
        moment = datetime.fromtimestamp(at, UTC)
        edges = self._calendar.changes(moment, moment + _LOOKED_AHEAD)
        end = edges[1][0] if len(edges) > 1 else moment + _LOOKED_AHEAD
        return _Period(at, end.timestamp(), self._calendar.adjustment(moment, incident=incident))


def _by_bounds(count: int, rules: RoleRules) -> CountFloor:
    return CountFloor(count, rules.bounds_item, f"at least {count} ({rules.bounds_item})")
