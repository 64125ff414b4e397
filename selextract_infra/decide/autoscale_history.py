"""What the autoscaler knows of a service: its last samples in rings, its count, and when it last changed.

A watching process fills it as it looks, a replay as it reads; deciding only reads it. Times are Unix seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from selextract_infra.assess.windows import Samples
from selextract_infra.errors import UsageError
from selextract_infra.model.scaling import Direction, ServiceStamps

__all__ = ["Ring", "ScaledService"]

_CAPACITY = 4096
_TRIMMED_EVERY = 64


class Ring:
    """The last samples of one metric, oldest first, as long as any rule looks back; so memory is bounded."""

    __slots__ = ("at", "keep", "values")

    def __init__(self, keep: float) -> None:
        self.at: list[float] = []
        self.values: list[float] = []
        self.keep = keep

    def add(self, at: float, value: float) -> None:
        """One sample. One that is not later than the last means that the clock went back: what was there is dropped."""
        if self.at and at <= self.at[-1]:
            self.at.clear()
            self.values.clear()
        self.at.append(at)
        self.values.append(value)
        if len(self.at) % _TRIMMED_EVERY == 0:
            self._trim(at - self.keep)

    def _trim(self, before: float) -> None:
        old = 0
        while self.at[old] <= before:
            old += 1
        old = max(old, len(self.at) - _CAPACITY)
        if old:
            del self.at[:old]
            del self.values[:old]


@dataclass(slots=True)
class ScaledService:
    """One service (or the read replicas of a database) on one host, as the autoscaler sees it.

    ``count`` is how many instances there are. ``cpus`` (cores) and ``memory`` (bytes) are the limits of each, None
    where it has none. ``interval`` is how far apart samples should be, ``keep`` how long they are kept, in seconds.
    ``last`` has the newest value of each metric.
    """

    name: str
    role: str
    count: int
    host: str = ""
    project: str = ""
    cpus: float | None = None
    memory: float | None = None
    interval: float = 15.0
    keep: float = 3600.0
    last_out: float | None = None
    last_in: float | None = None
    changed_by_hand: float | None = None
    last: dict[str, float] = field(default_factory=dict)
    _rings: dict[str, Ring] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Host and name, by which it is told from others."""
        return self.host, self.name

    def record(self, metric: str, at: float, value: float) -> None:
        """One sample in the metric's unit; what is no number is a gap."""
        if not math.isfinite(value):
            return
        ring = self._rings.get(metric)
        if ring is None:
            ring = self._rings[metric] = Ring(self.keep)
        ring.add(at, value)
        self.last[metric] = value

    def samples(self, metric: str) -> Samples:
        """The samples of a metric; none where it was never seen."""
        ring = self._rings.get(metric)
        return Samples((), (), self.interval) if ring is None else Samples(ring.at, ring.values, self.interval)

    def seen_at(self, metric: str) -> float | None:
        """When the metric was last seen, None for never."""
        ring = self._rings.get(metric)
        return ring.at[-1] if ring and ring.at else None

    def observe_count(self, count: int, at: float) -> bool:
        """The count as it is on the host; True where somebody else has changed it, which is respected for a while."""
        if count < 0:
            raise UsageError(f"{self.name} cannot have {count} instances.")
        changed = count != self.count
        if changed:
            self.changed_by_hand, self.count = at, count
        return changed

    def acted(self, direction: Direction, count: int, at: float) -> None:
        """An action was carried out; a dry run does not call this, so that it starts no cooldown."""
        self.count = count
        if direction is Direction.OUT:
            self.last_out = at
        else:
            self.last_in = at

    @property
    def stamps(self) -> ServiceStamps:
        """What has to outlive a restart."""
        return ServiceStamps(
            count=self.count, last_out=self.last_out, last_in=self.last_in, changed_by_hand=self.changed_by_hand
        )

    def restore(self, stamps: ServiceStamps, at: float) -> bool:
        """Go on where an earlier process stopped; True where the count was changed by somebody else since.

        A stamp from after ``at`` means that the clock was set back; it counts as of now.
        """
        self.last_out, self.last_in, self.changed_by_hand = (
            None if stamp is None else min(stamp, at)
            for stamp in (stamps.last_out, stamps.last_in, stamps.changed_by_hand)
        )
        if stamps.count is None or stamps.count == self.count:
            return False
        self.changed_by_hand = at
        return True
