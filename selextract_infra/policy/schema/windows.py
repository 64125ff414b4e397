"""Maintenance windows, blackouts, and unattended runs (DRV-06).

Windows and blackouts are periods that come back, as a team writes them.

A rule is a recurrence rule of iCalendar (RFC 5545). It names days; the time of day stands in ``start``, so a rule that
names hours is refused, and so is one whose days depend on a first day that is not given.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

from selextract_infra.errors import UnitError
from selextract_infra.policy.section import Section
from selextract_infra.policy.units import Positive, Seconds

__all__ = ["Period", "Schedule", "Start", "TimeZone"]

_TIME = re.compile(r"(?:(?P<day>\d{4}-\d{2}-\d{2})[ T])?(?P<hour>[0-2]?\d):(?P<minute>[0-5]\d)(?::00)?")
_RULE = re.compile(r"(?:RRULE:)?(?P<parts>[A-Z]+=[A-Z0-9,+-]+(?:;[A-Z]+=[A-Z0-9,+-]+)*);?")
_UNTIL = re.compile(r"(?P<day>\d{8})(?:T(?P<time>\d{6})(?P<utc>Z?))?")
_NUMBERED_DAY = re.compile(r"[+-]?\d")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_PARTS = (
    "FREQ", "INTERVAL", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYYEARDAY", "BYWEEKNO", "BYEASTER",
    "BYSETPOS",
)  # fmt: skip
_SAYS_THE_DAY = {
    "DAILY": (),
    "WEEKLY": ("BYDAY",),
    "MONTHLY": ("BYDAY", "BYMONTHDAY"),
    "YEARLY": ("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYEASTER"),
}
_LONGEST_CYCLE = timedelta(days=41 * 366)
"""A weekday comes back on 29 February after 28 years, or after 40 where a century has no leap day."""
_SOME_YEAR = date(2001, 1, 1)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnitError(f'"{name[:60]}" is no time zone; accepted: an IANA name such as Europe/Berlin or UTC') from None
    return name


def _parts_of(rule: str) -> dict[str, str]:
    match = _RULE.fullmatch(rule)
    if match is None:
        raise UnitError(f'"{rule[:80]}" is no recurrence rule; accepted: FREQ=WEEKLY;BYDAY=SU, FREQ=MONTHLY;BYDAY=1SA')
    words = match["parts"].split(";")
    parts = {name: value for name, _, value in (part.partition("=") for part in words)}
    if len(parts) != len(words):
        raise UnitError(f'"{rule[:80]}" says something twice')
    return parts


def _readable_rule(rule: str) -> str:
    """The rule, when it names days only and says how often."""
    parts = _parts_of(rule)
    for name in parts:
        if name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
            raise UnitError(f"{name} is not accepted in a rule: the time of day is said by start")
        if name == "COUNT":
            raise UnitError("COUNT is not accepted in a rule: UNTIL says how long it holds")
        if name not in _PARTS:
            raise UnitError(f"{name} is no part of a rule; there are {', '.join(_PARTS)}")
    if parts.get("FREQ") not in _SAYS_THE_DAY:
        raise UnitError(f"FREQ must be one of {', '.join(_SAYS_THE_DAY)}, not {parts.get('FREQ', 'missing')}")
    if parts["FREQ"] in ("DAILY", "WEEKLY") and _NUMBERED_DAY.search(parts.get("BYDAY", "")):
        raise UnitError(f"BYDAY={parts['BYDAY']} counts days of a month or year, so FREQ must be MONTHLY or YEARLY")
    if not parts.get("INTERVAL", "1").isdecimal() or int(parts.get("INTERVAL", "1")) < 1:
        raise UnitError(f"INTERVAL={parts['INTERVAL']} is no distance; accepted: INTERVAL=2")
    if "UNTIL" in parts and _UNTIL.fullmatch(parts["UNTIL"]) is None:
        raise UnitError(f"UNTIL={parts['UNTIL']} is no day; accepted: UNTIL=20261231, UNTIL=20261231T235900")
    return rule


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Rule = Annotated[str, AfterValidator(_readable_rule)]


class Start(Section):
    """When a period starts by the clock on the wall: ``02:00``, or with its first day ``2026-01-04 02:00``."""

    day: date | None = None
    hour: int
    minute: int

    @classmethod
    def read(cls, value: Any) -> Any:
        """Day, hour and minute of what was written."""
        return value if isinstance(value, Mapping) else _start(value)

    def __str__(self) -> str:
        """As it is written in a policy."""
        day = f"{self.day} " if self.day else ""
        return f"{day}{self.hour:02}:{self.minute:02}"

    def on(self, day: date) -> datetime:
        """That time on a day, as the clock on the wall shows it."""
        return datetime.combine(day, time(self.hour, self.minute))


def _start(value: Any) -> dict[str, Any]:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise UnitError(f"{value} has an offset of its own; the zone is said by time_zone")
        value = value.isoformat(sep=" ")
    elif isinstance(value, date):
        return {"day": value, "hour": 0, "minute": 0}
    elif isinstance(value, int) and not isinstance(value, bool) and 0 < value < 24 * 60:
        hour, minute = divmod(value, 60)
        raise UnitError(f'{value} is what YAML makes of {hour}:{minute:02} without quotes; write "{hour}:{minute:02}"')
    match = _TIME.fullmatch(str(value).strip())
    if match is None or int(match["hour"]) > 23:
        raise UnitError(f'"{str(value)[:60]}" is no time of day; accepted: "02:00", "2026-01-04 02:00"')
    try:
        day = date.fromisoformat(match["day"]) if match["day"] else None
    except ValueError as problem:
        raise UnitError(f"{match['day']} is not a date: {problem}") from problem
    return {"day": day, "hour": int(match["hour"]), "minute": int(match["minute"])}


class Period(Section):
    """A period that comes back, or without a rule is there once: from ``start``, for ``duration`` seconds.

    Whole days of the duration are days of the calendar, the rest is counted by the clock (RFC 5545): three days end at
    the same time of day as they start, also when the clocks are changed in between.
    """

    rrule: Rule | None = None
    start: Start
    duration: Positive[Seconds]
    time_zone: TimeZone

    def complaint(self) -> str | None:
        """The rule does not say on which days, or there is no such day."""
        if self.rrule is None:
            return None if self.start.day else "without an rrule, start needs its day: 2026-12-24 18:00"
        parts = _parts_of(self.rrule)
        if self.start.day is None and not self._says_its_days(parts):
            return (
                f'"{self.rrule}" counts from a first day: write start as 2026-01-04 {self.start}, or say the days in it'
            )
        try:
            never = next(self.starts(self._first, self._first + _LONGEST_CYCLE), None) is None
        except (ValueError, TypeError, IndexError) as problem:
            return f'"{self.rrule}" is no recurrence rule: {problem}'
        return f'"{self.rrule}" names no day that there is' if never else None

    @staticmethod
    def _says_its_days(parts: Mapping[str, str]) -> bool:
        needed = _SAYS_THE_DAY[parts["FREQ"]]
        return int(parts.get("INTERVAL", "1")) == 1 and (not needed or any(name in parts for name in needed))

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def _first(self) -> datetime:
        return self.start.on(self.start.day or _SOME_YEAR)

    def starts(self, after: datetime, before: datetime) -> Iterator[datetime]:
        """Each start in ``[after, before)``, all by the clock on the wall, so that none of them has an offset.

        A rule without a first day holds at any time.
        """
        if self.rrule is None:
            yield from (start for start in [self._first] if after <= start < before)
            return
        from dateutil.rrule import rrulestr

        first = self._first if self.start.day else self.start.on(date(after.year - 1, 1, 1))
        parts = _parts_of(self.rrule)
        until = min(before, self._until(parts.pop("UNTIL"))) if "UNTIL" in parts else before
        parts["UNTIL"] = f"{until:%Y%m%dT%H%M%S}"
        rule = ";".join(f"{name}={value}" for name, value in parts.items())
        for start in rrulestr(rule, dtstart=first):
            if after <= start < before:
                yield start

    def _until(self, text: str) -> datetime:
        """The last instant of the rule by the clock on the wall; a day alone counts to its end."""
        match = _UNTIL.fullmatch(text)
        if match is None:
            raise UnitError(f"UNTIL={text} is no day")
        last = datetime.fromisoformat(f"{match['day']}T{match['time'] or '235959'}")
        return last.replace(tzinfo=UTC).astimezone(self.zone).replace(tzinfo=None) if match["utc"] else last


def _names_of_variables(names: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [name for name in names if _VARIABLE.fullmatch(name) is None]
    if wrong:
        raise UnitError(f'"{wrong[0][:60]}" is no name of an environment variable; accepted: SELEXTRACT_SLACK_URL')
    return names


class Schedule(Section):
    """Unattended runs: how often is looked for what is due, in seconds, and what they may know.

    ``retry``: how long until a plan is tried again that found its host locked. ``silence``: the longest time without a
    word from a run before systemd takes it for dead. ``credentials``: names of the environment variables that systemd
    hands out as credentials. ``dead_man``: the variable with an address that is visited after each look, and
    ``patience`` how long its answer, or that of a place that is notified, is waited for.
    """

    every: Positive[Seconds]
    retry: Positive[Seconds]
    silence: Positive[Seconds]
    patience: Positive[Seconds]
    credentials: Annotated[tuple[str, ...], AfterValidator(_names_of_variables)]
    dead_man: str | None = None
