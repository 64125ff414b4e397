"""Settling: what was changed has to run for a while before anybody may say that it serves."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from .containers import Container

__all__ = ["Settling"]


@dataclass
class Settling:
    """The time that containers of one step have to run, all of them at once.

    ``seconds`` count from the last act on a container: from now on for those that were changed ``in_place`` (by ID),
    from its start for one that was started after ``began`` (Unix seconds), whose start period comes on top. Others were
    not touched. Without ``seconds`` nothing is waited for.
    """

    seconds: float
    began: float
    in_place: Collection[str] = ()
    _since: dict[tuple[str, str | None], float] = field(default_factory=dict)

    def touched(self, container: Container) -> bool:
        """Whether the step changed or started it."""
        return container.id in self.in_place or container.started > self.began

    def longest(self, containers: list[Container]) -> float:
        """How long it takes at most, in seconds, where nothing restarts."""
        return max((self._needed(container) for container in containers if self.touched(container)), default=0.0)

    def complaint(self, containers: list[Container], now: float) -> str | None:
        """Which container has not run for long enough, in words; None when all have. ``now`` is in Unix seconds."""
        touched = [container for container in containers if self.touched(container)]
        # Each counts from the first look, so all are looked at before one is named: one after the other, eight in place
        # would need eight times as long as one.
        times = [(container, self._needed(container), self._ran(container, now)) for container in touched]
        for container, needed, ran in times:
            if ran < needed:
                again = f" and was restarted {container.restarts} times" if container.restarts else ""
                return f"{container.name} has run for {ran:.0f} s of {needed:.0f} s{again}"
        return None

    def _needed(self, container: Container) -> float:
        if not self.seconds:
            return 0.0
        return self.seconds + (0.0 if container.id in self.in_place else container.start_period)

    def _ran(self, container: Container, now: float) -> float:
        """Since the last act. The clock may have been set back since a start: then since it was first looked at."""
        first = self._since.setdefault((container.id, container.started_at), time.monotonic())
        looked = time.monotonic() - first
        started_here = container.started > self.began
        return max(looked, container.ran(now)) if started_here else looked
