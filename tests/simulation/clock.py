"""A clock that moves only when somebody waits; it has what host-side code takes from ``time``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["SimulatedClock"]

_BEGAN = 1_767_225_600.0  # 2026-01-01


@dataclass
class SimulatedClock:
    """``now`` is in Unix seconds. Each look takes a moment, so that two events never have the same time.

    ``jumped`` is by how many seconds somebody has set the host's clock forward since, or back where it is below zero.
    """

    now: float = _BEGAN
    jumped: float = 0.0
    CLOCK_BOOTTIME: int = time.CLOCK_BOOTTIME
    _tick: float = 0.0005

    def time(self) -> float:
        """As ``time.time``."""
        self.now += self._tick
        return self.now + self.jumped

    def monotonic(self) -> float:
        """As ``time.monotonic``."""
        self.now += self._tick
        return self.now - _BEGAN + 1000.0

    def clock_gettime(self, _clock: int) -> float:
        """As ``time.clock_gettime``."""
        return self.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.now += max(0.0, seconds)

    def moment(self) -> str:
        """Now, as Docker writes it."""
        return datetime.fromtimestamp(self.now + self.jumped, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")

    def utc(self) -> datetime:
        """Now, as the control machine takes it, whose clock is its own."""
        self.now += self._tick
        return datetime.fromtimestamp(self.now, UTC)
