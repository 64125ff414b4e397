"""What the autoscaler knows of a service: its last samples in rings, its count, and when it last changed.

A watching process fills it as it looks, a replay as it reads; deciding only reads it. Times are Unix seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field

from selextract_infra.assess.samples import Samples
from selextract_infra.assess.service import Service
from selextract_infra.errors import UsageError
from selextract_infra.model.scaling import Direction, ServiceStamps

__all__ = ["SampleRing", "ScaledService"]

_CAPACITY = 4096
_SMALLEST = 64


class SampleRing:
    """The last samples of one metric, oldest first, as long as any rule looks back; so memory is bounded."""

    __slots__ = ("_trimmed_at", "at", "keep", "values")

    def __init__(self, keep: float) -> None:
        self.at: list[float] = []
        self.values: list[float] = []
        self.keep = keep
        self._trimmed_at = _SMALLEST

    def add(self, at: float, value: float) -> bool:
        """One sample. False: it is not later than the last, so the clock went back, and what was there is dropped."""
        stamps = self.at
        forward = not stamps or at > stamps[-1]
        if not forward:
            stamps.clear()
            self.values.clear()
        stamps.append(at)
        self.values.append(value)
        if len(stamps) >= self._trimmed_at:
            self._trim(at - self.keep)
        return forward

    def _trim(self, before: float) -> None:
        """Drop what is too old; half of the room is left free, so that this is done seldom."""
        old = max(bisect_right(self.at, before), len(self.at) - _CAPACITY)
        del self.at[:old]
        del self.values[:old]
        self._trimmed_at = max(_SMALLEST, 2 * len(self.at))


@dataclass(slots=True)
class ScaledService:
    """One service (or the read replicas of a database) on one host, as the autoscaler sees it.

    ``count`` is how many instances run, ``stopped`` how many others there are. ``cpus`` (cores) and ``memory`` (bytes)
    are what the next instance takes at most, the highest limit of those that run, None where any has none; then
    ``memory_use`` (bytes), the largest working set of one, says what it takes.
    ``held_cpus`` and ``held_memory`` are what each one that runs holds; empty where all are alike. ``interval`` is how
    far apart samples should be (None: as far as they usually are), ``keep`` how long they are kept, in seconds.
    ``usual`` is the count from before the calendar asked for another, None while it does not.
    ``last`` has the newest value of each metric; ``last_most`` what it may be at most, where some of it was not read.
    """

    name: str
    role: str
    count: int
    host: str = ""
    project: str = ""
    cpus: float | None = None
    memory: float | None = None
    memory_use: float = 0.0
    stopped: int = 0
    held_cpus: tuple[float, ...] = ()
    held_memory: tuple[float, ...] = ()
    interval: float | None = None
    keep: float = 3600.0
    last_out: float | None = None
    last_in: float | None = None
    changed_by_hand: float | None = None
    usual: int | None = None
    last: dict[str, float] = field(default_factory=dict)
    last_most: dict[str, float] = field(default_factory=dict)
    _rings: dict[str, SampleRing] = field(default_factory=dict)
    _most: dict[str, SampleRing] = field(default_factory=dict)

    @classmethod
    def of(cls, service: Service) -> ScaledService:
        """A service as it is observed, without samples."""
        return cls(
            name=service.name,
            role=service.role,
            count=len(service.running),
            host=service.host,
            project=service.project,
            cpus=service.highest_limit("cpus"),
            memory=service.highest_limit("memory"),
            memory_use=service.memory_use,
            stopped=len(service.stopped),
            held_cpus=tuple(service.held("cpus")),
            held_memory=tuple(service.held("memory")),
        )

    def observe_limits(self, service: ScaledService) -> None:
        """Take over what the instances have now; samples and stamps stay."""
        self.cpus, self.memory, self.stopped = service.cpus, service.memory, service.stopped
        self.memory_use = service.memory_use
        self.held_cpus, self.held_memory = service.held_cpus, service.held_memory

    def held(self, resource: str, count: int) -> float:
        """What so many instances hold of the host: the largest of those that run, and then as much as the next takes.

        Which of them would leave is not asked: what holds least is taken to go first, so that too much is never given.
        """
        own, limit = (self.held_memory, self.memory) if resource == "memory" else (self.held_cpus, self.cpus)
        kept = sorted(own, reverse=True)[:count]
        return sum(kept) + (count - len(kept)) * (limit or 0.0)

    @property
    def key(self) -> tuple[str, str]:
        """Host and name, by which it is told from others."""
        return self.host, self.name

    def record(self, metric: str, at: float, value: float, most: float | None = None) -> bool:
        """One sample in the metric's unit; what is no number is a gap. False where the time did not move on.

        ``most`` is what it may be at most where some of it was not read: that counts where instances are taken away.
        """
        if not math.isfinite(value):
            return True
        try:
            ring = self._rings[metric]
        except KeyError:
            ring = self._rings[metric] = SampleRing(self.keep)
        self.last[metric] = value
        if most is not None or metric in self._most:
            self._record_most(metric, at, value if most is None else most, ring)
        return ring.add(at, value)

    def _record_most(self, metric: str, at: float, most: float, ring: SampleRing) -> None:
        """From the first sample of which some was not read on, what it may be at most is kept beside it."""
        if metric not in self._most:
            self._most[metric] = SampleRing(self.keep)
            for stamp, value in zip(ring.at, ring.values, strict=True):
                self._most[metric].add(stamp, value)
        self._most[metric].add(at, most)
        self.last_most[metric] = most

    def samples(self, metric: str, *, most: bool = False) -> Samples:
        """The samples of a metric, or what it may have been at most; none where it was never seen."""
        ring = (self._most.get(metric) if most else None) or self._rings.get(metric)
        return Samples((), (), self.interval) if ring is None else Samples(ring.at, ring.values, self.interval)

    def seen_at(self, metric: str) -> float | None:
        """When the metric was last seen, None for never."""
        ring = self._rings.get(metric)
        return ring.at[-1] if ring and ring.at else None

    def forget_samples(self) -> None:
        """Begin anew, as after the clock was set."""
        for kept in (self._rings, self._most, self.last, self.last_most):
            kept.clear()

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
            count=self.count,
            last_out=self.last_out,
            last_in=self.last_in,
            changed_by_hand=self.changed_by_hand,
            usual=self.usual,
        )

    def restore(self, stamps: ServiceStamps, at: float) -> bool:
        """Go on where an earlier process stopped; True where the count was changed by somebody else since.

        A stamp from after ``at`` means that the clock was set back; it counts as of now.
        """
        self.last_out, self.last_in, self.changed_by_hand = (
            None if stamp is None else min(stamp, at)
            for stamp in (stamps.last_out, stamps.last_in, stamps.changed_by_hand)
        )
        self.usual = stamps.usual
        if stamps.count is None or stamps.count == self.count:
            return False
        self.changed_by_hand = at
        return True
