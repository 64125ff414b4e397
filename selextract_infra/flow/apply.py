"""Apply a Plan: the whole flow from a statement of intent to a recorded Run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selextract_infra.flow.approvals import refuse_unapproved_plan
from selextract_infra.flow.executor import RunExecutor, window_override
from selextract_infra.flow.machine.state import applying, carrying_out, new_run
from selextract_infra.hosts.identity import new_run_id, owner
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["apply", "begin", "carry_out"]


def apply(context: Context, plan: Plan, *, now_reason: str | None = None, signatures: Sequence[str] = ()) -> Run:
    """Check that the world is still the Plan's, then carry it out and record it; see ``Fleet.apply``.

    ``signatures`` are those of the people who approved it, where the policy wants that.
    """
    approved = refuse_unapproved_plan(context, plan, signatures)
    if approved:
        sentence = f"{plan.operation}, plan {plan.digest}, by {', '.join(approved)}."
        context.journal.record_event(context.clock(), "approved", sentence)
    overrides = window_override(now_reason)
    state = applying(plan, context.policy.digest, overrides=overrides, unattended=context.unattended)
    return RunExecutor(context).run(state)


def carry_out(context: Context, plan: Plan, run: Run) -> Run:
    """Do the steps of a Run that is written down already, on hosts that were looked at a moment ago."""
    return RunExecutor(context).run(carrying_out(plan, run))


def begin(context: Context, plan: Plan) -> Run:
    """The Run of that Plan, written down before anything is touched, for ``carry_out``."""
    now = context.clock()
    run = new_run(plan, run_id=new_run_id(now), owner=owner(), at=now, missing=plan.missing, overrides=plan.overrides)
    context.journal.record_plan(plan)
    context.journal.record_run(run)
    for override in run.overrides:
        context.journal.record_event(now, "override", override, run=run.id)
    return run
