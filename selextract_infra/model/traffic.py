"""What was seen of requests, tasks and the edge: the balancer's own log, the queue in Redis, and Nginx's switches."""

from __future__ import annotations

from pydantic import Field

from selextract_infra.model.base import Frozen

__all__ = [
    "OLD_FOLDER",
    "OLD_NAME",
    "BalancerObservation",
    "BalancerServer",
    "EdgeObservation",
    "RedisObservation",
    "ServiceTasks",
    "TrafficObservation",
    "TrafficWindow",
]


OLD_NAME = "selextract-balancer"
OLD_FOLDER = "/var/lib/selextract-infra/balancer"
"""The one balancer that version 0.1 knew, in its Plans and Observations."""


class BalancerServer(Frozen):
    """An instance as the balancer sees it: ``UP``, ``DOWN``, ``MAINT``…, the requests it holds, where it is."""

    name: str
    status: str
    sessions: int = 0
    address: str = ""


class TrafficWindow(Frozen):
    """All requests that ended in the last ``seconds``, each counted once, so percentiles are exact (X-42).

    ``covered`` is how many of those seconds the log reaches back; times are seconds, None where nothing was asked.
    ``failed`` are those that the app or the balancer answered with 500 or more; who hung up himself is not among them.
    """

    seconds: float
    covered: float
    requests: int = 0
    failed: int = 0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    @property
    def rate(self) -> float | None:
        """Requests per second; None where the log is too young to say."""
        return self.requests / self.covered if self.covered > 0 else None

    @property
    def error_rate(self) -> float | None:
        """Share of the requests that failed; None where there were none."""
        return self.failed / self.requests if self.requests else None


class BalancerObservation(Frozen):
    """The balancer before one service of a project. ``windows`` have its requests, shortest first.

    ``digest`` tells its files from others.
    """

    project: str
    service: str
    digest: str = ""
    running: bool = True
    servers: tuple[BalancerServer, ...] = ()
    windows: tuple[TrafficWindow, ...] = ()
    problem: str | None = None

    def window(self, seconds: float) -> TrafficWindow | None:
        """The requests of the last so many seconds, None where they were not looked at."""
        return next((window for window in self.windows if window.seconds == seconds), None)


class ServiceTasks(Frozen):
    """The tasks that a worker service is there for, by the ``system`` whose queues are in its broker (``rq``…).

    ``queued`` wait, ``reserved`` are with a worker. ``scheduled`` are nobody's work yet: they are planned for a later
    time, wait for others, or are in a queue that is paused. None, and a ``problem``, where they are not known.
    """

    service: str
    system: str | None = None
    queued: int | None = None
    reserved: int | None = None
    scheduled: int | None = None
    problem: str | None = None

    @property
    def pending(self) -> int | None:
        """Queued tasks and those that a worker holds (X-29); None where either is not known."""
        return None if self.queued is None or self.reserved is None else self.queued + self.reserved


class RedisObservation(Frozen):
    """Redis as a broker: tasks in the queues, tasks that workers hold, and what it does when it is full.

    ``tasks`` has each worker service; the other counts are of all queues together, None where those of one service are
    not known, see `ServiceTasks`. ``maxmemory`` and ``used`` are bytes, ``maxmemory`` 0 for no limit of its own.
    """

    project: str
    service: str
    queued: int | None = None
    reserved: int | None = None
    scheduled: int | None = None
    tasks: tuple[ServiceTasks, ...] = ()
    eviction: str | None = None
    maxmemory: int | None = None
    used: int | None = None
    problem: str | None = None

    @property
    def pending(self) -> int | None:
        """Queued tasks and those that a worker holds (X-29); None where either is not known."""
        return None if self.queued is None or self.reserved is None else self.queued + self.reserved

    def tasks_of(self, service: str) -> ServiceTasks:
        """The tasks of a worker service; all of them in an Observation that did not tell services apart."""
        if self.problem is not None:
            return ServiceTasks(service=service, problem=self.problem)
        sums = ServiceTasks(service=service, queued=self.queued, reserved=self.reserved, scheduled=self.scheduled)
        return next((tasks for tasks in self.tasks if tasks.service == service), sums)


class EdgeObservation(Frozen):
    """Nginx and its include folder on the host.

    ``inside`` is where Nginx itself sees that folder, None where it does not. ``networks`` are those that Nginx shares
    with the API. ``files`` has a digest of each file of ours, ``read`` says whether Nginx has read them, and
    ``switches`` which are on. ``answer`` is the longest that Nginx waits for an answer, in seconds, None where its
    configuration could not be read. ``balancer_name`` and ``balancer_folder`` say where this Project's balancer is, or
    would be; as they are here where a host of version 0.1 was looked at.
    """

    project: str
    service: str
    folder: str
    inside: str | None = None
    networks: tuple[str, ...] = ()
    files: dict[str, str] = Field(default_factory=dict)
    read: bool = False
    switches: tuple[str, ...] = ()
    answer: float | None = None
    balancer_name: str = OLD_NAME
    balancer_folder: str = OLD_FOLDER
    problem: str | None = None


class TrafficObservation(Frozen):
    """What a host showed of its traffic at Unix time ``at``; None for what is not there or not mapped.

    ``reads`` counts the reading statements since Postgres counts them (``pg_stat_statements``), None where it does not.
    ``transactions`` counts those that have ended, reading or writing, of any number of statements.
    """

    at: float | None = None
    balancer: BalancerObservation | None = None
    redis: RedisObservation | None = None
    edge: EdgeObservation | None = None
    reads: int | None = None
    transactions: int | None = None
