"""The usual throughput of an hour of the week (X-38): without it every quiet night would be an alert."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time

from selextract_infra.errors import PolicyError
from selextract_infra.policy import Policy

__all__ = ["TimeOfWeek", "usual_throughput"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHAPE = re.compile(r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")
_END_OF_DAY = "24:00"


@dataclass(frozen=True)
class TimeOfWeek:
    """Hours of some days: ``mon-fri 08:00-20:00``, half-open; both may wrap (``fri-mon``, ``22:00-06:00``).

    Hours that run over midnight belong to the day on which they begin.
    """

    days: frozenset[int]
    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> TimeOfWeek:
        """Read one; raises PolicyError with the accepted form."""
        match = _SHAPE.fullmatch(text.strip().lower())
        try:
            parts = match.groupdict() if match else {}
            first = _DAYS.index(parts["first"])
            last = _DAYS.index(parts["last"] or parts["first"])
            start = time.fromisoformat(parts["start"])
            end = time(0) if parts["end"] == _END_OF_DAY else time.fromisoformat(parts["end"])
        except (KeyError, ValueError):
            raise PolicyError(f"{text[:60]!r} is not a time of the week; accepted: mon-fri 08:00-20:00") from None
        count = (last - first) % len(_DAYS) + 1
        return cls(frozenset((first + number) % len(_DAYS) for number in range(count)), start, end)

    def covers(self, local: datetime) -> bool:
        """Whether a local time lies in it."""
        now, today = local.time(), local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= now < self.end
        yesterday = (today - 1) % len(_DAYS)
        return (today in self.days and now >= self.start) or (yesterday in self.days and now < self.end)


def usual_throughput(policy: Policy, local: datetime, *, multiplier: float = 1.0) -> float | None:
    """Requests per second that are usual at a local time, in a season so many times as much; None where nobody knows.

    The guide's load test is no usual throughput: until the team states one, low throughput cannot be judged (X-38).
    Raises PolicyError for a time of the week that cannot be read.
    """
    monitoring = policy.monitoring
    for text, rate in monitoring.throughput_hours.items():
        if TimeOfWeek.parse(text).covers(local):
            return rate * multiplier
    stated = monitoring.throughput_baseline.stated
    return None if stated is None else stated * multiplier
