"""Whatever the hosts answer: nothing fails twice, what failed is put back, the end is the worst that happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selextract_infra.errors import LockedError, PreemptedError, worst_exit_code
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
    PeopleTold,
    PerformStep,
    RecordRun,
    RunBegun,
    Started,
    StepPerformed,
    StepsUndone,
    Stop,
    StopRemains,
    TellPeople,
    UndoSteps,
    WindowChecked,
)
from selextract_infra.flow.machine.state import (
    Goal,
    OperationTraits,
    RunState,
    applying,
    carrying_out,
    resuming,
    rolling_back,
)
from selextract_infra.flow.outcome import CODES
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import RunStatus, StepResult, StepStatus
from tests.unit.flow.test_machine import AT, plan, result, run_of, step

HOSTS = ("a", "b", "c")
WENT = (
    StepStatus.VERIFIED,
    StepStatus.VERIFIED,
    StepStatus.VERIFIED,
    StepStatus.FAILED,
    StepStatus.ROLLED_BACK,
    StepStatus.ROLLBACK_FAILED,
    StepStatus.UNREACHABLE,
    StepStatus.NOT_BEGUN,
)
CAME_BACK = (StepStatus.ROLLED_BACK, StepStatus.ROLLED_BACK, StepStatus.ROLLBACK_FAILED, StepStatus.UNREACHABLE)
BROKEN = (StepStatus.FAILED, StepStatus.ROLLED_BACK)
WAIT = Stop(status=RunStatus.WAITING, exit_code=11, sentence="Wait.")
LOCKED, URGENT = Failure.of(LockedError("It is locked.")), Failure.of(PreemptedError("It is asked for."))

subsets = st.lists(st.sampled_from(HOSTS), min_size=1, unique=True).map(lambda hosts: tuple(sorted(hosts)))
rarely = st.sampled_from([False, False, False, False, True])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    return plan(*(
        step(f"s{number}", *draw(subsets), disrupts=draw(st.booleans()), no_return=draw(rarely))
        for number in range(draw(st.integers(1, 5)))
    ))  # fmt: skip


@st.composite
def starts(draw: st.DrawFn) -> RunState:
    wanted = draw(plans())
    verified = tuple(result(one.id, host) for one in wanted.steps[:-1] for host in one.hosts if draw(st.booleans()))
    half = run_of(wanted, *verified)
    state = draw(
        st.sampled_from([
            applying(wanted, "p"),
            applying(wanted, "p", overrides=("window: now",)),
            carrying_out(wanted, run_of(wanted)),
            resuming(wanted, half, wanted.hosts),
            rolling_back(wanted, half, wanted.hosts, note="by hand"),
        ])
    )  # fmt: skip
    before = draw(st.sampled_from([None, *(one.id for one in wanted.steps)]))
    return state.but(traits=OperationTraits(announced_before=before, undone_past_no_return=draw(st.booleans())))


@dataclass
class World:
    """Hosts that answer as they please; ``turns`` is what they were asked and said, with the state that asked."""

    draw: st.DataObject
    turns: list[tuple[RunState, FlowRequest, FlowAnswer]] = field(default_factory=list)

    def run(self, state: RunState) -> tuple[RunState, Finish]:
        state, request = advance(state, Started(at=AT))
        most = 12 + 8 * len(state.plan.steps)
        while not isinstance(request, Finish):
            assert len(self.turns) < most, "it does not come to an end"
            answer = self.answer(request)
            self.turns.append((state, request, answer))
            state, request = advance(state, answer)
        return state, request

    def answer(self, request: FlowRequest) -> FlowAnswer:
        at = AT + timedelta(seconds=len(self.turns))
        match request:
            case CheckWindow():
                return WindowChecked(at=at, fits=not self.draw.draw(rarely), sentence="Closed.", remedy="wait")
            case LookAtHosts() if self.draw.draw(rarely):
                return Failed(at=at, failure=LOCKED)
            case LookAtHosts():
                gone = self.draw.draw(st.sets(st.sampled_from(HOSTS), max_size=1))
                return HostsLookedAt(at=at, missing=dict.fromkeys(gone, "Off."))
            case BeginRun():
                return RunBegun(at=at, run_id="r1", owner="me")
            case TellPeople(moment="end"):
                return PeopleTold(at=at, message="Told.")
            case StopRemains() if self.draw.draw(rarely):
                return Failed(at=at, failure=LOCKED)
            case PerformStep() | UndoSteps() if self.draw.draw(rarely):
                urgent = self.draw.draw(st.booleans())
                return Failed(at=at, failure=URGENT if urgent else LOCKED, preempted=urgent)
            case PerformStep(step=name, hosts=hosts):
                stop = (
                    Stop(status=RunStatus.WAITING, exit_code=11, sentence="Wait.") if self.draw.draw(rarely) else None
                )
                return StepPerformed(
                    at=at,
                    results=tuple(result(name, host, self.draw.draw(st.sampled_from(WENT))) for host in hosts),
                    cancelled=stop is None and self.draw.draw(rarely),
                    stop=stop,
                )
            case UndoSteps(hosts=hosts):
                back = tuple(result("rollback", host, self.draw.draw(st.sampled_from(CAME_BACK))) for host in hosts)
                return StepsUndone(at=at, results=back)
            case _:
                return Done(at=at)


def run(test: Callable[[RunState, st.DataObject], None]) -> Callable[[], None]:
    """For many Runs: what matters is rare, such as a host that fails in the third of its steps."""
    drawn: Callable[[], None] = settings(max_examples=200)(given(start=starts(), data=st.data())(test))
    return drawn


@run
def test_a_host_that_failed_or_was_undone_is_left_alone_and_no_step_is_done_twice(
    start: RunState, data: st.DataObject
) -> None:
    world = World(data)
    world.run(start)
    out: set[str] = set()
    done = {(one.step, one.host) for one in (start.run.results if start.run else ())}
    for _, request, answer in world.turns:
        if isinstance(request, PerformStep):
            assert out.isdisjoint(request.hosts)
            assert done.isdisjoint((request.step, host) for host in request.hosts)
            done |= {(request.step, host) for host in request.hosts}
        if isinstance(request, UndoSteps):
            out |= set(request.hosts)
        if isinstance(answer, StepPerformed | StepsUndone):
            out |= {one.host for one in answer.results if one.status is not StepStatus.VERIFIED}


@run
def test_what_did_something_and_failed_is_put_back_newest_first_before_anything_else_is_done(
    start: RunState, data: st.DataObject
) -> None:
    world = World(data)
    world.run(start)
    for number, (state, request, answer) in enumerate(world.turns):
        if not isinstance(answer, StepPerformed) or not isinstance(request, PerformStep):
            continue
        broken = tuple(one.host for one in answer.results if one.status in BROKEN)
        if answer.stop or answer.cancelled or not broken:
            continue
        before = [one for one in state.plan.steps[: state.position] if set(one.hosts) & set(broken)]
        kept = any(one.point_of_no_return for one in before) and not state.traits.undone_past_no_return
        acts = [one for _, one, _ in world.turns[number + 1 :] if isinstance(one, PerformStep | UndoSteps)]
        undo = UndoSteps(steps=(*(one.id for one in before), request.step), hosts=broken)
        assert (acts[:1] == [undo]) is not kept


@run
def test_every_result_is_written_down_before_anything_else_is_asked_for(start: RunState, data: st.DataObject) -> None:
    world = World(data)
    end, finish = world.run(start)
    for number, (_, _, answer) in enumerate(world.turns):
        if isinstance(answer, StepPerformed | StepsUndone):
            state, request, _ = world.turns[number + 1]
            assert isinstance(request, RecordRun)
            assert state.begun_run.results[len(state.begun_run.results) - len(answer.results) :] == answer.results
    if end.run is not None and end.run.ended_at is not None and finish.failure is None:
        state, request, _ = world.turns[-1]
        assert isinstance(request, RecordRun)
        assert state.run == end.run


@run
def test_a_run_that_was_stopped_or_cancelled_begins_nothing_more(start: RunState, data: st.DataObject) -> None:
    world = World(data)
    world.run(start)
    ends = [
        number
        for number, (_, _, answer) in enumerate(world.turns)
        if isinstance(answer, StepPerformed) and (answer.stop or answer.cancelled)
    ]
    after = [request for _, request, _ in world.turns[ends[0] + 1 :]] if ends else []
    assert not any(isinstance(request, PerformStep | UndoSteps | CheckWindow) for request in after)


@run
def test_an_ended_run_does_nothing_more(start: RunState, data: st.DataObject) -> None:
    end, _ = World(data).run(start)
    for answer in (Done(at=AT), Started(at=AT), StepPerformed(at=AT, results=())):
        with pytest.raises(ValueError, match="nobody asked for"):
            advance(end, answer)


@run
def test_users_are_disturbed_only_in_time_or_where_there_is_no_way_back(start: RunState, data: st.DataObject) -> None:
    world = World(data)
    world.run(start)
    fits = False
    for state, request, answer in world.turns:
        if isinstance(answer, WindowChecked):
            fits = answer.fits
        if isinstance(request, PerformStep):
            if state.step.disrupts and not state.window_overridden and not fits:
                assert any(one.point_of_no_return for one in state.plan.steps[: state.position])
            fits = False


@run
def test_the_exit_code_is_the_worst_that_happened(start: RunState, data: st.DataObject) -> None:
    end, finish = World(data).run(start)
    if finish.failure is not None:
        assert finish.failure.exit_code in (4, 5)
        return
    if start.goal is Goal.ROLL_BACK and not _all_back(start, end.begun_run.results):
        assert end.begun_run.exit_code, "what was not put back is no success"
    ended = end.begun_run
    last = {one.host: CODES[one.status] for one in ended.results}
    worst = worst_exit_code(list(last.values()))
    if worst in (7, 8, 130) and not _all_back(start, ended.results):
        assert ended.exit_code == worst, "a reason to stop never hides what is worse"
    elif end.stop is not None and worst in (0, 6):
        assert ended.exit_code == end.stop.exit_code
    elif _all_back(start, ended.results):
        assert (ended.status, ended.exit_code) == (RunStatus.ROLLED_BACK, 0)
    else:
        assert ended.exit_code == worst


def _all_back(start: RunState, results: tuple[StepResult, ...]) -> bool:
    """Whether people asked for everything to be put back, and it was."""
    undone = results[len(start.run.results) :] if start.run and start.goal is Goal.ROLL_BACK else ()
    return bool(undone) and all(one.status is StepStatus.ROLLED_BACK for one in undone)


@run
def test_the_same_answers_bring_about_the_same_states(start: RunState, data: st.DataObject) -> None:
    world = World(data)
    end, _ = world.run(start)
    state, request = advance(start, Started(at=AT))
    for before, asked, answer in world.turns:
        assert (request, state.digest) == (asked, before.digest)
        state, request = advance(state, answer)
    assert state.digest == end.digest
