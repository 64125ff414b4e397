"""The state machine of a Run, case by case: what is asked for next, and how the Run ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from selextract_infra.errors import FencedError, LockedError, PreemptedError
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
    Stop,
    StopRemains,
    TellPeople,
    UndoSteps,
    WindowChecked,
)
from selextract_infra.flow.machine.state import (
    OperationTraits,
    RunState,
    applying,
    carrying_out,
    resuming,
    rolling_back,
)
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
FITS = WindowChecked(at=AT, fits=True, sentence="", remedy="")
CLOSED = WindowChecked(at=AT, fits=False, sentence="No window is open.", remedy="wait")
DONE = Done(at=AT)


def step(name: str, *hosts: str, disrupts: bool = False, no_return: bool = False) -> Step:
    return Step(
        id=name, title=f"Do {name}", playbook="a.b.c", hosts=hosts, values={}, verification="", rollback="",
        disrupts=disrupts, point_of_no_return=no_return, estimate_seconds=60, rollback_seconds=30, timeout_seconds=90,
    )  # fmt: skip


def plan(*steps: Step) -> Plan:
    hosts = tuple(dict.fromkeys(host for one in steps for host in one.hosts))
    return Plan(
        operation="test", made_at=AT, made_by="a test", policy_digest="p", observation_digest="", hosts=hosts,
        steps=steps,
    )  # fmt: skip


def run_of(wanted: Plan, *results: StepResult) -> Run:
    return Run(
        id="r1", operation="test", plan_digest=wanted.digest, policy_digest="p", owner="me", purpose="",
        hosts=wanted.hosts, started_at=AT, results=results,
    )  # fmt: skip


def result(name: str, host: str, status: StepStatus = StepStatus.VERIFIED) -> StepResult:
    return StepResult(step=name, host=host, status=status, message="" if status is StepStatus.VERIFIED else "No.")


def performed(*results: StepResult, **more: Any) -> StepPerformed:
    return StepPerformed(at=AT, results=results, **more)


def failed(error: LockedError, *, preempted: bool = False, fenced: bool = False) -> Failed:
    return Failed(at=AT, failure=Failure.of(error), preempted=preempted, fenced=fenced)


def led(state: RunState, *answers: FlowAnswer) -> tuple[RunState, FlowRequest, list[FlowRequest]]:
    """Through these answers; records, notes and messages at the beginning are answered on the way."""
    asked: list[FlowRequest] = []
    left = list(answers)
    state, request = advance(state, Started(at=AT))
    while True:
        asked.append(request)
        if isinstance(request, Finish):
            break
        if isinstance(request, RecordRun | NoteEvent | StopRemains | TellPeople) and not (
            left and isinstance(left[0], PeopleTold)
        ):
            answer: FlowAnswer = DONE
        elif left:
            answer = left.pop(0)
        else:
            break
        state, request = advance(state, answer)
    assert not left, "an answer was not asked for"
    return state, request, asked


BOTH = plan(step("one", "a", "b"), step("two", "a", "b"))
LOOKED = (HostsLookedAt(at=AT), RunBegun(at=AT, run_id="r1", owner="me"))


def test_all_goes_well() -> None:
    answers = [performed(result(name, "a"), result(name, "b")) for name in ("one", "two")]
    state, request, asked = led(applying(BOTH, "p"), *LOOKED, *answers)
    assert request == Finish()
    assert (state.begun_run.status, state.begun_run.exit_code) == (RunStatus.DONE, 0)
    assert [type(one) for one in asked] == [
        LookAtHosts, BeginRun, RecordRun, PerformStep, RecordRun, PerformStep, RecordRun, RecordRun, Finish,
    ]  # fmt: skip
    assert [one.last for one in asked if isinstance(one, PerformStep)] == [False, True]


def test_another_policy_is_drift_before_anything_is_looked_at() -> None:
    _, request, asked = led(applying(BOTH, "other"))
    assert isinstance(request, Finish)
    assert request.failure is not None
    assert (request.failure.error, request.failure.exit_code, len(asked)) == ("DriftError", 9, 1)


def test_a_host_that_fails_is_undone_and_takes_no_part_any_more() -> None:
    state, _, asked = led(
        applying(BOTH, "p"),
        *LOOKED,
        performed(result("one", "a"), result("one", "b")),
        performed(result("two", "a"), result("two", "b", StepStatus.FAILED)),
        StepsUndone(at=AT, results=(result("rollback", "b", StepStatus.ROLLED_BACK),)),
    )
    assert UndoSteps(steps=("one", "two"), hosts=("b",)) in asked
    assert (state.begun_run.status, state.begun_run.exit_code) == (RunStatus.PARTLY_DONE, 6)


def test_the_other_hosts_go_on_where_one_fails_early() -> None:
    state, _, asked = led(
        applying(BOTH, "p"),
        *LOOKED,
        performed(result("one", "a"), result("one", "b", StepStatus.ROLLED_BACK)),
        StepsUndone(at=AT, results=(result("rollback", "b", StepStatus.ROLLED_BACK),)),
        performed(result("two", "a")),
    )
    assert [one.hosts for one in asked if isinstance(one, PerformStep)] == [("a", "b"), ("a",)]
    assert state.begun_run.exit_code == 6


def test_what_cannot_be_put_back_is_the_worst() -> None:
    state, request, _ = led(
        applying(BOTH, "p"),
        *LOOKED,
        performed(result("one", "a", StepStatus.FAILED), result("one", "b", StepStatus.UNREACHABLE)),
        failed(LockedError("Somebody else is at it.")),
    )
    assert request == Finish()
    assert (state.begun_run.status, state.begun_run.exit_code) == (RunStatus.ROLLBACK_FAILED, 7)
    assert "Somebody else is at it" in state.begun_run.message or "No" in state.begun_run.message


def test_past_a_point_of_no_return_nothing_is_undone_unless_the_operation_can() -> None:
    steps = plan(step("grow", "a", no_return=True), step("gate", "a"))
    answers = (*LOOKED, performed(result("grow", "a")), performed(result("gate", "a", StepStatus.FAILED)))
    state, _, asked = led(applying(steps, "p"), *answers)
    assert not any(isinstance(one, UndoSteps) for one in asked)
    assert state.begun_run.exit_code == 7
    partly = applying(steps, "p").but(traits=OperationTraits(undone_past_no_return=True))
    _, request, _ = led(partly, *answers)
    assert request == UndoSteps(steps=("grow", "gate"), hosts=("a",))


def test_a_lock_before_anything_was_done_is_a_refusal() -> None:
    state, request, asked = led(applying(BOTH, "p"), *LOOKED, failed(LockedError("a is locked.")))
    assert isinstance(request, Finish)
    assert request.failure == Failure(error="LockedError", sentence="a is locked.", exit_code=5)
    assert isinstance(asked[-2], RecordRun)
    assert (state.begun_run.status, state.begun_run.exit_code) == (RunStatus.REFUSED, 5)


def test_a_lock_in_mid_run_leaves_a_run_that_can_be_resumed() -> None:
    done = performed(result("one", "a"), result("one", "b"))
    state, request, _ = led(applying(BOTH, "p"), *LOOKED, done, failed(LockedError("a is locked.")))
    assert isinstance(request, Finish)
    assert request.failure is not None
    assert state.begun_run.status is RunStatus.INTERRUPTED


def test_a_run_that_somebody_else_took_up_is_left_to_them_also_while_putting_back() -> None:
    """The other may write with the same journal, so nothing is written of the Run, and nothing more is asked for."""
    taken = failed(FencedError("a was taken up by bob."), fenced=True)
    done = performed(result("one", "a"), result("one", "b"))
    broken = performed(result("two", "a"), result("two", "b", StepStatus.FAILED))
    for answers in ((taken,), (done, taken), (done, broken, taken)):
        _, request, asked = led(applying(BOTH, "p"), *LOOKED, *answers)
        assert request == Finish(failure=Failure.of(FencedError("a was taken up by bob.")))
        assert request.failure is not None
        assert request.failure.exit_code == 5
        assert asked[-2:] == [NoteEvent(event="fenced", sentence="a was taken up by bob."), request]
        assert isinstance(asked[-3], PerformStep | UndoSteps)


def test_something_urgent_is_waited_for_also_while_putting_back() -> None:
    urgent = failed(PreemptedError("a is asked for."), preempted=True)
    done = performed(result("one", "a"), result("one", "b"))
    broken = performed(result("two", "a"), result("two", "b", StepStatus.FAILED))
    for answers in ((done, urgent), (done, broken, urgent)):
        state, request, _ = led(applying(BOTH, "p"), *LOOKED, *answers)
        assert request == Finish()
        assert "Stopped at a safe point, before: Do two. a is asked for." in state.begun_run.message
    state, _, _ = led(applying(BOTH, "p"), *LOOKED, done, urgent)
    assert (state.begun_run.status, state.begun_run.exit_code) == (RunStatus.WAITING, 11)


def test_a_person_is_waited_for() -> None:
    stop = Stop(status=RunStatus.WAITING, exit_code=11, sentence="Add the disk.")
    state, request, _ = led(applying(BOTH, "p"), *LOOKED, performed(stop=stop))
    assert request == Finish()
    assert (state.begun_run.status, state.begun_run.message) == (RunStatus.WAITING, "Add the disk.")


def test_a_cancelled_step_ends_the_run_where_it_is() -> None:
    cancelled = performed(result("one", "a", StepStatus.CANCELLED), result("one", "b"), cancelled=True)
    state, request, asked = led(applying(BOTH, "p"), *LOOKED, cancelled)
    assert request == Finish()
    assert sum(isinstance(one, PerformStep) for one in asked) == 1
    assert (state.begun_run.status, state.begun_run.exit_code) == (RunStatus.CANCELLED, 130)


def test_a_resumed_run_does_what_is_left_after_the_remains_are_stopped() -> None:
    half = run_of(BOTH, result("one", "a"), result("one", "b"), result("two", "a"))
    state, request, asked = led(resuming(BOTH, half, ("a", "b")), performed(result("two", "b")))
    assert request == Finish()
    assert asked[:3] == [
        RecordRun(with_plan=True),
        StopRemains(hosts=("a", "b")),
        PerformStep(step="two", hosts=("b",), last=True),
    ]
    assert state.begun_run.exit_code == 0


def test_only_the_time_of_what_is_left_is_asked_of_the_window() -> None:
    wanted = plan(step("one", "a", disrupts=True), step("two", "a", disrupts=True))
    _, request, _ = led(resuming(wanted, run_of(wanted, result("one", "a")), ("a",)))
    assert request == CheckWindow(needed_seconds=60 + 2 * 30)
    _, request, _ = led(resuming(wanted, run_of(wanted, result("one", "a")), ("a",)), CLOSED)
    assert isinstance(request, Finish)
    assert request.failure is not None
    assert request.failure.sentence == "Users may notice this plan (Do two). No window is open."


def test_everything_is_put_back_by_hand() -> None:
    done = run_of(BOTH, result("one", "a"), result("one", "b"))
    back = tuple(result("rollback", host, StepStatus.ROLLED_BACK) for host in ("a", "b"))
    start = rolling_back(BOTH, done, ("a", "b"), note="Run r1 is rolled back by hand.")
    state, request, asked = led(start, StepsUndone(at=AT, results=back))
    assert request == Finish()
    assert asked[:3] == [
        StopRemains(hosts=("a", "b")),
        NoteEvent(event="rollback", sentence="Run r1 is rolled back by hand."),
        UndoSteps(steps=("one", "two"), hosts=("a", "b")),
    ]
    assert (state.begun_run.status, state.begun_run.exit_code) == (RunStatus.ROLLED_BACK, 0)


def test_people_hear_before_the_step_and_of_the_end() -> None:
    announced = carrying_out(BOTH, run_of(BOTH)).but(traits=OperationTraits(announced_before="one"))
    state, request = advance(announced, Started(at=AT))
    assert request == TellPeople(moment="begin")
    state, request = advance(state, DONE)
    assert isinstance(request, PerformStep)
    for name in ("one", "two"):
        state, _ = advance(state, performed(result(name, "a"), result(name, "b")))
        state, request = advance(state, DONE)
    assert request == TellPeople(moment="end")
    state, request = advance(state, PeopleTold(at=AT, message="Done. It was down for 3 s."))
    assert (request, state.begun_run.message) == (RecordRun(), "Done. It was down for 3 s.")


def test_a_disruptive_step_waits_for_the_verdict_about_the_window() -> None:
    wanted = plan(step("one", "a"), step("two", "a", disrupts=True))
    begun = (FITS, *LOOKED, performed(result("one", "a")))
    _, request, _ = led(applying(wanted, "p"), *begun)
    assert request == CheckWindow(needed_seconds=60 + 2 * 30)
    _, request, _ = led(applying(wanted, "p"), *begun, FITS)
    assert isinstance(request, PerformStep)
    _, request, _ = led(applying(wanted, "p"), *begun, CLOSED)
    assert request == UndoSteps(steps=("one", "two"), hosts=("a",))


CARRIED = plan(*(step(name, "a", disrupts=name == "three") for name in ("one", "two", "three", "four")))


def carried(state: RunState, **more: Any) -> RunState:
    return state.but(traits=OperationTraits(segments=(("one", "two", "three", "four"),), **more))


def test_steps_that_a_host_carries_out_go_over_once_with_the_time_by_which_they_may_begin() -> None:
    state, request, _ = led(carried(applying(CARRIED, "p")), FITS, *LOOKED)
    assert request == CheckWindow(needed_seconds=2 * 60 + 4 * 30)
    fits = FITS.model_copy(update={"seconds_left": 1000})
    state, request = advance(state, fits)
    names = ("one", "two", "three", "four")
    within = {"three": 1000 - 2 * 60 - 4 * 30}
    assert request == PerformSegment(steps=names, hosts=("a",), last=True, begins_within=within)
    state, request = advance(state, performed(*(result(name, "a") for name in names)))
    assert request == RecordRun()
    assert [entry.step for entry in state.begun_run.results] == list(names)
    assert (
        led(carried(applying(CARRIED, "p")), FITS, *LOOKED, fits, performed(*(result(name, "a") for name in names)))[
            0
        ].begun_run.status
        is RunStatus.DONE
    )


def test_where_the_window_closes_too_soon_only_what_nobody_notices_goes_over() -> None:
    state, request, _ = led(carried(applying(CARRIED, "p")), FITS, *LOOKED, CLOSED)
    assert request == PerformSegment(steps=("one", "two"), hosts=("a",), last=False)
    done = performed(result("one", "a"), result("two", "a"))
    state, request, _ = led(carried(applying(CARRIED, "p")), FITS, *LOOKED, CLOSED, done)
    assert (request, state.step.id) == (CheckWindow(needed_seconds=2 * 60 + 4 * 30), "three")
    _, request, _ = led(carried(applying(CARRIED, "p")), FITS, *LOOKED, CLOSED, done, CLOSED)
    assert request == UndoSteps(steps=("one", "two", "three"), hosts=("a",))


def test_a_host_that_stops_early_is_asked_for_the_rest_and_says_why_it_will_not() -> None:
    urgent = failed(PreemptedError("a is asked for."), preempted=True)
    start = (FITS, *LOOKED, FITS, performed(result("one", "a")))
    state, request, _ = led(carried(applying(CARRIED, "p")), *start, FITS)
    assert isinstance(request, PerformSegment)
    assert request.steps == ("two", "three", "four")
    state, request, _ = led(carried(applying(CARRIED, "p")), *start, FITS, urgent)
    assert request == Finish()
    assert (state.begun_run.status, state.begun_run.exit_code) == (RunStatus.WAITING, 11)
    assert "before: Do two." in state.begun_run.message


def test_a_step_that_fails_in_a_segment_is_undone_with_those_before_it() -> None:
    went = performed(result("one", "a"), result("two", "a", StepStatus.ROLLED_BACK))
    state, request, _ = led(carried(applying(CARRIED, "p")), FITS, *LOOKED, FITS, went)
    assert request == UndoSteps(steps=("one", "two"), hosts=("a",))
    assert [entry.step for entry in state.begun_run.results] == ["one", "two"]


def test_what_people_are_told_before_begins_a_segment() -> None:
    _, request, _ = led(carried(applying(CARRIED, "p"), announced_before="two"), FITS, *LOOKED)
    assert request == PerformStep(step="one", hosts=("a",), last=False)
    _, _, asked = led(
        carried(applying(CARRIED, "p"), announced_before="two"), FITS, *LOOKED, performed(result("one", "a")), FITS
    )
    assert asked[-2] == TellPeople(moment="begin")
    assert isinstance(asked[-1], PerformSegment)


def test_a_resumed_segment_has_only_the_steps_that_are_left() -> None:
    half = run_of(CARRIED, result("one", "a"), result("two", "a"))
    _, request, _ = led(carried(resuming(CARRIED, half, ("a",))), FITS, FITS)
    assert isinstance(request, PerformSegment)
    assert request.steps == ("three", "four")


def test_an_unattended_run_is_recorded_as_such() -> None:
    state, _, _ = led(applying(BOTH, "p", unattended=True), *LOOKED)
    assert state.begun_run.unattended


def test_an_answer_that_nobody_asked_for_is_an_error() -> None:
    state, _ = advance(applying(BOTH, "p"), Started(at=AT))
    with pytest.raises(ValueError, match="nobody asked for: performed"):
        advance(state, performed(result("one", "a")))
    state, request, _ = led(applying(BOTH, "other"))
    assert isinstance(request, Finish)
    with pytest.raises(ValueError, match="nobody asked for"):
        advance(state, DONE)


def test_the_end_carries_the_time_of_the_last_answer() -> None:
    late = AT + timedelta(hours=1)
    state, _, _ = led(carrying_out(BOTH, run_of(BOTH)), performed(result("one", "a"), result("one", "b")))
    state, _ = advance(state, StepPerformed(at=late, results=(result("two", "a"), result("two", "b"))))
    state, _ = advance(state, Done(at=late))
    assert state.begun_run.ended_at == late
