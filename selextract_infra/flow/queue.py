"""The queue of one control machine: plans that wait for their window, a file each that only its owner reads."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from selextract_infra.errors import SelextractError, UsageError
from selextract_infra.flow.windows import Opening
from selextract_infra.model.base import Frozen
from selextract_infra.model.plan import Plan

__all__ = ["Queue", "QueueStatus", "QueuedPlan", "Waiting"]


class QueueStatus(StrEnum):
    """Where a queued Plan stands. ``interrupted``: whoever carried it out ended without a word."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    MISSED = "missed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class QueuedPlan(Frozen):
    """A Plan that is to be carried out in one opening of one window, once; what became of it afterwards.

    ``inventory``, ``limit`` and ``policy_files`` say, with absolute paths, for which fleet. ``approvals`` are the
    signatures of those who approved it. ``run`` is the Run that carried it out, ``message`` what there is to say,
    ``exit_code`` the Run's or that of the refusal.
    """

    format: int = 1
    id: str
    window: str
    opening: Opening
    operation: str
    hosts: tuple[str, ...]
    plan_digest: str
    needed_seconds: float
    inventory: str
    limit: str | None = None
    policy_files: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    queued_at: AwareDatetime
    queued_by: str
    status: QueueStatus = QueueStatus.QUEUED
    tried_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    run: str = ""
    exit_code: int | None = None
    message: str = ""

    @property
    def waiting(self) -> bool:
        """Whether it is still to be carried out."""
        return self.status is QueueStatus.QUEUED

    def due(self, at: datetime) -> bool:
        """Whether its opening is there."""
        return self.waiting and self.opening.covers(at)

    def missed(self, at: datetime) -> bool:
        """Whether its opening is over and it was not carried out."""
        return self.waiting and at >= self.opening.ends_at


class Waiting(Frozen):
    """What comes without a person: the opening that is open or comes next, what waits, and what did not end well.

    ``troubled`` are the missed, refused, failed and interrupted ones of the last days.
    """

    opening: Opening | None = None
    open_now: bool = False
    queued: tuple[QueuedPlan, ...] = ()
    troubled: tuple[QueuedPlan, ...] = ()


_HELD = "held"


class Queue:
    """What waits in ``queue`` below the folder of the journal. Every change is on the disk when a method returns.

    Raises ``SelextractError`` when it cannot be read or written.
    """

    def __init__(self, state: Path) -> None:
        self.folder = state / "queue"

    def add(self, entry: QueuedPlan, plan: Plan) -> None:
        """Queue a Plan: first what is to be done, then that it is to be done."""
        self._write(self.plan_file(entry), plan.model_dump_json(indent=1))
        self.write(entry)

    def write(self, entry: QueuedPlan) -> None:
        """Record what has become of a queued Plan."""
        self._write(self.folder / f"{entry.id}.json", entry.model_dump_json(indent=1))

    def plan_file(self, entry: QueuedPlan) -> Path:
        """Where its Plan is."""
        return self.folder / f"{entry.id}.plan"

    def entries(self) -> tuple[QueuedPlan, ...]:
        """All of them, ended ones too, in the order of their openings."""
        try:
            plans = [QueuedPlan.model_validate_json(path.read_bytes()) for path in self.folder.glob("*.json")]
        except (OSError, ValidationError) as problem:
            raise SelextractError(f"The queue {self.folder} cannot be read: {_first_line(problem)}.") from problem
        return tuple(sorted(plans, key=lambda entry: (entry.opening.starts_at, entry.queued_at, entry.id)))

    def entry(self, name: str) -> QueuedPlan:
        """The one of that ID, or of an unambiguous beginning of it. Raises ``UsageError`` when there is none."""
        entries = self.entries()
        plans = [entry for entry in entries if entry.id.startswith(name)]
        if len(plans) != 1:
            known = ", ".join(entry.id for entry in entries if entry.waiting) or "none"
            raise UsageError(
                f"There is no queued plan {name}; queued: {known}.", remedy="selextract-infra schedule show"
            )
        return plans[0]

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Only one process at a time carries out or changes what is queued; False where another one does."""
        self._prepare()
        handle = os.open(self.folder / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(handle)

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def _write(self, path: Path, text: str) -> None:
        """Replace a file; after a crash there is the old one or the new one."""
        self._prepare()
        try:
            handle, temporary = tempfile.mkstemp(prefix=".", dir=self.folder)  # readable for its owner alone
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def _unwritable(self, problem: OSError) -> SelextractError:
        return SelextractError(
            f"The queue {self.folder} cannot be written: {problem.strerror}.",
            remedy="make room or mend its permissions",
        )


def _first_line(problem: Exception) -> str:
    return str(problem).splitlines()[0].rstrip(".")
