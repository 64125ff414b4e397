"""People hear that an upgrade begins and how it ended; a place that cannot be told stops nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.flow.notification import notifier
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.figures import duration
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, RunStatus, StepStatus
from selextract_infra.operations.upgrade.plan import OPERATION, down_seconds, downtime, upgrade_of
from selextract_infra.operations.upgrade.steps import FREEZE

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["announce", "announce_end"]


def announce(context: Context, run: Run, plan: Plan) -> None:
    """Tell that the upgrade begins and how long the application will be down, by the policy's routes."""
    upgrade, down = upgrade_of(plan), down_seconds(plan.steps)
    meanwhile = f"is down for about {duration(down)}" if down else "stays up"
    sentence = f"The {upgrade.phase} of {upgrade.host} is upgraded now; the application {meanwhile}."
    context.journal.record_event(context.clock(), "announcement", sentence, host=upgrade.host, run=run.id)
    _tell(context, run, f"Upgrade of {upgrade.host} begins", sentence)


def announce_end(context: Context, run: Run, plan: Plan) -> Run:
    """Tell how an upgrade ended that had been announced; returns the Run with the downtime that was measured.

    Every other Run comes back as it is.
    """
    if plan.operation != OPERATION or not _announced(run):
        return run
    if run.status is RunStatus.DONE:
        down = downtime(run)
        measured = f"The application was down for {down:,.0f} s." if down else "Nothing was stopped."
        run = run.model_copy(update={"message": f"{run.message} {measured}"})
    _tell(context, run, f"Upgrade of {upgrade_of(plan).host}: {run.status}", run.message)
    return run


def _announced(run: Run) -> bool:
    return any(result.step == FREEZE and result.status is StepStatus.VERIFIED for result in run.results)


def _tell(context: Context, run: Run, title: str, body: str) -> None:
    severity = IncidentSeverity(context.policy.vertical.announcement.severity)
    told = notifier(context.policy, context.journal, context.clock, dry_run=context.on_message)
    told.tell(severity, run.id, title, f"{body}\nRun {run.id} of {run.owner}.")
