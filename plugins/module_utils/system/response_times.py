"""How fast the services of this host answer: the same few requests before and after something was changed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from .failure import HostSideError
from .probe import complaint_of

__all__ = ["answer_times", "too_slow"]


def answer_times(urls: Iterable[str], requests: int) -> dict[str, float]:
    """By address, the 95th percentile of so many requests one after the other, in seconds.

    Raises ``HostSideError`` of kind ``gate`` when one fails.
    """
    return {url: _percentile([_timed(url) for _ in range(requests)]) for url in urls}


def too_slow(before: dict[str, float], now: dict[str, float], slower: float, target: float) -> str | None:
    """What is slower than ``slower`` times as before and than ``target`` seconds, in words; None where nothing is."""
    for url, seconds in sorted(now.items()):
        allowed = max(target, before.get(url, 0.0) * slower)
        if seconds > allowed:
            was = f", {_milliseconds(before[url])} before" if url in before else ""
            return f"{url} takes {_milliseconds(seconds)}{was}; {_milliseconds(allowed)} is the most"
    return None


def _timed(url: str) -> float:
    began = time.monotonic()
    complaint = complaint_of(url)
    if complaint:
        raise HostSideError(f"{complaint}.", kind="gate")
    return time.monotonic() - began


def _percentile(times: list[float]) -> float:
    return round(sorted(times)[math.ceil(0.95 * len(times)) - 1], 4)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
