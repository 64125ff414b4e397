"""Samples of one stretch of time, reduced to one line for each container."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Bucket", "Sample"]


@dataclass(frozen=True)
class Sample:
    """What one container used since the sample before.

    ``seconds`` since then, ``cpu_seconds`` used in them; ``memory`` (working set), ``page_cache`` (active file cache)
    and ``limit`` (0: none) in bytes; ``oom_kills`` and ``restarts`` since then.
    """

    seconds: float
    cpu_seconds: float
    memory: int
    page_cache: int
    limit: int
    oom_kills: int = 0
    restarts: int = 0


@dataclass
class _Sums:
    project: str | None
    service: str | None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    cpu_peak: float = 0.0
    memory: int = 0
    page_cache: int | None = None
    oom_kills: int = 0
    restarts: int = 0
    samples: int = 0
    limit: int = 0

    def add(self, sample: Sample) -> None:
        if sample.seconds > 0:
            self.samples += 1
            self.seconds += sample.seconds
            self.cpu_seconds += sample.cpu_seconds
            self.cpu_peak = max(self.cpu_peak, sample.cpu_seconds / sample.seconds)
        self.memory = max(self.memory, sample.memory)
        self.page_cache = min(sample.page_cache, self.page_cache if self.page_cache is not None else sample.page_cache)
        self.oom_kills += sample.oom_kills
        self.restarts += sample.restarts
        self.limit = sample.limit

    def row(self, at: int, name: str) -> list[Any]:
        mean = self.cpu_seconds / self.seconds if self.seconds else 0.0
        return [
            at, name, self.project, self.service, round(mean, 4), round(self.cpu_peak, 4), self.memory,
            self.page_cache or 0, self.oom_kills, self.restarts, self.samples, self.limit,
        ]  # fmt: skip


@dataclass
class Bucket:
    """A bucket that starts at ``at`` (Unix seconds)."""

    at: int
    _sums: dict[str, _Sums] = field(default_factory=dict)

    def add(self, name: str, project: str | None, service: str | None, sample: Sample) -> None:
        """Add a sample of the container ``name``. One without ``seconds`` only carries kills and restarts."""
        self._sums.setdefault(name, _Sums(project, service)).add(sample)

    def rows(self) -> list[list[Any]]:
        """A row for each container, in the order of the file's fields."""
        return [sums.row(self.at, name) for name, sums in sorted(self._sums.items())]
