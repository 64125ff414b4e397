"""Workers by Little's law: tasks in progress = arrival rate x duration (X-26, X-27, X-32)."""

from __future__ import annotations

import math

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Level, WorkerCapacity

__all__ = ["expected_wait", "slots_needed", "tasks_per_hour", "worker_capacity", "workers_needed"]

_HOUR = 3600.0


def tasks_per_hour(slots: float, task_seconds: float) -> float:
    """Most tasks per hour that so many slots finish: 8 slots at 25 s give 1,152. Refuses a duration of zero or less."""
    _require_positive(task_seconds, "The duration of a task")
    return slots * _HOUR / task_seconds


def slots_needed(demand: float, task_seconds: float) -> float:
    """Slots that are busy on average at ``demand`` tasks per hour: 1,000 at 25 s keep 6.94 busy."""
    _require_positive(task_seconds, "The duration of a task")
    return demand * task_seconds / _HOUR


def workers_needed(demand: float, task_seconds: float, concurrency: int, *, utilisation: float = 1.0) -> int:
    """Worker instances for ``demand`` tasks per hour when slots may be busy ``utilisation`` of the time.

    10,000 tasks per hour of 25 s with 4 slots each need 18 workers at 100 %, 25 at 70 %, 29 at 60 % (X-32).
    """
    _require_positive(concurrency, "The concurrency")
    _require_positive(utilisation, "The utilisation")
    exact = slots_needed(demand, task_seconds) / (concurrency * utilisation)
    return max(0, math.ceil(round(exact, 9)))


def expected_wait(queued: float, rate: float) -> float | None:
    """Seconds until the last of ``queued`` tasks starts when ``rate`` tasks per hour are finished; None if none are.

    At 1,000 tasks per hour 10, 50, 100 and 500 queued tasks mean 36 s, 3 minutes, 6 minutes and half an hour (X-27).
    """
    if queued <= 0:
        return 0.0
    return queued * _HOUR / rate if rate > 0 else None


def worker_capacity(
    instances: int,
    concurrency: int,
    task_seconds: float,
    *,
    demand: float | None = None,
    queued: float | None = None,
    headroom: float = 0.0,
) -> WorkerCapacity:
    """What ``instances`` workers can do, judged against a demand in tasks per hour and the queue, where known.

    Tasks finish at the lower of capacity and demand while the queue is stable; with more demand than capacity the queue
    only grows, and that is critical. Less than ``headroom`` of free slots is a warning.
    """
    slots = instances * concurrency
    capacity = tasks_per_hour(slots, task_seconds)
    needed = None if demand is None else slots_needed(demand, task_seconds)
    wait = None if queued is None else expected_wait(queued, capacity)
    level, judgement = _judged(capacity, demand, headroom)
    return WorkerCapacity(
        instances=instances,
        slots=slots,
        capacity=capacity,
        demand=demand,
        slots_needed=needed,
        instances_needed=None
        if demand is None
        else workers_needed(demand, task_seconds, concurrency, utilisation=1 - headroom),
        queued=queued,
        wait_seconds=wait,
        level=level,
        sentence=f"{instances} workers with {concurrency} slots each finish {capacity:,.0f} tasks an hour{judgement}",
    )


def _judged(capacity: float, demand: float | None, headroom: float) -> tuple[Level, str]:
    if demand is None:
        return Level.UNKNOWN, "; the demand is not known"
    if demand > capacity:
        return Level.CRITICAL, f", but {demand:,.0f} are wanted: the queue grows without end"
    if demand > capacity * (1 - headroom):
        return Level.WARNING, f", {demand:,.0f} are wanted: less than {headroom:.0%} of the slots stay free"
    return Level.OK, f", {demand:,.0f} are wanted"


def _require_positive(value: float, what: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{what} must be above zero, not {value}.")
