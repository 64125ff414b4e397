"""Apply a Plan: the whole flow from a statement of intent to a recorded Run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.errors import (
    DriftError,
    OutsideWindowError,
    PreemptedError,
    SelextractError,
    StepFailedError,
    WaitingForOperatorError,
)
from selextract_infra.flow.announcement import announce, announce_end, announced_before
from selextract_infra.flow.disruption import closing_before, refuse_disruption, window_override
from selextract_infra.flow.drift import refuse_drift
from selextract_infra.flow.operation import Performance, StepWork, Stop
from selextract_infra.flow.outcome import OBSERVE, concluded
from selextract_infra.flow.performing import perform, undo
from selextract_infra.flow.reachability import refuse_missing
from selextract_infra.flow.registry import known_operation
from selextract_infra.hosts.executor import Execution
from selextract_infra.hosts.identity import new_run_id, owner
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["apply", "begin", "carry_out"]


def apply(context: Context, plan: Plan, *, now_reason: str | None = None) -> Run:
    """Check that the world is still the Plan's, then carry it out and record it; see ``Fleet.apply``."""
    _refuse_other_policy(context, plan)
    refuse_disruption(context, plan, window_override(now_reason))
    seen = context.observe()
    missing = _missing(plan, seen)
    refuse_drift(plan, seen)
    run = begin(context, plan, missing, now_reason)
    return carry_out(context, plan, run)


def carry_out(context: Context, plan: Plan, run: Run) -> Run:
    """Do the steps that are not done yet, host by host dropping out what fails; record after every step.

    A host whose step fails has its earlier steps undone, newest first, and takes no part in later ones. A disruptive
    step begins only while the window has time for it; else what was done is put back, and the Run ends with 4.
    """
    try:
        run, stop = _steps(context, plan, run)
    except SelextractError as refused:
        ended = {"status": RunStatus.REFUSED, "message": str(refused), "exit_code": refused.exit_code}
        run = run.model_copy(update=ended)
        context.journal.record_run(run.model_copy(update={"ended_at": context.clock()}))
        raise
    run = concluded(run, context.clock())
    if stop is not None:
        run = _stopped(run, stop)
    run = announce_end(context, run, plan)
    context.journal.record_run(run)
    return run


def _stopped(run: Run, stop: Stop) -> Run:
    """The Run with the end that stopping it means; a failure on the way is worse and stays."""
    if run.exit_code not in (0, StepFailedError.exit_code):
        return run.model_copy(update={"message": f"{stop.sentence} {run.message}"})
    ended = {"status": stop.status, "exit_code": stop.exit_code, "message": stop.sentence}
    return run.model_copy(update=ended)


def _steps(context: Context, plan: Plan, run: Run) -> tuple[Run, Stop | None]:
    left_out = {result.host for result in run.results if result.status is not StepStatus.VERIFIED}
    for step in plan.steps:
        done = {result.host for result in run.results if result.step == step.id}
        going = tuple(host for host in step.hosts if host not in left_out and host not in done)
        if not going:
            continue
        closing = closing_before(context, plan, run, step)
        if closing is not None:
            if not _committed(plan, step):
                return _given_back(context, plan, run, step, closing)
            goes_on = f"{closing} There is no way back any more, so the run goes on."
            context.journal.record_event(context.clock(), "window overrun", goes_on, run=run.id)
        try:
            performed = _announced_and_performed(context, plan, run, step, going)
        except PreemptedError as urgent:
            if not _begun(plan, run):
                raise
            return run, _waiting(run, step, urgent)
        execution, stop = performed.execution, performed.stop
        run = _recorded(context, run, execution)
        if stop is not None:
            return run, stop
        if execution.cancelled:
            break
        broken = execution.hosts(StepStatus.FAILED) + execution.hosts(StepStatus.ROLLED_BACK)
        if broken:
            run = _undo(context, plan, run, step, broken)
        left_out.update(result.host for result in execution.results if result.status is not StepStatus.VERIFIED)
    return run, None


def _announced_and_performed(context: Context, plan: Plan, run: Run, step: Step, hosts: tuple[str, ...]) -> Performance:
    if step.id == announced_before(plan):
        announce(context, run, plan)
    return perform(context, StepWork(run, plan, step, hosts, last=step.id == plan.steps[-1].id))


def _committed(plan: Plan, step: Step) -> bool:
    """Whether there is no way back before that step any more, so that going on is what leaves the service well."""
    return any(earlier.point_of_no_return for earlier in plan.steps[: plan.steps.index(step)])


def _given_back(context: Context, plan: Plan, run: Run, step: Step, closing: str) -> tuple[Run, Stop]:
    """End before a step: put back what was done on every host; where nothing was, the Run is refused."""
    begun = _begun(plan, run)
    if not begun:
        raise OutsideWindowError(closing)
    undone = _undo(context, plan, run, step, begun)
    sentence = f"{closing} What was done before it was put back."
    return undone, Stop(RunStatus.ROLLED_BACK, OutsideWindowError.exit_code, sentence)


def _waiting(run: Run, step: Step, urgent: PreemptedError) -> Stop:
    """End before a step because something more urgent goes first; every host has its lock back and keeps the Run."""
    return Stop(
        RunStatus.WAITING,
        WaitingForOperatorError.exit_code,
        f"Stopped at a safe point, before: {step.title}. {urgent} When that has ended, resume {run.id}, or rollback"
        f" {run.id}.",
    )


def _begun(plan: Plan, run: Run) -> tuple[str, ...]:
    """The hosts of the Plan on which something was done that stands."""
    last = {result.host: result for result in run.results}
    return tuple(host for host in plan.hosts if host in last and last[host].status is StepStatus.VERIFIED)


def _undo(context: Context, plan: Plan, run: Run, failed: Step, hosts: tuple[str, ...]) -> Run:
    """Put back what the failed step left and the steps before it; what cannot be undone any more says so."""
    before = [step for step in plan.steps[: plan.steps.index(failed)] if set(step.hosts) & set(hosts)]
    operation = known_operation(plan.operation)
    partly = operation is not None and operation.undone_past_no_return
    if any(step.point_of_no_return for step in before) and not partly:
        return run
    return _recorded(context, run, undo(context, run, plan, (*before, failed), hosts))


def _recorded(context: Context, run: Run, execution: Execution) -> Run:
    run = run.model_copy(update={"results": (*run.results, *execution.results)})
    context.journal.record_run(run)
    return run


def begin(context: Context, plan: Plan, missing: dict[str, str], now_reason: str | None) -> Run:
    """The Run of that Plan, as it is written down before anything is touched."""
    now = context.clock()
    overrides = (*plan.overrides, *window_override(now_reason))
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
    context.journal.record_plan(plan)
    context.journal.record_run(run)
    for override in overrides:
        context.journal.record_event(now, "override", override, run=run.id)
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


def _refuse_other_policy(context: Context, plan: Plan) -> None:
    if plan.policy_digest != context.policy.digest:
        raise DriftError("The policy changed since the plan was made.", remedy="plan again; nothing was touched")
