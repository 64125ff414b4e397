"""What one service used within the window: percentiles and peaks over its containers' histories.

Works on whole columns with numpy; nothing here loops over samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from selextract_infra.model.history import ContainerHistory

__all__ = ["Peaks", "Window", "peaks_of"]


_MOST_CORES = 1e6
"""A bucket that says more cores than any host has, or no number at all, is no measurement."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is looked at: from ``since`` to ``until`` (Unix seconds); which percentile of the CPU buckets counts.

    A container with fewer than ``minimum_samples`` samples does not shape the percentile while another has more: the
    percentile of a container that lived for two buckets is its start-up. Memory that comes within ``cut_within`` of its
    limit, a ratio, counts as cut by it.
    """

    since: float
    until: float
    cpu_percentile: float
    minimum_samples: int
    cut_within: float = 0.0


@dataclass(frozen=True, slots=True)
class Peaks:
    """Usage of the highest container of a service, never the mean of its containers.

    ``cpu``, ``cpu_median`` and ``cpu_highest`` are the wanted percentile, the median and the highest of the buckets'
    means, in cores. ``memory`` is the highest working set and ``file_cache`` the highest active file cache that was
    never given back within a bucket, in bytes. ``oom_memory`` and ``oom_limit`` are the highest working set and limit
    of the buckets with an OOM kill, in bytes; ``oom_limit`` is None where the sampler did not record limits.
    ``cut_limit`` is the highest limit that cut what was used, in bytes; 0 where none did or limits were not recorded.
    ``samples`` counts moments, not containers.
    ``coverage`` is the share of ``life_seconds`` that was sampled, where ``life_seconds`` is the shorter of the window
    and the service's life.
    """

    cpu: float = 0.0
    cpu_median: float = 0.0
    cpu_highest: float = 0.0
    memory: int = 0
    file_cache: int = 0
    oom_kills: int = 0
    oom_memory: int = 0
    oom_limit: int | None = None
    cut_limit: int = 0
    samples: int = 0
    coverage: float = 0.0
    life_seconds: float = 0.0


def peaks_of(histories: Sequence[ContainerHistory], window: Window, *, started: float | None) -> Peaks:
    """The peaks of one service from all its containers, gone ones too.

    ``started`` is when the oldest container there is started (Unix seconds), None where that is unknown: the service
    is then taken to be as old as the window, so that thin data stays thin.
    """
    parts = [part for part in (_within(history, window.since) for history in histories) if len(part.at)]
    if not parts:
        return Peaks(life_seconds=_life(window, started, None))
    life = _life(window, started, min(float(part.at.min()) for part in parts))
    sampled = _sampled_seconds(parts, window.until - life, life)
    samples = [int(part.samples.sum()) for part in parts]
    cpus = [_cpu(part.cpu, window.cpu_percentile) for part in parts]
    settled = [
        cpu for cpu, number in zip(cpus, samples, strict=True) if number >= min(window.minimum_samples, max(samples))
    ]
    oom = [_oom(part) for part in parts]
    limits = [limit for _, _, limit in oom if limit is not None]
    return Peaks(
        cpu=max(cpu for cpu, _, _ in settled),
        cpu_median=max(median for _, median, _ in settled),
        cpu_highest=max(highest for _, _, highest in cpus),
        memory=max(0, *(int(part.memory.max()) for part in parts)),
        file_cache=max(0, *(int(part.page_cache.max()) for part in parts)),
        oom_kills=sum(kills for kills, _, _ in oom),
        oom_memory=max(memory for _, memory, _ in oom),
        oom_limit=max(limits, default=None),
        cut_limit=max(_cut(part, window.cut_within) for part in parts),
        samples=samples[0] if len(parts) == 1 else int(sampled / max(parts[0].interval, 1.0)),
        coverage=_coverage(sampled, life, max(part.bucket for part in parts)),
        life_seconds=life,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """The columns of one container within the window."""

    at: NDArray[np.int64]
    cpu: NDArray[np.float64]
    memory: NDArray[np.int64]
    page_cache: NDArray[np.int64]
    oom_kills: NDArray[np.int64]
    samples: NDArray[np.int64]
    memory_limit: NDArray[np.int64]
    bucket: float
    interval: float


def _within(history: ContainerHistory, since: float) -> _Part:
    """The history from ``since`` on. Buckets from a host whose clock is ahead are kept: they are the newest."""
    wanted: slice | NDArray[np.bool_] = slice(None)
    if len(history.at) and history.at.min() < since:
        wanted = history.at >= since
    return _Part(
        at=history.at[wanted],
        cpu=history.cpu[wanted],
        memory=history.memory[wanted],
        page_cache=history.page_cache[wanted],
        oom_kills=history.oom_kills[wanted],
        samples=history.samples[wanted],
        memory_limit=history.memory_limit[wanted] if len(history.memory_limit) else history.memory_limit,
        bucket=max(history.bucket_seconds, 1.0),
        interval=max(history.interval_seconds, 0.0),
    )


def _life(window: Window, started: float | None, first: float | None) -> float:
    """Seconds from the start of the window, or of the service where that is later, to the window's end."""
    known = [moment for moment in (started, first) if moment is not None]
    born = min(known) if started is not None else window.since
    return max(0.0, window.until - max(window.since, born))


