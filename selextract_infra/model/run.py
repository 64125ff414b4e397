"""Run: one application of a Plan."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from selextract_infra.model.base import Frozen

__all__ = ["Run", "RunStatus", "StepResult", "StepStatus"]


class StepStatus(StrEnum):
    """Where a step stands on one host. ``not begun``: the host could not be worked on, and nothing was touched."""

    PENDING = "pending"
    RUNNING = "running"
    VERIFIED = "verified"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"
    NOT_BEGUN = "not begun"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class RunStatus(StrEnum):
    """Where a Run stands. ``interrupted`` means it has no end and nobody is working on it."""

    RUNNING = "running"
    DONE = "done"
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"
    PARTLY_DONE = "partly done"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    REFUSED = "refused"


class StepResult(Frozen):
    """What one step did on one host; ``message`` is one sentence, empty when all went well."""

    step: str
    host: str
    status: StepStatus
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    changed: bool = False
    message: str = ""


class Run(Frozen):
    """One application of a Plan: steps, results, who, when. ``exit_code`` is None while it runs.

    ``unattended``: it was confirmed as one that nobody follows, so a host goes on with its steps though nobody asks.
    """

    id: str
    operation: str
    plan_digest: str
    policy_digest: str
    owner: str
    purpose: str
    hosts: tuple[str, ...]
    started_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    status: RunStatus = RunStatus.RUNNING
    results: tuple[StepResult, ...] = ()
    overrides: tuple[str, ...] = ()
    unattended: bool = False
    message: str = ""
    exit_code: int | None = None
