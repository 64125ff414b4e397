"""The small executor of a Run: it carries out what the state machine asks for, and tells it what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from selextract_infra import errors
from selextract_infra.errors import FencedError, PreemptedError, SelextractError
from selextract_infra.flow.announcement import announce, announce_end, announced_before, begin_announcing_undo
from selextract_infra.flow.drift import missing_of, refuse_drift
from selextract_infra.flow.machine.advance import advance
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
    Started,
    StepPerformed,
    StepsUndone,
    StopRemains,
    TellPeople,
    UndoSteps,
    WindowChecked,
)
from selextract_infra.flow.machine.state import WINDOW_OVERRIDE, Goal, OperationTraits, RunState
from selextract_infra.flow.operation import Performance, StepWork
from selextract_infra.flow.registry import known_operation
from selextract_infra.flow.run_log import RunLog
from selextract_infra.flow.windows import Windows
from selextract_infra.hosts.executor import execute, execute_segment, put_back
from selextract_infra.hosts.identity import new_run_id, owner
from selextract_infra.hosts.step_results import Execution, Segment
from selextract_infra.hosts.steps import segments_of
from selextract_infra.hosts.takeover import TakingUp, stop_at_safe_point
from selextract_infra.model.plan import BY_PLAYBOOK, Plan
from selextract_infra.model.run import Run

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["RunExecutor", "traits_of", "window_answer", "window_override"]


def traits_of(plan: Plan) -> OperationTraits:
    """What of the Plan's operation the flow depends on."""
    operation = known_operation(plan.operation)
    return OperationTraits(
        announced_before=announced_before(plan),
        undone_past_no_return=operation is not None and operation.undone_past_no_return,
        segments=segments_of(plan),
    )


