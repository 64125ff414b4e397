"""People hear that something begins and how it ended; a place that cannot be told stops nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selextract_infra.flow.notification import notifier
from selextract_infra.flow.notify import Telling
from selextract_infra.flow.operation import Notice
from selextract_infra.flow.registry import known_operation
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, StepStatus

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["announce", "announce_end", "announced_before", "begin_announcing_undo"]


def announced_before(plan: Plan) -> str | None:
    """The ID of the step before which people are told, None where they are not."""
    announcement = _announcement(plan)
    return announcement.before if announcement else None


def announce(context: Context, run: Run, plan: Plan) -> None:
    """Tell that it begins and what it means for the application, by the policy's routes."""
    announcement = _announcement(plan)
    if announcement is None:
        return
    message = announcement.begins(plan)
    hosts = ", ".join(plan.hosts)
    context.journal.record_event(context.clock(), "announcement", message.body, host=hosts, run=run.id)
    _tell(context, run, announcement, message.title, message.body)


def announce_end(context: Context, run: Run, plan: Plan) -> Run:
    """Tell how it ended where its beginning was told; returns the Run with what was measured on the way.

    Every other Run comes back as it is.
    """
    announcement = _announcement(plan)
    if announcement is None or not _announced(run, announcement):
        return run
    outcome = announcement.outcome(run)
    if outcome:
        run = run.model_copy(update={"message": f"{run.message} {outcome}"})
    _tell(context, run, announcement, announcement.ended(plan, run), run.message)
    return run


def begin_announcing_undo(context: Context, run: Run, plan: Plan, hosts: Sequence[str]) -> Telling | None:
    """Begin to tell that a Run which nobody watches is put back; None where somebody does."""
    if not context.announces_undoing:
        return None
    sender = notifier(context.policy, context.journal, context.clock, dry_run=context.on_message)
    title = f"{plan.operation} on {', '.join(hosts)} is put back"
    return sender.begin(IncidentSeverity.P2, run.id, title, f"{title} now.\nRun {run.id} of {run.owner}.")


def _announcement(plan: Plan) -> Notice | None:
    operation = known_operation(plan.operation)
    return operation.announcement if operation else None


def _announced(run: Run, announcement: Notice) -> bool:
    return any(result.step == announcement.before and result.status is StepStatus.VERIFIED for result in run.results)


def _tell(context: Context, run: Run, announcement: Notice, title: str, body: str) -> None:
    sender = notifier(context.policy, context.journal, context.clock, dry_run=context.on_message)
    sender.tell(announcement.severity(context.policy), run.id, title, f"{body}\nRun {run.id} of {run.owner}.")
