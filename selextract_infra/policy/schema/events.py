"""Dated events of a team: when more capacity is wanted than usual (MAN-01 to MAN-03)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from selextract_infra.policy.schema.windows import Start, TimeZone
from selextract_infra.policy.section import Section
from selextract_infra.policy.units import Factor

__all__ = ["DatedEvent"]

_LARGEST = 100.0
"""Times the usual capacity; what is more than that is a slip of the pen."""


class DatedEvent(Section):
    """An event from ``start`` until ``end`` (exclusive), by the clock on the wall of its time zone.

    It is of a ``kind`` of ``planned_events``, which says how much more is wanted and how long before; or it has a
    ``factor`` of the usual capacity, and no lead.
    """

    kind: str | None = None
    factor: Factor | None = None
    start: Start
    end: Start
    time_zone: TimeZone

    def complaint(self) -> str | None:
        """What no event can be: no size or two, no day, an end before its start, an hour that is not there or twice."""
        if (self.kind is None) == (self.factor is None):
            return "an event has either a kind of planned_events or a factor"
        if self.factor is not None and not 1 < self.factor <= _LARGEST:
            return f"a factor of {self.factor:g} is no event; accepted: above 1x, at most {_LARGEST:g}x"
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment.day is None:
                return f"{name} needs its day: 2026-11-20 09:00"
            doubt = self._doubt(moment)
            if doubt:
                return f"its {name}, {moment}, {doubt} in {self.time_zone}; choose another time"
        if self.ends_at <= self.starts_at:
            return f"it ends at {self.end}, not after its start at {self.start}"
        return None

    def _doubt(self, moment: Start) -> str:
        """Whether a change of the clocks skips that time or brings it twice; nothing where neither."""
        if moment.day is None:
            return ""
        local = moment.on(moment.day).replace(tzinfo=ZoneInfo(self.time_zone))
        if local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
            return "is skipped by a change of the clocks"
        return "comes twice by a change of the clocks" if local.utcoffset() != local.replace(fold=1).utcoffset() else ""

    @property
    def starts_at(self) -> datetime:
        """The first instant of it."""
        return self._instant(self.start)

    @property
    def ends_at(self) -> datetime:
        """The first instant after it."""
        return self._instant(self.end)

    def _instant(self, moment: Start) -> datetime:
        if moment.day is None:
            raise ValueError("An event has a day.")
        return moment.on(moment.day).replace(tzinfo=ZoneInfo(self.time_zone))