class RunExecutor:
    """Takes one Run through its states on the hosts of a Context; every request and answer is logged.

    ``taking`` is on what grounds the Run is taken up, where somebody else carried it out before.
    """

    def __init__(self, context: Context, taking: TakingUp | None = None) -> None:
        self._context = context
        self._taking = taking or TakingUp()
        context.hold_anew()
        self._error: SelextractError | None = None

    def run(self, state: RunState) -> Run:
        """The Run as it ended.

        Raises what ``Finish`` says where nothing, or nothing more, could be begun: ``DriftError``,
        ``OutsideWindowError``, ``LockedError`` and others.
        """
        state = state.but(traits=traits_of(state.plan))
        with RunLog(self._context.journal.folder, state) as log:
            state, request = advance(state, Started(at=self._context.clock()))
            while not isinstance(request, Finish):
                answer = self._answer(state, request)
                log.add(request, answer, state)
                state, request = advance(state, answer)
        if request.failure is not None:
            raise self._error_of(request.failure)
        return state.begun_run

    def _answer(self, state: RunState, request: FlowRequest) -> FlowAnswer:
        """Carry one request out. What keeps it from being done is an answer; what cannot be recorded is raised."""
        context = self._context
        match request:
            case RecordRun(with_plan=with_plan):
                if with_plan:
                    context.journal.record_plan(state.plan)
                context.journal.record_run(state.begun_run)
            case NoteEvent(event=event, sentence=sentence):
                context.journal.record_event(context.clock(), event, sentence, run=state.begun_run.id)
            case TellPeople(moment="begin"):
                announce(context, state.begun_run, state.plan)
            case TellPeople():
                run = announce_end(context, state.begun_run, state.plan)
                return PeopleTold(at=context.clock(), message=run.message)
            case BeginRun():
                now = context.clock()
                return RunBegun(at=now, run_id=new_run_id(now), owner=owner())
            case CheckWindow(needed_seconds=needed):
                return window_answer(context, needed)
            case _:
                return self._answer_of_hosts(state, request)
        return Done(at=context.clock())

    def _answer_of_hosts(self, state: RunState, request: FlowRequest) -> FlowAnswer:
        try:
            match request:
                case LookAtHosts():
                    return self._look(state.plan)
                case StopRemains(hosts=hosts):
                    resumed = state.goal is Goal.RESUME
                    self.stop_remains(state.begun_run.id, hosts, safe_point="end" if resumed else "beginning")
                    return Done(at=self._context.clock())
                case PerformStep():
                    return self._perform(state, request)
                case PerformSegment():
                    return self._perform_segment(state, request)
                case UndoSteps():
                    return self._undo(state, request)
                case _:
                    raise ValueError(f"Nobody carries this out: {request.kind}.")
        except SelextractError as error:
            self._error = error
            return Failed(
                at=self._context.clock(),
                failure=Failure.of(error),
                preempted=isinstance(error, PreemptedError),
                fenced=isinstance(error, FencedError),
            )

    def _look(self, plan: Plan) -> HostsLookedAt:
        observation = self._context.observe()
        missing = missing_of(plan, observation)
        refuse_drift(plan, observation)
        return HostsLookedAt(at=self._context.clock(), missing=missing)

    def _perform(self, state: RunState, request: PerformStep) -> StepPerformed:
        """Let the playbook, or whom the operation's manifest names, carry the step out."""
        step = next(step for step in state.plan.steps if step.id == request.step)
        work = StepWork(state.begun_run, state.plan, step, request.hosts, request.last)
        if step.performer == BY_PLAYBOOK:
            done = Performance(execute(self._context.access, work.run, work.plan, step, work.hosts, last=work.last))
        else:
            operation = known_operation(state.plan.operation)
            performer = operation.performers.get(step.performer) if operation else None
            if performer is None:
                raise SelextractError(f"Nobody is known as {step.performer}, who is to do: {step.title}.")
            done = performer(self._context, work)
        execution = done.execution
        return StepPerformed(
            at=self._context.clock(), results=execution.results, cancelled=execution.cancelled, stop=done.stop
        )

    def _perform_segment(self, state: RunState, request: PerformSegment) -> StepPerformed:
        """Let the host carry the steps out, one after the other."""
        steps = tuple(step for step in state.plan.steps if step.id in request.steps)
        segment = Segment(steps, request.hosts, request.last, request.begins_within)
        done = execute_segment(self._context.access, state.begun_run, state.plan, segment)
        return StepPerformed(at=self._context.clock(), results=done.results, cancelled=done.cancelled)

    def _undo(self, state: RunState, request: UndoSteps) -> StepsUndone:
        """Let the hosts put back what they noted, or the operation, where that is not all."""
        telling = begin_announcing_undo(self._context, state.begun_run, state.plan, request.hosts)
        try:
            return self._undone(state, request)
        finally:
            if telling is not None:
                telling.end()

    def _undone(self, state: RunState, request: UndoSteps) -> StepsUndone:
        steps = tuple(step for step in state.plan.steps if step.id in request.steps)
        operation = known_operation(state.plan.operation)
        if operation is not None and operation.undo is not None:
            undone: Execution = operation.undo(self._context, state.begun_run, state.plan, steps, request.hosts)
        else:
            timeout = sum(step.timeout_seconds + step.rollback_seconds for step in steps)
            names = tuple(step.id for step in steps)
            undone = put_back(
                self._context.access, state.begun_run, request.hosts, names, bound=timeout, also=state.also
            )
        return StepsUndone(at=self._context.clock(), results=undone.results)

    def stop_remains(
        self, run_id: str, hosts: tuple[str, ...], *, safe_point: Literal["end", "beginning"] = "beginning"
    ) -> None:
        """Stop what its former holder has left working on the hosts, before its work is done again or undone.

        Raises ``LockedError`` while the lease of that one holds, or where something of it does not stop.
        """
        held = stop_at_safe_point(self._context.access, run_id, hosts, self._taking, safe_point)
        why = f": {self._taking.reason}" if self._taking.reason else ""
        for host, former in held.items():
            sentence = f"Run {run_id} on {host} is taken up by {owner()} from {former}{why}."
            self._context.journal.record_event(self._context.clock(), "taken up", sentence, run=run_id)

    def _error_of(self, failure: Failure) -> SelextractError:
        """The error that a failure tells of: the very one that came, or one that the state machine decided on."""
        if self._error is not None and str(self._error) == failure.sentence:
            return self._error
        kind: type[SelextractError] = getattr(errors, failure.error)
        return kind(failure.sentence, remedy=failure.remedy)


def window_override(reason: str | None) -> tuple[str, ...]:
    """How ``--now REASON`` is recorded among a Run's overrides."""
    return (f"{WINDOW_OVERRIDE}{reason}",) if reason else ()


def window_answer(context: Context, needed_seconds: float) -> WindowChecked:
    """Whether so much time is left of the window that is open, and what to do where it is not."""
    now = context.clock()
    check = Windows.of(context.policy).check(now, needed_seconds)
    left = check.opening.seconds_left(now) if check.opening else 0.0
    return WindowChecked(at=now, fits=check.fits, seconds_left=left, sentence=check.sentence, remedy=_remedy(context))


def _remedy(context: Context) -> str:
    now = 'run it now with --now "REASON", which is recorded'
    if not context.policy.windows:
        return f"write the section windows of the policy, or {now}"
    return f"queue it with apply PLAN --at-window {next(iter(context.policy.windows))}, or {now}"