def _cpu(buckets: NDArray[np.float64], percentile: float) -> tuple[float, float, float]:
    """The percentile, the median and the highest of the buckets, each a value that was really seen."""
    highest = float(buckets.max())
    if not highest <= _MOST_CORES:
        buckets = buckets[buckets <= _MOST_CORES]
        if not len(buckets):
            return 0.0, 0.0, 0.0
        highest = float(buckets.max())
    place, middle = _place(percentile, len(buckets)), _place(0.5, len(buckets))
    later, earlier = max(place, middle), min(place, middle)
    ordered = np.partition(buckets, later)
    if earlier < later:
        ordered[:later].partition(earlier)
    return max(0.0, float(ordered[place])), max(0.0, float(ordered[middle])), max(0.0, highest)


def _place(ratio: float, length: int) -> int:
    """Where in sorted order the smallest value stands that at least ``ratio`` of all values do not exceed."""
    return min(max(math.ceil(ratio * length) - 1, 0), length - 1)


def _oom(part: _Part) -> tuple[int, int, int | None]:
    """How many OOM kills, and the highest working set and limit of the buckets that saw one."""
    if part.oom_kills.max() <= 0:
        return 0, 0, None
    killed = part.oom_kills > 0
    limit = int(part.memory_limit[killed].max()) if len(part.memory_limit) else None
    return int(part.oom_kills[killed].sum()), max(0, int(part.memory[killed].max())), limit or None


def _cut(part: _Part, within: float) -> int:
    """The highest limit of which nearly everything was used in some bucket; 0 for none."""
    if not len(part.memory_limit):
        return 0
    cut = (part.memory_limit > 0) & (part.memory >= (1 - within) * part.memory_limit)
    return int(part.memory_limit[cut].max()) if cut.any() else 0


def _coverage(sampled: float, life: float, bucket: float) -> float:
    """The share of ``life`` that was sampled, 0 to 1.

    The bucket in which ``life`` ends is not complete yet, so its absence is no gap.
    """
    return min(1.0, sampled / max(life - bucket, bucket))


def _sampled_seconds(parts: Sequence[_Part], start: float, life: float) -> float:
    """For how many seconds at least one container of the service was sampled."""
    if len(parts) == 1:
        return float(_sampled(parts[0]).sum())
    bucket = max(part.bucket for part in parts)
    seconds = np.zeros(math.ceil(life / bucket) + 1)
    for part in parts:
        place = np.clip((part.at - start) // bucket, 0, len(seconds) - 1).astype(np.int64)
        seconds[place] = np.maximum(seconds[place], _sampled(part))
    return float(seconds.sum())


def _sampled(part: _Part) -> NDArray[np.float64]:
    """For each bucket how many of its seconds were sampled."""
    seconds: NDArray[np.float64] = np.minimum(part.samples * part.interval, part.bucket)
    return seconds
