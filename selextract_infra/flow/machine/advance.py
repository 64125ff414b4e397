"""How a Run goes on: from its state and an answer to the next state and the next request. No clock and no effect.

A host whose step fails has its earlier steps undone, newest first, and takes no part in later ones. A disruptive step
begins only while the window has time for it; else what was done is put back. Every result is written down before
anything else is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import takewhile

from selextract_infra.errors import (
    DriftError,
    OutsideWindowError,
    StepFailedError,
    WaitingForOperatorError,
)
from selextract_infra.flow.machine.messages import (
    BeginRun,
    CheckWindow,
    Done,
    Failed,
    Failure,
    Finish,
    FlowAnswer,
    FlowRequest,
    HostsLookedAt,
    LookAtHosts,
    NoteEvent,
    PeopleTold,
    PerformSegment,
    PerformStep,
    RecordRun,
    RunBegun,
    StepPerformed,
    StepsUndone,
    Stop,
    StopRemains,
    TellPeople,
    UndoSteps,
    WindowChecked,
)
from selextract_infra.flow.machine.segments import (
    begins_within,
    first_disruptive,
    hosts_to_do,
    needed_from,
    position_reached,
    segment_from,
)
from selextract_infra.flow.machine.state import Goal, RunPhase, RunState, new_run, not_verified
from selextract_infra.flow.outcome import all_put_back, concluded
from selextract_infra.model.plan import Step
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus

__all__ = ["Turn", "advance"]

Turn = tuple[RunState, FlowRequest]

_ROLLBACK = "rollback"
_BROKEN = (StepStatus.FAILED, StepStatus.ROLLED_BACK)
"""It did something and failed, so it and the steps before it are put back; not where its own way back failed."""

_PLAN_AGAIN = "plan again; nothing was touched"


def advance(state: RunState, answer: FlowAnswer) -> Turn:
    """The state after an answer, and what is asked for next; ``Started`` begins, ``Finish`` ends.

    Raises ``ValueError`` for an answer to something that was not asked.
    """
    if state.queue and isinstance(answer, Done):
        return state.but(queue=state.queue[1:]), state.queue[0]
    return _HANDLERS[state.phase](state, answer)


def _ask(state: RunState, phase: RunPhase, *requests: FlowRequest) -> Turn:
    """Ask for these one after the other; the last answer is what ``phase`` is about."""
    return state.but(phase=phase, queue=requests[1:]), requests[0]


def _end(state: RunState, error: DriftError | OutsideWindowError) -> Turn:
    """End before there is a Run."""
    return _ask(state, RunPhase.ENDED, Finish(failure=Failure.of(error)))


def _unexpected(state: RunState, answer: FlowAnswer) -> ValueError:
    return ValueError(f"In the phase {state.phase} nobody asked for: {answer.kind}.")


# -- before the Run


def _start(state: RunState, answer: FlowAnswer) -> Turn:
    match state.goal:
        case Goal.APPLY if state.plan.policy_digest != state.policy_digest:
            changed = DriftError(
                "The policy changed since the plan was made.", remedy="plan again; nothing was touched"
            )
            return _ask(state, RunPhase.ENDED, Finish(failure=Failure.of(changed)))
        case Goal.APPLY | Goal.RESUME:
            return _window_before_the_run(state)
        case Goal.ROLL_BACK:
            return _ask(state, RunPhase.REMAINS, StopRemains(hosts=state.hosts))
        case Goal.CARRY_OUT:
            return _next_step(state, answer.at)


def _window_before_the_run(state: RunState) -> Turn:
    left = _steps_left(state)
    if state.window_overridden or not any(step.disrupts for step in left):
        return _in_time(state)
    return _ask(state, RunPhase.WINDOW, CheckWindow(needed_seconds=_needed(state, left)))


def _steps_left(state: RunState) -> tuple[Step, ...]:
    """The steps that are not verified on all of their hosts."""
    results = state.run.results if state.run else ()
    verified = {(result.step, result.host) for result in results if result.status is StepStatus.VERIFIED}
    return tuple(step for step in state.plan.steps if not all((step.id, host) in verified for host in step.hosts))


def _needed(state: RunState, steps: Iterable[Step]) -> float:
    """Seconds for these steps, and for undoing the whole Plan."""
    return sum(step.estimate_seconds for step in steps) + state.plan.rollback_seconds


def _window(state: RunState, answer: FlowAnswer) -> Turn:
    if not isinstance(answer, WindowChecked):
        raise _unexpected(state, answer)
    if answer.fits:
        return _in_time(state)
    disruptive = "; ".join(step.title for step in _steps_left(state) if step.disrupts)
    outside = OutsideWindowError(f"Users may notice this plan ({disruptive}). {answer.sentence}", remedy=answer.remedy)
    return _end(state, outside)


def _in_time(state: RunState) -> Turn:
    if state.goal is Goal.APPLY:
        return _ask(state, RunPhase.LOOK, LookAtHosts())
    return _ask(state, RunPhase.REMAINS, RecordRun(with_plan=True), StopRemains(hosts=state.hosts))


def _looked(state: RunState, answer: FlowAnswer) -> Turn:
    if isinstance(answer, Failed):
        return _ask(state, RunPhase.ENDED, Finish(failure=answer.failure))
    if not isinstance(answer, HostsLookedAt):
        raise _unexpected(state, answer)
    return _ask(state.but(missing=answer.missing), RunPhase.BEGIN, BeginRun())


def _begin(state: RunState, answer: FlowAnswer) -> Turn:
    if not isinstance(answer, RunBegun):
        raise _unexpected(state, answer)
    run = new_run(
        state.plan,
        run_id=answer.run_id,
        owner=answer.owner,
        at=answer.at,
        missing=state.missing,
        overrides=state.overrides,
        unattended=state.unattended,
    )
    notes = [NoteEvent(event="override", sentence=override) for override in state.overrides]
    state = state.but(run=run, left_out=not_verified(run.results))
    return _ask(state, RunPhase.READY, RecordRun(with_plan=True), *notes)


def _remains(state: RunState, answer: FlowAnswer) -> Turn:
    if isinstance(answer, Failed):
        return _ask(state, RunPhase.ENDED, Finish(failure=answer.failure))
    if state.goal is Goal.RESUME:
        return _next_step(state, answer.at)
    undo = UndoSteps(steps=tuple(step.id for step in state.plan.steps), hosts=state.hosts)
    return _ask(state.but(undoing=state.hosts), RunPhase.UNDO, NoteEvent(event=_ROLLBACK, sentence=state.note), undo)


# -- step by step


def _ready(state: RunState, answer: FlowAnswer) -> Turn:
    return _next_step(state, answer.at)


def _next_step(state: RunState, at: datetime) -> Turn:
    """The first step from the position on that is still to do on a host; the end where there is none."""
    for position in range(state.position, len(state.plan.steps)):
        here = state.but(position=position)
        if hosts_to_do(here, here.step):
            disruptive = None if here.window_overridden else first_disruptive(here)
            if disruptive is None:
                return _perform(here, segment_from(here))
            return _ask(here, RunPhase.STEP_WINDOW, CheckWindow(needed_seconds=needed_from(here, disruptive)))
    return _conclude(state, at)


def _perform(state: RunState, steps: tuple[Step, ...], *before: FlowRequest, seconds_left: float = 0.0) -> Turn:
    """Ask for these steps, the first of which is at hand; several are a segment."""
    step, hosts = state.step, hosts_to_do(state, state.step)
    last = steps[-1].id == state.plan.steps[-1].id
    announcement = (TellPeople(moment="begin"),) if step.id == state.traits.announced_before else ()
    if len(steps) == 1:
        return _ask(state, RunPhase.STEP, *before, *announcement, PerformStep(step=step.id, hosts=hosts, last=last))
    names = tuple(follower.id for follower in steps)
    within = begins_within(state, steps, seconds_left)
    segment = PerformSegment(steps=names, hosts=hosts, last=last, begins_within=within)
    return _ask(state, RunPhase.STEP, *before, *announcement, segment)


def _step_window(state: RunState, answer: FlowAnswer) -> Turn:
    """A step begins in time, or goes on past a point of no return; else what was done before it is put back.

    Where another one goes over before it, that one is done all the same, and then it is asked again.
    """
    if not isinstance(answer, WindowChecked):
        raise _unexpected(state, answer)
    segment = segment_from(state)
    if answer.fits:
        return _perform(state, segment, seconds_left=answer.seconds_left)
    if not state.step.disrupts:
        return _perform(state, tuple(takewhile(lambda step: not step.disrupts, segment)))
    closing = f"There was no time left for: {state.step.title}. {answer.sentence}"
    if any(step.point_of_no_return for step in state.plan.steps[: state.position]):
        # Stopping there would leave the service worse off than a window that is overrun.
        goes_on = f"{closing} There is no way back any more, so the run goes on."
        return _perform(state, segment, NoteEvent(event="window overrun", sentence=goes_on))
    if not state.begun_hosts:
        return _give_up(state, Failure.of(OutsideWindowError(closing)), answer.at)
    sentence = f"{closing} What was done before it was put back."
    stop = Stop(status=RunStatus.ROLLED_BACK, exit_code=OutsideWindowError.exit_code, sentence=sentence)
    return _undo(state.but(stop=stop), state.begun_hosts, answer.at)


def _step(state: RunState, answer: FlowAnswer) -> Turn:
    if isinstance(answer, Failed):
        if answer.fenced:
            return _leave(state, answer)
        if answer.preempted and state.begun_hosts:
            return _conclude(state.but(stop=_waiting(state, answer.failure)), answer.at)
        return _give_up(state, answer.failure, answer.at)
    if not isinstance(answer, StepPerformed):
        raise _unexpected(state, answer)
    state = state.with_results(answer.results).but(performed=answer, position=position_reached(state, answer.results))
    return _ask(state, RunPhase.STEP_RECORDED, RecordRun())


def _step_recorded(state: RunState, answer: FlowAnswer) -> Turn:
    performed = state.performed
    if performed is None:
        raise _unexpected(state, answer)
    state = state.but(performed=None, left_out=state.left_out | not_verified(performed.results))
    if performed.stop is not None or performed.cancelled:
        return _conclude(state.but(stop=performed.stop), answer.at)
    broken = tuple(result.host for result in performed.results if result.status in _BROKEN)
    if broken:
        return _undo(state, broken, answer.at)
    return _next_step(state.but(position=state.position + 1), answer.at)


def _waiting(state: RunState, urgent: Failure) -> Stop:
    """End because something more urgent goes first; every host has its lock back and keeps the Run."""
    run_id = state.begun_run.id
    return Stop(
        status=RunStatus.WAITING,
        exit_code=WaitingForOperatorError.exit_code,
        sentence=f"Stopped at a safe point, before: {state.step.title}. {urgent.sentence} When that has ended, resume"
        f" {run_id}, or rollback {run_id}.",
    )


# -- back


def _undo(state: RunState, hosts: tuple[str, ...], at: datetime) -> Turn:
    """Put back what the step at hand left and the steps before it; what cannot be undone any more stays as it is."""
    before = [step for step in state.plan.steps[: state.position] if set(step.hosts) & set(hosts)]
    if any(step.point_of_no_return for step in before) and not state.traits.undone_past_no_return:
        return _next_step(state.but(position=state.position + 1), at)
    steps = (*(step.id for step in before), state.step.id)
    return _ask(state.but(undoing=hosts), RunPhase.UNDO, UndoSteps(steps=steps, hosts=hosts))


def _undone(state: RunState, answer: FlowAnswer) -> Turn:
    if isinstance(answer, Failed):
        if answer.fenced:
            return _leave(state, answer)
        if state.goal is Goal.ROLL_BACK:
            return _ask(state, RunPhase.ENDED, Finish(failure=answer.failure))
        if answer.preempted:
            return _conclude(state.but(stop=_waiting(state, answer.failure)), answer.at)
        results = tuple(_not_put_back(host, answer) for host in state.undoing)
    elif isinstance(answer, StepsUndone):
        results = answer.results
    else:
        raise _unexpected(state, answer)
    return _ask(state.with_results(results), RunPhase.UNDO_RECORDED, RecordRun())


def _not_put_back(host: str, failed: Failed) -> StepResult:
    return StepResult(
        step=_ROLLBACK,
        host=host,
        status=StepStatus.ROLLBACK_FAILED,
        ended_at=failed.at,
        message=failed.failure.sentence,
    )


def _undo_recorded(state: RunState, answer: FlowAnswer) -> Turn:
    undone = state.but(undoing=(), left_out=state.left_out | frozenset(state.undoing))
    if state.goal is Goal.ROLL_BACK or state.stop is not None:
        return _conclude(undone.but(undoing=state.undoing), answer.at)
    return _next_step(undone.but(position=state.position + 1), answer.at)


# -- the end


def _give_up(state: RunState, failure: Failure, at: datetime) -> Turn:
    """End with an error: nothing was touched, or something stands that ``resume`` finds again."""
    status = RunStatus.INTERRUPTED if state.begun_hosts else RunStatus.REFUSED
    ended = {"status": status, "message": failure.sentence, "exit_code": failure.exit_code, "ended_at": at}
    run = state.begun_run.model_copy(update=ended)
    return _ask(state.but(run=run, failure=failure), RunPhase.LAST_RECORD, RecordRun())


def _leave(state: RunState, answer: Failed) -> Turn:
    """End without another word about the Run: somebody else carries it out, perhaps with this very journal."""
    note = NoteEvent(event="fenced", sentence=answer.failure.sentence)
    return _ask(state, RunPhase.ENDED, note, Finish(failure=answer.failure))


def _conclude(state: RunState, at: datetime) -> Turn:
    run = concluded(state.begun_run, at)
    if state.goal is Goal.ROLL_BACK:
        run = all_put_back(run, state.undoing)
    elif state.stop is not None:
        run = _stopped(run, state.stop)
    state = state.but(run=run)
    if _announced(state):
        return _ask(state, RunPhase.TELL, TellPeople(moment="end"))
    return _ask(state, RunPhase.LAST_RECORD, RecordRun())


def _stopped(run: Run, stop: Stop) -> Run:
    """The Run with the end that stopping it means; a failure on the way is worse and stays."""
    if run.exit_code not in (0, StepFailedError.exit_code):
        return run.model_copy(update={"message": f"{stop.sentence} {run.message}"})
    ended = {"status": stop.status, "exit_code": stop.exit_code, "message": stop.sentence}
    return run.model_copy(update=ended)


def _announced(state: RunState) -> bool:
    before = state.traits.announced_before
    results = state.begun_run.results
    return any(result.step == before and result.status is StepStatus.VERIFIED for result in results)


def _told(state: RunState, answer: FlowAnswer) -> Turn:
    if not isinstance(answer, PeopleTold):
        raise _unexpected(state, answer)
    run = state.begun_run.model_copy(update={"message": answer.message})
    return _ask(state.but(run=run), RunPhase.LAST_RECORD, RecordRun())


def _last_record(state: RunState, _: FlowAnswer) -> Turn:
    return _ask(state, RunPhase.ENDED, Finish(failure=state.failure))


def _ended(state: RunState, answer: FlowAnswer) -> Turn:
    raise _unexpected(state, answer)


_HANDLERS: dict[RunPhase, Callable[[RunState, FlowAnswer], Turn]] = {
    RunPhase.START: _start,
    RunPhase.WINDOW: _window,
    RunPhase.LOOK: _looked,
    RunPhase.BEGIN: _begin,
    RunPhase.REMAINS: _remains,
    RunPhase.READY: _ready,
    RunPhase.STEP_WINDOW: _step_window,
    RunPhase.STEP: _step,
    RunPhase.STEP_RECORDED: _step_recorded,
    RunPhase.UNDO: _undone,
    RunPhase.UNDO_RECORDED: _undo_recorded,
    RunPhase.TELL: _told,
    RunPhase.LAST_RECORD: _last_record,
    RunPhase.ENDED: _ended,
}
