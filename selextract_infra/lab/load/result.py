"""What became of every request and every task."""

from __future__ import annotations

from collections.abc import Sequence

from selextract_infra.model.base import Frozen

__all__ = ["LoadResult", "RequestCount", "TaskCount", "percentile"]


class RequestCount(Frozen):
    """Requests of one kind, or all together; times in seconds from when each was due until its whole answer."""

    total: int = 0
    failed: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    longest: float | None = None

    @property
    def ok(self) -> int:
        """Requests that were answered."""
        return self.total - self.failed


class TaskCount(Frozen):
    """Tasks the application accepted, and what its workers recorded of them.

    ``lost``: accepted, but not completed when the queue had time to drain. ``doubled``: started or completed more than
    once. ``unknown`` is true when the application could not be asked afterwards; nothing is claimed then.
    """

    enqueued: int = 0
    started: int = 0
    completed: int = 0
    lost: int = 0
    doubled: int = 0
    unknown: bool = False


class LoadResult(Frozen):
    """One load from its first request to its last task. ``failures`` counts the reasons."""

    seconds: float
    requests: RequestCount
    kinds: dict[str, RequestCount]
    failures: dict[str, int]
    tasks: TaskCount

    @property
    def rate(self) -> float:
        """Requests per second over the whole load."""
        return self.requests.total / self.seconds if self.seconds else 0.0

    @property
    def requests_total(self) -> int:
        """Requests of all kinds."""
        return self.requests.total

    @property
    def requests_failed(self) -> int:
        """Requests without an answer, or with an error as the answer."""
        return self.requests.failed

    @property
    def tasks_lost(self) -> int | None:
        """Accepted tasks that were not completed; None where the application could not be asked."""
        return None if self.tasks.unknown else self.tasks.lost

    @property
    def tasks_doubled(self) -> int | None:
        """Tasks started or completed more than once; None where the application could not be asked."""
        return None if self.tasks.unknown else self.tasks.doubled

    @property
    def clean(self) -> bool:
        """Whether no request failed and no task was lost, doubled or left unknown."""
        return (self.requests_failed, self.tasks_lost, self.tasks_doubled) == (0, 0, 0)


def percentile(times: Sequence[float], share: float) -> float | None:
    """The smallest time that at least ``share`` of the sorted ``times`` do not exceed; None without times."""
    if not times:
        return None
    rank = max(1, -int(-share * len(times) // 1))
    return times[min(rank, len(times)) - 1]
