"""How long a lock holds.

Times are those of the host's clock, which may jump. A lease is therefore never longer than what was asked for, counted
from when it was renewed last; what a record says beyond that is not believed. Where the clock was 1970 when the lease
was renewed and is right now, the lease is over. Where it was a year ahead, the lease is over as well, because nobody
can tell how much of it is left and nobody shall wait a year. Both may strike somebody who still works. That does no
harm: whoever takes the Run up first stops what works there, and every act of the former holder is refused from then on.
A holder that acts renews its lease by the clock as it is then.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from .runs import moment

__all__ = ["lease_left", "renewal_is_due", "with_lease"]

_LONGEST_UNKNOWN = 86_400.0  # seconds; of version 0.1, which did not write down how long a lease was


def lease_left(lock: dict[str, Any], now: float) -> float:
    """Seconds that a lock still holds, 0 when its lease is over; infinite where its record cannot be read."""
    until = _time(lock.get("lease_until"))
    if until is None:
        return math.inf
    length = _length(lock)
    if length is None:
        left = until - now
        return left if 0 < left <= _LONGEST_UNKNOWN else 0.0
    renewed = _time(lock.get("renewed_at"))
    if renewed is None or renewed - now > length:
        return 0.0
    return max(0.0, min(renewed + length - now, length))


def renewal_is_due(lock: dict[str, Any], now: float) -> bool:
    """Whether more than a third of the lease is gone, or the clock has jumped since it was renewed."""
    length = _length(lock)
    return length is not None and not length * 2 / 3 <= lease_left(lock, now) <= length


def with_lease(lock: dict[str, Any], seconds: float, now: float) -> dict[str, Any]:
    """The record with a lease of so many seconds from now."""
    length = max(0.0, seconds) if math.isfinite(seconds) else 0.0
    return {**lock, "lease_until": moment(now + length), "lease_seconds": length, "renewed_at": moment(now)}


def _length(lock: dict[str, Any]) -> float | None:
    length = lock.get("lease_seconds")
    return float(length) if isinstance(length, (int, float)) and length >= 0 else None


def _time(text: Any) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        return None
