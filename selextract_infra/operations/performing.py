"""How a step is done and how steps are undone: mostly by a playbook, in an upgrade also by what no playbook can."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from selextract_infra.apply.executor import Execution, execute, put_back
from selextract_infra.errors import RefusedError
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, StepStatus
from selextract_infra.model.upgrade import Mode
from selextract_infra.operations.announcement import announce
from selextract_infra.operations.disruption import Stop
from selextract_infra.operations.upgrade_hardware import change_hardware, mark, undo_upgrade
from selextract_infra.plan.upgrade import OPERATION as UPGRADE
from selextract_infra.plan.upgrade import upgrade_of
from selextract_infra.plan.upgrade_retune import limit_steps, postgres_steps
from selextract_infra.plan.upgrade_steps import FREEZE, HARDWARE, RETUNE

if TYPE_CHECKING:
    from selextract_infra.operations.fleet import Fleet

__all__ = ["goes_back_partly", "perform", "undo"]


def perform(
    fleet: Fleet, run: Run, plan: Plan, step: Step, hosts: tuple[str, ...], *, last: bool
) -> tuple[Execution, Stop | None]:
    """Do one step on ``hosts``; with a Stop where the Run ends there for now."""
    if plan.operation == UPGRADE and step.id == HARDWARE:
        return change_hardware(fleet, run, plan, step)
    if plan.operation == UPGRADE and step.id == RETUNE:
        return _retune(fleet, run, plan, step), None
    if plan.operation == UPGRADE and step.id == FREEZE:
        announce(fleet, run, plan)
    return execute(fleet.hands, run, plan, step, hosts, last=last), None


def goes_back_partly(plan: Plan) -> bool:
    """Whether something can be put back past a point of no return: in an upgrade, all but the hardware."""
    return plan.operation == UPGRADE


def undo(
    fleet: Fleet,
    run: Run,
    plan: Plan,
    steps: tuple[Step, ...],
    hosts: tuple[str, ...],
    also: tuple[str, ...] | None = None,
) -> Execution:
    """Put back what the steps did on ``hosts``, the newest first; ``also`` as for ``put_back``."""
    if plan.operation == UPGRADE:
        return undo_upgrade(fleet, run, plan, steps, hosts)
    bound = sum(step.timeout_seconds for step in steps)
    return put_back(fleet.hands, run, hosts, tuple(step.id for step in steps), bound=bound, also=also)


def _retune(fleet: Fleet, run: Run, plan: Plan, step: Step) -> Execution:
    """Look again, plan for the new size, and carry that out as part of the same step: limits, then Postgres in them."""
    begun = mark(fleet, run, plan, step, "running")
    if not begun.hosts(StepStatus.VERIFIED):
        return begun
    (host,) = step.hosts
    down = upgrade_of(plan).mode is Mode.REBOOT  # only then may Postgres restart: nobody is served anyway
    for parts in (
        lambda seen: limit_steps(seen, host, fleet.policy),
        lambda seen: postgres_steps(seen, host, fleet.policy, restart=down),
    ):
        for part in _unless_refused(fleet, run, parts):
            done = execute(fleet.hands, run, plan, part, part.hosts, last=False)
            if not done.hosts(StepStatus.VERIFIED):
                return done
    return mark(fleet, run, plan, step, "verified")


def _unless_refused(fleet: Fleet, run: Run, steps: Callable[[Observation], tuple[Step, ...]]) -> tuple[Step, ...]:
    """The steps for the host as it is now; none where a rule forbids them, which is no reason to take hardware back."""
    try:
        return steps(fleet.observe())
    except RefusedError as refused:
        fleet.journal.record_event(fleet.clock(), "not retuned", str(refused), run=run.id)
        return ()
