"""Maintenance windows: when disruptive work may run, and whether it fits into what is left (DRV-06). Pure.

Windows that overlap or touch are one opening; blackouts are taken out of it. All times are half open. Local times are
read as RFC 5545 says: one that the clocks skip is taken with the offset before, one that comes twice is the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from selextract_infra.errors import UsageError
from selextract_infra.model.base import Frozen
from selextract_infra.model.figures import duration
from selextract_infra.policy import Policy
from selextract_infra.policy.schema.windows import Period

__all__ = ["Opening", "WindowCheck", "Windows", "occurrences"]


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


_Span = tuple[datetime, datetime]
_DAY = timedelta(days=1)
_FIRST_LOOK = timedelta(days=40)
_FARTHEST = timedelta(days=12 * 366)
"""A leap day comes back after eight years at most; a window that does not come by then is none."""
_LONGEST = timedelta(days=366)


def occurrences(period: Period, start: datetime, end: datetime) -> Iterator[_Span]:
    """Each time the period is there that has a part in ``[start, end)``, whole, in UTC, in the order of its start."""
    days, rest = divmod(timedelta(seconds=period.duration), _DAY)
    zone = period.zone
    after = start.astimezone(zone).replace(tzinfo=None) - timedelta(seconds=period.duration) - 2 * _DAY
    before = end.astimezone(zone).replace(tzinfo=None) + 2 * _DAY
    for local in period.starts(after, before):
        begins = local.replace(tzinfo=zone).astimezone(UTC)
        ends = (local + days * _DAY).replace(tzinfo=zone).astimezone(UTC) + rest
        if begins < end and ends > start:
            yield begins, ends


@dataclass(frozen=True)
class Windows:
    """The maintenance windows and blackouts of a policy, by name."""

    windows: Mapping[str, Period]
    blackouts: Mapping[str, Period]

    @classmethod
    def of(cls, policy: Policy) -> Windows:
        """Those of a Policy."""
        return cls(policy.windows, policy.blackouts)

    def openings(self, start: datetime, end: datetime, *, name: str | None = None) -> tuple[Opening, ...]:
        """Every opening with a part in ``[start, end)``, in order; with ``name`` only those of that window.

        Raises ``UsageError`` for a window that is not there, and for an instant without a time zone.
        """
        start, end = _utc(start), _utc(end)
        names = self._named(name)
        spans = [(*span, each) for each in names for span in occurrences(self.windows[each], start, end)]
        closed = [span for each in self.blackouts.values() for span in _around(each, spans)]
        return tuple(
            opening for opening in self._swept(spans, closed) if opening.starts_at < end and opening.ends_at > start
        )

    def _named(self, name: str | None) -> tuple[str, ...]:
        if name is None:
            return tuple(self.windows)
        if name not in self.windows:
            known = ", ".join(self.windows) or "none"
            raise UsageError(f"There is no maintenance window {name!r} in the policy; there are {known}.")
        return (name,)

    def _swept(self, spans: list[tuple[datetime, datetime, str]], closed: list[_Span]) -> Iterator[Opening]:
        """One opening for each stretch that some window covers and no blackout does."""
        covering, blocking = dict.fromkeys(self.windows, 0), 0
        begun: datetime | None = None
        names: list[str] = []
        for at, changes in _edges(spans, closed):
            for name, change in changes:
                if name is None:
                    blocking += change
                else:
                    covering[name] += change
            inside = [name for name, times in covering.items() if times]
            if inside and not blocking:
                begun = begun or at
                names += [name for name in inside if name not in names]
            elif begun is not None:
                zone = self.windows[names[0]].time_zone
                yield Opening(starts_at=begun, ends_at=at, windows=tuple(names), time_zone=zone)
                begun, names = None, []

    def current(self, at: datetime) -> Opening | None:
        """The opening that covers an instant, or None; one that never ends is cut after a year."""
        return next((opening for opening in self.openings(at, _utc(at) + _LONGEST) if opening.covers(at)), None)

    def upcoming(
        self, at: datetime, count: int = 1, *, name: str | None = None, needed_seconds: float = 0.0
    ) -> tuple[Opening, ...]:
        """The next openings that begin after an instant and are long enough; fewer where there are no more."""
        at, look = _utc(at), _FIRST_LOOK
        while True:
            openings = [
                opening
                for opening in self.openings(at, at + look, name=name)
                if opening.starts_at > at and opening.seconds >= needed_seconds
            ]
            if len(openings) > count or look >= _FARTHEST:
                return tuple(openings[:count])
            look *= 3

    def check(self, at: datetime, needed_seconds: float) -> WindowCheck:
        """Whether work of that length may begin at an instant, with one sentence that says why or when."""
        opening = self.current(at)
        fits = opening is not None and opening.seconds_left(at) >= needed_seconds
        following = None if fits else next(iter(self.upcoming(at, needed_seconds=needed_seconds)), None)
        return WindowCheck(
            at=at,
            needed_seconds=needed_seconds,
            fits=fits,
            opening=opening,
            next_fitting=following,
            sentence=self._sentence(at, needed_seconds, opening, following),
        )

    def _sentence(self, at: datetime, needed: float, opening: Opening | None, following: Opening | None) -> str:
        if not self.windows:
            return "The policy has no maintenance window."
        then = f"the next is {following}" if following else f"no window that is there ever lasts {duration(needed)}"
        if opening is None:
            return f"No maintenance window is open; {then}."
        left = duration(opening.seconds_left(at))
        if opening.seconds_left(at) >= needed:
            return f"The window {opening} is open, {left} of it are left, and {duration(needed)} are needed."
        return f"Only {left} of the window {opening} are left, and {duration(needed)} are needed; {then}."


def _around(period: Period, spans: list[tuple[datetime, datetime, str]]) -> Iterator[_Span]:
    """Each time of a blackout that may touch one of the spans."""
    if spans:
        yield from occurrences(period, min(begin for begin, _, _ in spans), max(end for _, end, _ in spans))


def _edges(
    spans: Iterable[tuple[datetime, datetime, str]], closed: Iterable[_Span]
) -> list[tuple[datetime, list[tuple[str | None, int]]]]:
    """Every instant at which something begins or ends, with what does; at one instant all of it together."""
    edges: dict[datetime, list[tuple[str | None, int]]] = {}
    for begin, end, name in spans:
        edges.setdefault(begin, []).append((name, 1))
        edges.setdefault(end, []).append((name, -1))
    for begin, end in closed:
        edges.setdefault(begin, []).append((None, 1))
        edges.setdefault(end, []).append((None, -1))
    return sorted(edges.items(), key=lambda edge: edge[0])


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None or at.utcoffset() is None:
        raise UsageError(f"The instant {at.isoformat()} has no time zone.")
    return at.astimezone(UTC)
