"""Counts requests as they end; read from another thread while the load runs."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict

from selextract_infra.lab.load.result import RequestCount, percentile

__all__ = ["RequestCounter"]


class RequestCounter:
    """Every request by kind: how it ended and how long it took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: defaultdict[str, list[float]] = defaultdict(list)
        self._failed: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()

    def add(self, kind: str, seconds: float, failure: str | None) -> None:
        """One request ended after ``seconds``; ``failure`` says why it failed, None that it did not."""
        with self._lock:
            self._times[kind].append(seconds)
            if failure:
                self._failed[kind] += 1
                self._reasons[failure] += 1

    @property
    def ended(self) -> int:
        """How many requests ended."""
        with self._lock:
            return sum(map(len, self._times.values()))

    def total(self) -> RequestCount:
        """All kinds together."""
        with self._lock:
            times = sorted(time for kind in self._times.values() for time in kind)
            return _count(times, self._failed.total())

    def kinds(self) -> dict[str, RequestCount]:
        """Each kind for itself."""
        with self._lock:
            return {kind: _count(sorted(times), self._failed[kind]) for kind, times in sorted(self._times.items())}

    def reasons(self) -> dict[str, int]:
        """How often requests failed for which reason, most often first."""
        with self._lock:
            return dict(self._reasons.most_common())


def _count(times: list[float], failed: int) -> RequestCount:
    return RequestCount(
        total=len(times),
        failed=failed,
        p50=percentile(times, 0.50),
        p95=percentile(times, 0.95),
        p99=percentile(times, 0.99),
        longest=times[-1] if times else None,
    )
