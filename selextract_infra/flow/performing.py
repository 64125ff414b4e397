"""How a step is carried out and how steps are undone: by a playbook, or by whom the operation's manifest names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.errors import SelextractError
from selextract_infra.flow.operation import Performance, StepWork
from selextract_infra.flow.registry import known_operation
from selextract_infra.hosts.executor import Execution, execute, put_back
from selextract_infra.model.plan import BY_PLAYBOOK, Plan, Step
from selextract_infra.model.run import Run

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["perform", "undo"]


def perform(context: Context, work: StepWork) -> Performance:
    """Carry one step out; with a Stop where the Run ends there for now."""
    if work.step.performer == BY_PLAYBOOK:
        return Performance(execute(context.hands, work.run, work.plan, work.step, work.hosts, last=work.last))
    operation = known_operation(work.plan.operation)
    performer = operation.performers.get(work.step.performer) if operation else None
    if performer is None:
        raise SelextractError(f"Nobody is known as {work.step.performer}, who is to do: {work.step.title}.")
    return performer(context, work)


def undo(context: Context, run: Run, plan: Plan, steps: tuple[Step, ...], hosts: tuple[str, ...]) -> Execution:
    """Put back what the steps did on ``hosts``, the newest first."""
    operation = known_operation(plan.operation)
    if operation is not None and operation.undo is not None:
        return operation.undo(context, run, plan, steps, hosts)
    bound = sum(step.timeout_seconds for step in steps)
    return put_back(context.hands, run, hosts, tuple(step.id for step in steps), bound=bound)
