"""Plans in their windows without a person: queue one, carry out what is due, and say what was missed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from selextract_infra.errors import LockedError, OutsideWindowError, SelextractError, UsageError
from selextract_infra.flow.apply import apply
from selextract_infra.flow.approvals import refuse_unapproved_plan
from selextract_infra.flow.context import Context
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.queue import Queue, QueuedPlan, QueueStatus, Waiting
from selextract_infra.flow.saved import load_plan, refuse_other_digest
from selextract_infra.flow.windows import Windows
from selextract_infra.hosts.identity import new_run_id, owner
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run

__all__ = ["Ended", "cancel_queued", "queue_plan", "run_due", "waiting"]

OpenContext = Callable[[QueuedPlan], Context]
Ended = Callable[[QueuedPlan], None]

_TROUBLED = (QueueStatus.MISSED, QueueStatus.REFUSED, QueueStatus.FAILED, QueueStatus.INTERRUPTED)
_REMEMBERED = timedelta(days=7)


def queue_plan(context: Context, plan: Plan, window: str, signatures: tuple[str, ...] = ()) -> QueuedPlan:
    """Queue a Plan for the next opening of that window with enough time for it and its way back.

    ``signatures`` are those of the people who approved it. Raises ``UsageError`` for a window that is not there or a
    Plan with nothing to do, ``OutsideWindowError`` when it fits into none, ``RefusedError`` where an approval is
    missing.
    """
    if plan.empty:
        raise UsageError("The plan has nothing to do, so it was not queued.")
    refuse_unapproved_plan(context, plan, signatures)
    now, needed = context.clock(), plan.estimate_seconds + plan.rollback_seconds
    windows = Windows.of(context.policy)
    following = windows.upcoming(now, name=window, needed_seconds=needed)
    current = [
        opening
        for opening in windows.openings(now, now + timedelta(microseconds=1), name=window)
        if opening.covers(now)
    ]
    opening = next((opening for opening in (*current, *following) if opening.seconds_left(now) >= needed), None)
    if opening is None:
        raise OutsideWindowError(f"The plan needs {needed:.0f} s with its way back, and {window} is never that long.")
    entry = QueuedPlan(
        id=new_run_id(now),
        window=window,
        opening=opening,
        operation=plan.operation,
        hosts=plan.hosts,
        plan_digest=plan.digest,
        needed_seconds=needed,
        inventory=str(context.inventory.path),
        limit=context.limit,
        policy_files=tuple(str(file.resolve()) for file in context.policy_files),
        approvals=signatures,
        queued_at=now,
        queued_by=owner(),
    )
    Queue(context.journal.folder).add(entry, plan)
    context.journal.record_plan(plan)
    context.journal.record_event(now, "queued", f"{entry.operation} on {', '.join(entry.hosts)} for {opening}.")
    return entry


def cancel_queued(journal: Journal, name: str, now: datetime) -> QueuedPlan:
    """Take a Plan out of the queue. Raises ``UsageError`` when it does not wait, ``LockedError`` during a run-due."""
    queue = Queue(journal.folder)
    with queue.held() as ours:
        if not ours:
            raise LockedError("What is queued is being carried out now.", remedy="wait until it ends")
        entry = queue.entry(name)
        if not entry.waiting:
            raise UsageError(f"The plan {entry.id} does not wait any more: it is {entry.status}.")
        cancelled = entry.model_copy(update={"status": QueueStatus.CANCELLED, "ended_at": now})
        queue.write(cancelled)
    journal.record_event(now, "queue cancelled", f"{entry.operation} on {', '.join(entry.hosts)}, by {owner()}.")
    return cancelled


def waiting(context: Context, now: datetime) -> Waiting:
    """The opening that is open or comes next, and what this control machine has queued."""
    windows, entries = Windows.of(context.policy), Queue(context.journal.folder).entries()
    current = windows.current(now)
    recent = [entry for entry in entries if entry.ended_at is not None and now - entry.ended_at < _REMEMBERED]
    return Waiting(
        opening=current or next(iter(windows.upcoming(now)), None),
        open_now=current is not None,
        queued=tuple(entry for entry in entries if entry.waiting),
        troubled=tuple(entry for entry in recent if entry.status in _TROUBLED),
    )


def run_due(
    journal: Journal,
    clock: Callable[[], datetime],
    open_context: OpenContext,
    *,
    retry_after: float,
    ended: Ended,
    begins: Ended,
) -> tuple[QueuedPlan, ...] | None:
    """Carry out every queued Plan whose window is open, one after the other, each exactly once.

    Returns those of which something became: done, failed, refused, missed, interrupted; None when another process is
    at it. ``begins`` hears of each before it is carried out, ``ended`` of each afterwards. A missed one is told and
    never caught up. Where somebody else works on a host, it is tried again after ``retry_after`` seconds, as long as
    the window is open.
    """
    queue, retry = Queue(journal.folder), timedelta(seconds=retry_after)
    with queue.held() as ours:
        if not ours:
            return None
        changed = []
        for entry in queue.entries():
            outcome = _one(queue, entry, clock(), lambda due: _opened(due, open_context, begins), retry)
            if outcome is entry:
                continue
            queue.write(outcome)
            if not outcome.waiting:
                journal.record_event(clock(), f"queued plan {outcome.status}", outcome.message, run=outcome.run)
                changed.append(outcome)
                ended(outcome)
        return tuple(changed)


def _opened(entry: QueuedPlan, open_context: OpenContext, begins: Ended) -> Context:
    """Its fleet; people hear first that it begins, once, however often a locked host makes it try again."""
    if entry.tried_at is None:
        begins(entry)
    return open_context(entry)


def _one(queue: Queue, entry: QueuedPlan, now: datetime, open_context: OpenContext, retry: timedelta) -> QueuedPlan:
    """What becomes of one queued Plan now; the very same where that is nothing."""
    if entry.status is QueueStatus.RUNNING:  # we hold the queue, so nobody is at it
        return _over(entry, QueueStatus.INTERRUPTED, now, 1, _interrupted(entry))
    if entry.missed(now):
        return _over(entry, QueueStatus.MISSED, now, OutsideWindowError.exit_code, _missed(entry))
    if not entry.due(now) or (entry.tried_at is not None and now < entry.tried_at + retry):
        return entry
    try:
        with open_context(entry) as context:
            return _carried_out(queue, entry, context)
    except SelextractError as refused:
        return _over(entry, QueueStatus.REFUSED, now, refused.exit_code, str(refused))


def _carried_out(queue: Queue, entry: QueuedPlan, context: Context) -> QueuedPlan:
    now = context.clock()
    queue.write(entry.model_copy(update={"status": QueueStatus.RUNNING, "tried_at": now}))
    try:
        plan = load_plan(queue.plan_file(entry), context.policy)
        refuse_other_digest(plan, entry.plan_digest)
        run = apply(context, plan, signatures=entry.approvals)
    except LockedError as busy:
        return entry.model_copy(update={"tried_at": now, "message": str(busy)})
    return _ended(entry, run, context.clock())


def _ended(entry: QueuedPlan, run: Run, now: datetime) -> QueuedPlan:
    code = run.exit_code or 0
    over = _over(entry, QueueStatus.FAILED if code else QueueStatus.DONE, now, code, run.message)
    return over.model_copy(update={"run": run.id})


def _over(entry: QueuedPlan, status: QueueStatus, now: datetime, code: int, message: str) -> QueuedPlan:
    ended = {"status": status, "ended_at": now, "exit_code": code, "message": message}
    return entry.model_copy(update=ended)


def _missed(entry: QueuedPlan) -> str:
    why = f" Last time it was tried: {entry.message}" if entry.message else ""
    return f"{entry.operation} on {', '.join(entry.hosts)} was not carried out in {entry.opening}.{why}"


def _interrupted(entry: QueuedPlan) -> str:
    return f"Whoever carried out {entry.operation} on {', '.join(entry.hosts)} ended without a word; see status."
