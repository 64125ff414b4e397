"""Drives the lab's application: requests and tasks at a given rate, however slow the answers are.

The load is open: a request is sent when it is due, not when the one before was answered, so a stall of the application
shows as waiting requests and never as fewer of them.
"""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from types import TracebackType
from typing import Self

from selextract_infra.errors import SelextractError, UsageError
from selextract_infra.lab.load.counter import RequestCounter
from selextract_infra.lab.load.http import ExchangeError, Site
from selextract_infra.lab.load.result import LoadResult, TaskCount

__all__ = ["BROWSER", "Load", "LoadStep", "TaskShape"]

MOST_WAITING = 1000
PROGRESS_EVERY = 5.0
ANSWER_BOUND = 30.0
SECONDS_PER_HOUR = 3600

# Of twenty requests: ten reads, five writes, four pages, one long report; spread evenly.
_READ, _WRITE, _PAGE, _REPORT = "GET items", "POST items", "GET page", "GET slow"
_TASK = "POST tasks"
_MIX = (_READ, _WRITE, _READ, _PAGE, _READ, _READ, _WRITE, _READ, _PAGE, _READ,
        _REPORT, _WRITE, _READ, _PAGE, _READ, _WRITE, _READ, _PAGE, _READ, _WRITE)  # fmt: skip
_PATHS = {
    _READ: "/api/v1/items",
    _WRITE: "/api/v1/items",
    _PAGE: "/",
    _REPORT: "/api/v1/slow?seconds=2",
    _TASK: "/api/v1/tasks",
}


@dataclass(frozen=True)
class LoadStep:
    """A stretch of the load: ``rps`` requests per second for ``seconds`` (None: until it is stopped)."""

    rps: float
    seconds: float | None = None


@dataclass(frozen=True)
class TaskShape:
    """One task: it lasts ``seconds``, computes for the share ``cpu`` of them, and holds ``memory`` bytes.

    None leaves it to the application: a browser and its task at the lab's scale.
    """

    seconds: float | None = None
    cpu: float | None = None
    memory: int | None = None


BROWSER = TaskShape()


