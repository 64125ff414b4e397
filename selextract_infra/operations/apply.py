"""Apply a Plan: the whole flow from a statement of intent to a recorded Run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.apply.drift import refuse_drift
from selextract_infra.apply.executor import Execution, execute, put_back
from selextract_infra.apply.identity import new_run_id, owner
from selextract_infra.apply.outcome import OBSERVE, concluded
from selextract_infra.errors import DriftError, OutsideWindowError, SelextractError
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus
from selextract_infra.operations.sight import refuse_missing

if TYPE_CHECKING:
    from selextract_infra.operations.fleet import Fleet

__all__ = ["apply", "carry_out"]


def apply(fleet: Fleet, plan: Plan, *, now_reason: str | None = None) -> Run:
    """Check that the world is still the Plan's, then carry it out and record it; see ``Fleet.apply``."""
    _refuse_other_policy(fleet, plan)
    _refuse_disruption(plan, now_reason)
    seen = fleet.observe()
    missing = _missing(plan, seen)
    refuse_drift(plan, seen)
    run = _begin(fleet, plan, missing, now_reason)
    return carry_out(fleet, plan, run)


def carry_out(fleet: Fleet, plan: Plan, run: Run) -> Run:
    """Do the steps that are not done yet, host by host dropping out what fails; record after every step.

    A host whose step fails has its earlier steps undone, newest first, and takes no part in later ones.
    """
    try:
        run = _steps(fleet, plan, run)
    except SelextractError as refused:
        ended = {"status": RunStatus.REFUSED, "message": str(refused), "exit_code": refused.exit_code}
        run = run.model_copy(update=ended)
        fleet.journal.record_run(run.model_copy(update={"ended_at": fleet.clock()}))
        raise
    run = concluded(run, fleet.clock())
    fleet.journal.record_run(run)
    return run


def _steps(fleet: Fleet, plan: Plan, run: Run) -> Run:
    left_out = {result.host for result in run.results if result.status is not StepStatus.VERIFIED}
    for step in plan.steps:
        done = {result.host for result in run.results if result.step == step.id}
        going = tuple(host for host in step.hosts if host not in left_out and host not in done)
        if not going:
            continue
        execution = execute(fleet.hands, run, plan, step, going, last=step.id == plan.steps[-1].id)
        run = _recorded(fleet, run, execution)
        if execution.cancelled:
            break
        broken = execution.hosts(StepStatus.FAILED) + execution.hosts(StepStatus.ROLLED_BACK)
        if broken:
            run = _undo(fleet, plan, run, step, broken)
        left_out.update(result.host for result in execution.results if result.status is not StepStatus.VERIFIED)
    return run


def _undo(fleet: Fleet, plan: Plan, run: Run, failed: Step, hosts: tuple[str, ...]) -> Run:
    """Put back what the failed step left and the steps before it; not past a point of no return."""
    before = [step for step in plan.steps[: plan.steps.index(failed)] if set(step.hosts) & set(hosts)]
    if any(step.point_of_no_return for step in before):
        return run
    steps = [*before, failed]
    bound = sum(step.timeout_seconds for step in steps)
    undone = put_back(fleet.hands, run, hosts, tuple(step.id for step in steps), bound=bound)
    return _recorded(fleet, run, undone)


def _recorded(fleet: Fleet, run: Run, execution: Execution) -> Run:
    run = run.model_copy(update={"results": (*run.results, *execution.results)})
    fleet.journal.record_run(run)
    return run


def _begin(fleet: Fleet, plan: Plan, missing: dict[str, str], now_reason: str | None) -> Run:
    now = fleet.clock()
    overrides = (*plan.overrides, *([f"window: {now_reason}"] if now_reason else []))
    run = Run(
        id=new_run_id(now),
        operation=plan.operation,
        plan_digest=plan.digest,
        policy_digest=plan.policy_digest,
        owner=owner(),
        purpose=f"{plan.operation} {', '.join(plan.hosts)}",
        hosts=plan.hosts,
        started_at=now,
        results=tuple(
            StepResult(step=OBSERVE, host=host, status=StepStatus.UNREACHABLE, message=reason)
            for host, reason in missing.items()
        ),
        overrides=overrides,
    )
    fleet.journal.record_plan(plan)
    fleet.journal.record_run(run)
    for override in overrides:
        fleet.journal.record_event(now, "override", override, run=run.id)
    return run


def _missing(plan: Plan, seen: Observation) -> dict[str, str]:
    """Hosts of the Plan that cannot be worked on now, and those that never could. Raises when that is all of them."""
    problems = {host.name: host.problem for host in seen.hosts if host.problem}
    missing = {
        host: seen.unreachable.get(host) or problems.get(host) or "The host is no longer in the inventory."
        for host in plan.hosts
        if host in seen.unreachable or host in problems or seen.host(host) is None
    }
    if len(missing) == len(plan.hosts):
        refuse_missing(missing, reached=bool(problems))
    return {**plan.missing, **missing}


def _refuse_other_policy(fleet: Fleet, plan: Plan) -> None:
    if plan.policy_digest != fleet.policy.digest:
        raise DriftError("The policy changed since the plan was made.", remedy="plan again; nothing was touched")


def _refuse_disruption(plan: Plan, now_reason: str | None) -> None:
    disruptive = [step.title for step in plan.steps if step.disrupts]
    if disruptive and not now_reason:
        raise OutsideWindowError(
            f"Users may notice this plan ({'; '.join(disruptive)}) and no maintenance window is open now.",
            remedy='run it in a window, or now with --now "REASON", which is recorded',
        )
