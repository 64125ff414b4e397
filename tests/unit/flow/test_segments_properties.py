"""Step by step or as segments that a host carries out by itself: what is recorded and told of a Run is the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from selextract_infra.errors import PreemptedError
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
    RunBegun,
    Started,
    StepPerformed,
    StepsUndone,
    TellPeople,
    UndoSteps,
    WindowChecked,
)
from selextract_infra.flow.machine.state import OperationTraits, RunState, applying, resuming
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, StepResult, StepStatus
from tests.unit.flow.test_machine import AT, plan, result, run_of, step
from tests.unit.flow.test_machine_properties import CAME_BACK, WENT

STATUSES = (*WENT, StepStatus.CANCELLED)
URGENT = Failure.of(PreemptedError("It is asked for."))


@dataclass
class Fleet:
    """Hosts on which each step has one outcome and takes its time, whoever leads it; a window that closes."""

    statuses: dict[str, StepStatus]
    seconds: dict[str, float]
    window_ends: datetime
    urgent_before: str | None
    back: StepStatus
    now: datetime = AT
    noted: list[FlowRequest] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    segments: int = 0

    def answer(self, request: FlowRequest) -> FlowAnswer:
        if isinstance(request, NoteEvent | TellPeople | UndoSteps):
            self.noted.append(request)
        match request:
            case CheckWindow(needed_seconds=needed):
                left = (self.window_ends - self.now).total_seconds()
                return WindowChecked(at=AT, fits=left >= needed, seconds_left=left, sentence="Closed.", remedy="wait")
            case LookAtHosts():
                return HostsLookedAt(at=AT)
            case BeginRun():
                return RunBegun(at=AT, run_id="r1", owner="me")
            case TellPeople(moment="end"):
                return PeopleTold(at=AT, message="Told.")
            case PerformStep(step=name) | PerformSegment(steps=(name, *_)) if name == self.urgent_before:
                return Failed(at=AT, failure=URGENT, preempted=True)
            case PerformStep(step=name, hosts=hosts):
                return self._went(self._step(name, hosts))
            case PerformSegment():
                return self._went(self._segment(request))
            case UndoSteps(hosts=hosts):
                return StepsUndone(at=AT, results=tuple(result("rollback", host, self.back) for host in hosts))
            case _:
                return Done(at=AT)

    def _step(self, name: str, hosts: tuple[str, ...]) -> tuple[StepResult, ...]:
        self.begun.append(name)
        self.now += timedelta(seconds=self.seconds[name])
        return tuple(result(name, host, self.statuses[name]) for host in hosts)

    def _segment(self, request: PerformSegment) -> tuple[StepResult, ...]:
        """As the runner on a host does it."""
        self.segments += 1
        began, results = self.now, list[StepResult]()
        for name in request.steps:
            late = (self.now - began).total_seconds() > request.begins_within.get(name, inf)
            if results and (late or name == self.urgent_before or results[-1].status is not StepStatus.VERIFIED):
                break
            results += self._step(name, request.hosts)
        return tuple(results)

    def _went(self, results: tuple[StepResult, ...]) -> StepPerformed:
        return StepPerformed(at=AT, results=results, cancelled=results[-1].status is StepStatus.CANCELLED)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    hosts = st.sampled_from([("a",), ("a",), ("a",), ("b",), ("a", "b")])
    rarely = st.sampled_from([False, False, False, False, True])
    return plan(*(
        step(f"s{number}", *draw(hosts), disrupts=draw(st.booleans()), no_return=draw(rarely))
        for number in range(draw(st.integers(2, 6)))
    ))  # fmt: skip


def carried(wanted: Plan) -> tuple[tuple[str, ...], ...]:
    """Steps on one host that follow each other."""
    groups: list[list[str]] = []
    before: tuple[str, ...] = ()
    for follower in wanted.steps:
        if follower.hosts == before and len(before) == 1:
            groups[-1].append(follower.id)
        else:
            groups.append([follower.id])
        before = follower.hosts
    return tuple(tuple(group) for group in groups if len(group) > 1)


def journal(state: RunState, fleet: Fleet) -> dict[str, Any]:
    """All that is written down and told in the end."""
    state, request = advance(state, Started(at=AT))
    for _ in range(200):
        if isinstance(request, Finish):
            break
        state, request = advance(state, fleet.answer(request))
    assert isinstance(request, Finish), "it does not come to an end"
    run: Run | None = state.run
    return {"run": run, "end": request, "noted": fleet.noted, "begun": fleet.begun}


@settings(max_examples=300, deadline=None)
@given(wanted=plans(), data=st.data())
def test_step_by_step_and_as_segments_a_run_is_recorded_alike(wanted: Plan, data: st.DataObject) -> None:
    names = [follower.id for follower in wanted.steps]
    drawn: dict[str, Any] = {
        "statuses": {name: data.draw(st.sampled_from([StepStatus.VERIFIED] * 8 + list(STATUSES))) for name in names},
        "seconds": {name: data.draw(st.sampled_from([10.0, 60.0, 200.0])) for name in names},
        "window_ends": AT + timedelta(seconds=data.draw(st.integers(0, 1500))),
        "urgent_before": data.draw(st.sampled_from([None, None, *names])),
        "back": data.draw(st.sampled_from(CAME_BACK)),
    }
    traits = OperationTraits(announced_before=data.draw(st.sampled_from([None, *names])))
    half = run_of(wanted, *(result(name, "a") for name in names[: data.draw(st.integers(0, 2))]))
    overridden = data.draw(st.booleans())
    start = data.draw(
        st.sampled_from([
            applying(wanted, "p", overrides=("window: now",) if overridden else ()),
            resuming(wanted, half.model_copy(update={"overrides": ("window: now",)}), wanted.hosts),
        ])
    ).but(traits=traits)  # fmt: skip
    one_by_one = Fleet(**drawn)
    together = Fleet(**drawn)
    segments = traits.model_copy(update={"segments": carried(wanted)})
    assert journal(start, one_by_one) == journal(start.but(traits=segments), together)
    assert not one_by_one.segments