class Load:
    """Load on one site. ``with Load(…) as load: …`` runs it in a thread; ``load.result`` is there afterwards.

    ``drain_bound`` is how many seconds the queue gets at the end to run empty.
    """

    def __init__(
        self,
        url: str,
        steps: Sequence[LoadStep],
        *,
        tasks_per_hour: float = 0.0,
        task: TaskShape = BROWSER,
        drain_bound: float = 180.0,
        on_progress: Callable[[str], None] | None = None,
    ) -> None:
        if not steps or any(step.rps < 0 or (step.seconds is not None and step.seconds <= 0) for step in steps):
            raise UsageError("A load needs rates of 0 or more requests per second, each for more than 0 seconds.")
        if tasks_per_hour < 0:
            raise UsageError("A load cannot have fewer than 0 tasks per hour.")
        self.batch = uuid.uuid4().hex
        self._steps = tuple(steps)
        self._tasks_per_second = tasks_per_hour / SECONDS_PER_HOUR
        self._shape = {name: value for name, value in asdict(task).items() if value is not None}
        self._drain_bound = drain_bound
        self._on_progress = on_progress
        self._site = Site(url)
        self._counter = RequestCounter()
        self._waiting: set[asyncio.Task[None]] = set()
        self._accepted = 0
        self._stop = threading.Event()
        # Joining the thread would not do: until Python 3.12 an interrupted join counts the thread as ended.
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._outcome: LoadResult | None = None
        self._crash: BaseException | None = None
        self._started = 0.0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.wait()

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more; what is under way is still awaited."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end, at most ``seconds``; whether it has ended."""
        return self._thread is None or self._ended.wait(seconds)

    @property
    def result(self) -> LoadResult:
        """What became of it all. Raises SelextractError while the load still runs or when it broke down."""
        if self._outcome is None:
            raise SelextractError(f"The load has no result: {self._crash or 'it has not ended'}.")
        return self._outcome

    @property
    def requests_so_far(self) -> int:
        """Requests that have ended so far, those that hand in tasks included."""
        return self._counter.ended

    @property
    def tasks_so_far(self) -> int:
        """Tasks the application has accepted so far."""
        return self._accepted

    def wait_for_requests(self, count: int, bound: float = 300.0) -> None:
        """Wait until ``count`` requests have ended.

        Raises SelextractError after ``bound`` seconds, or when the load ends before.
        """
        end = monotonic() + bound
        while self.requests_so_far < count:
            if monotonic() > end or self.wait(0.05):
                raise SelextractError(f"The load ended {self.requests_so_far} requests, {count} were waited for.")

    def _run(self) -> None:
        try:
            self._outcome = asyncio.run(self._drive())
        except BaseException as broken:
            self._crash = broken
            raise
        finally:
            self._ended.set()

    async def _drive(self) -> LoadResult:
        self._started = monotonic()
        chores = [asyncio.create_task(self._send_tasks())]
        if self._on_progress:
            chores.append(asyncio.create_task(self._report(self._on_progress)))
        await self._send_requests()
        self._stop.set()
        await chores[0]
        if self._waiting:
            await asyncio.wait(self._waiting)
        seconds = monotonic() - self._started
        tasks = await self._count_tasks()
        for chore in chores[1:]:
            chore.cancel()
        self._site.close()
        return LoadResult(
            seconds=seconds,
            requests=self._counter.total(),
            kinds=self._counter.kinds(),
            failures=self._counter.reasons(),
            tasks=tasks,
        )

    async def _send_requests(self) -> None:
        number = 0
        start = monotonic()
        for step in self._steps:
            end = start + step.seconds if step.seconds is not None else float("inf")
            index = 0
            while not self._stop.is_set():
                due = start + index / step.rps if step.rps else end
                if not await self._pause_until(min(due, end)) or due >= end:
                    break
                self._send(_MIX[number % len(_MIX)], due)
                number += 1
                index += 1
            start = end

    async def _send_tasks(self) -> None:
        if not self._tasks_per_second:
            return
        index = 0
        while await self._pause_until(due := self._started + index / self._tasks_per_second):
            self._send(_TASK, due)
            index += 1

    async def _pause_until(self, due: float) -> bool:
        """Wait for that time; False when the load was stopped before."""
        while (left := due - monotonic()) > 0 and not self._stop.is_set():
            await asyncio.sleep(min(left, 0.1))
        return not self._stop.is_set()

    def _send(self, kind: str, due: float) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._counter.add(kind, 0.0, f"not sent: {MOST_WAITING} requests were waiting")
            return
        request = asyncio.create_task(self._request(kind, due))
        self._waiting.add(request)
        request.add_done_callback(self._waiting.discard)

    async def _request(self, kind: str, due: float) -> None:
        key = f"{self.batch}:{uuid.uuid4().hex}"
        headers = {"Idempotency-Key": key} if kind in (_WRITE, _TASK) else {}
        body = b""
        if kind == _WRITE:
            body = json.dumps({"name": key}).encode()
        elif kind == _TASK:
            body = json.dumps({"batch": self.batch, **self._shape}).encode()
        failure = None
        try:
            answer = await self._site.exchange(
                kind.partition(" ")[0], _PATHS[kind], body=body, headers=headers, bound=ANSWER_BOUND
            )
            if answer.status >= 400:
                failure = f"{kind}: status {answer.status}"
            elif kind == _TASK:
                self._accepted += 1
        except ExchangeError as broken:
            failure = f"{kind}: {broken}"
        self._counter.add(kind, monotonic() - due, failure)

    async def _count_tasks(self) -> TaskCount:
        """Ask the application until every accepted task is completed or the queue had its time."""
        if not self._accepted:
            return TaskCount()
        end = monotonic() + self._drain_bound
        summary: dict[str, int] | None = None
        while True:
            summary = await self._summary() or summary
            if (summary and summary["completed"] >= max(self._accepted, summary["enqueued"])) or monotonic() > end:
                break
            await asyncio.sleep(0.5)
        if summary is None:
            return TaskCount(enqueued=self._accepted, unknown=True)
        return TaskCount(
            enqueued=self._accepted,
            started=summary["started"],
            completed=summary["completed"],
            lost=max(0, max(self._accepted, summary["enqueued"]) - summary["completed"]),
            doubled=summary["doubled"],
        )

    async def _summary(self) -> dict[str, int] | None:
        try:
            answer = await self._site.exchange("GET", f"/api/v1/tasks/summary?batch={self.batch}", bound=ANSWER_BOUND)
        except ExchangeError:
            return None
        if answer.status != 200:
            return None
        summary: dict[str, int] = json.loads(answer.body)
        return summary

    async def _report(self, on_progress: Callable[[str], None]) -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY)
            now = self._counter.total()
            p95 = f", P95 {now.p95 * 1000:.0f} ms" if now.p95 is not None else ""
            doing = "draining the queue" if self._stop.is_set() else f"{len(self._waiting)} waiting"
            on_progress(
                f"{monotonic() - self._started:4.0f} s  {now.total} requests, {now.failed} failed, {doing}{p95};"
                f" {self._accepted} tasks accepted"
            )
