"""Window: when users may be disturbed, as the maintenance windows and blackouts of the policy say."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from selextract_infra.model.base import Frozen
from selextract_infra.model.figures import duration

__all__ = ["Opening", "WindowCheck"]


class Opening(Frozen):
    """An uninterrupted time in which disruptive work may run: half open, ``ends_at`` is no part of it.

    ``windows`` are the names of all windows in it, in the order in which they begin; ``time_zone`` is that of the
    first, for people. The instants are in UTC.
    """

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    windows: tuple[str, ...]
    time_zone: str

    def covers(self, at: datetime) -> bool:
        """Whether work may run at that instant."""
        return self.starts_at <= at < self.ends_at

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.ends_at - self.starts_at).total_seconds()

    def seconds_left(self, at: datetime) -> float:
        """How much of it is left at an instant; all of it before it begins."""
        return max(0.0, (self.ends_at - max(at, self.starts_at)).total_seconds())

    def __str__(self) -> str:
        """``sunday-night, Sun 2026-03-29 01:00 to 05:00 CEST (3 h)``; with both offsets where the clocks change."""
        zone = ZoneInfo(self.time_zone)
        start, end = self.starts_at.astimezone(zone), self.ends_at.astimezone(zone)
        offset = f" {start:%Z}" if start.utcoffset() != end.utcoffset() else ""
        day = "" if start.date() == end.date() else f"{end:%a %Y-%m-%d} "
        return (
            f"{', '.join(self.windows)}, {start:%a %Y-%m-%d %H:%M}{offset} to {day}{end:%H:%M %Z}"
            f" ({duration(self.seconds)})"
        )


class WindowCheck(Frozen):
    """Whether work of ``needed_seconds`` fits at an instant, and if not, when it does.

    ``opening`` is the one that is open then; ``next_fitting`` the next in which the work fits from its beginning.
    """

    at: AwareDatetime
    needed_seconds: float
    fits: bool
    opening: Opening | None
    next_fitting: Opening | None
    sentence: str
