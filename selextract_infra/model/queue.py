"""Plans that wait for their window."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from selextract_infra.model.base import Frozen
from selextract_infra.model.window import Opening

__all__ = ["QueueStatus", "QueuedPlan", "Waiting"]


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

    ``inventory``, ``limit`` and ``policy_files`` say, with absolute paths, for which fleet. ``run`` is the Run that
    carried it out, ``message`` what there is to say, ``exit_code`` the Run's or that of the refusal.
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
