"""Windows around a Run: refused before it, and ended between two steps when the window closes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from pathlib import Path
from typing import Any, cast

import pytest

from selextract_infra.errors import OutsideWindowError, PreemptedError
from selextract_infra.flow import executor
from selextract_infra.flow.apply import apply, carry_out
from selextract_infra.flow.context import Context
from selextract_infra.flow.executor import RunExecutor, window_override
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.flow.machine.state import resuming
from selextract_infra.hosts.step_results import Execution, Segment
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus
from selextract_infra.policy import Policy, load_policy

OPENS = datetime(2026, 1, 4, 2, tzinfo=UTC)
NIGHT = {
    "windows": {"sunday": {"rrule": "FREQ=WEEKLY;BYDAY=SU", "start": "02:00", "duration": "1h", "time_zone": "UTC"}}
}
DIGEST = load_policy(NIGHT).digest


@dataclass
class Hosts:
    """A fleet whose steps take the time they say, on a clock that only they move."""

    journal: Journal
    now: datetime
    policy: Policy = field(default_factory=lambda: load_policy(NIGHT))
    took: dict[str, timedelta] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    segments: list[tuple[str, ...]] = field(default_factory=list)
    undone: list[tuple[str, ...]] = field(default_factory=list)
    undoing: StepStatus = StepStatus.ROLLED_BACK
    urgent_before: str = ""
    access: None = None
    unattended: bool = False
    announces_undoing: bool = False
    inventory: None = None

    def observe(self) -> Observation:
        return Observation(at=self.now, hosts=(HostObservation(name="app1"),))

    def clock(self) -> datetime:
        return self.now

    def hold_anew(self) -> None:
        """Nobody else works on these hosts."""

    def execute(self, _hands: None, _run: Run, _plan: Plan, step: Step, hosts: tuple[str, ...], **_: Any) -> Execution:
        if step.id == self.urgent_before:
            raise PreemptedError("app1 is asked for by ops: emergency, P1.")
        self.now += self.took.get(step.id, timedelta(seconds=step.estimate_seconds))
        self.done.append(step.id)
        return Execution(tuple(StepResult(step=step.id, host=host, status=StepStatus.VERIFIED) for host in hosts))

    def execute_segment(self, _hands: None, run: Run, plan: Plan, segment: Segment) -> Execution:
        """As a host carries steps out: it stops where something more urgent asks, and where it is too late."""
        began, results = self.now, list[StepResult]()
        for step in segment.steps:
            late = (self.now - began).total_seconds() > segment.begins_within.get(step.id, inf)
            if results and (late or step.id == self.urgent_before):
                break
            results += self.execute(None, run, plan, step, segment.hosts).results
        self.segments.append(tuple(result.step for result in results))
        return Execution(tuple(results))

    def put_back(self, _hands: None, _run: Run, hosts: tuple[str, ...], steps: tuple[str, ...], **_: Any) -> Execution:
        self.undone.append(steps)
        return Execution(tuple(StepResult(step="rollback", host=host, status=self.undoing) for host in hosts))

    @property
    def context(self) -> Context:
        return cast("Context", self)


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    with Journal(tmp_path) as journal:
        hosts = Hosts(journal, OPENS)
        monkeypatch.setattr(executor, "execute", hosts.execute)
        monkeypatch.setattr(executor, "execute_segment", hosts.execute_segment)
        monkeypatch.setattr(executor, "put_back", hosts.put_back)
        monkeypatch.setattr(executor, "stop_at_safe_point", lambda *_, **__: {})
        yield hosts


def step(name: str, minutes: float, *, disrupts: bool = True, no_return: bool = False) -> Step:
    return Step(
        id=name, title=f"Do {name}", playbook="selextract.infra.settle", hosts=("app1",), values={"app1": {}},
        verification="", rollback="", disrupts=disrupts, point_of_no_return=no_return,
        estimate_seconds=minutes * 60, rollback_seconds=300, timeout_seconds=minutes * 60,
    )  # fmt: skip


def plan(*steps: Step) -> Plan:
    return Plan(
        operation="test", made_at=OPENS, made_by="a test", policy_digest=DIGEST, observation_digest="", hosts=("app1",),
        steps=steps,
    )  # fmt: skip


def run(wanted: Plan, *, overrides: tuple[str, ...] = ()) -> Run:
    return Run(
        id="r1", operation="test", plan_digest=wanted.digest, policy_digest="", owner="a test", purpose="",
        hosts=wanted.hosts, started_at=OPENS, overrides=overrides,
    )  # fmt: skip


TWO = plan(step("one", 10), step("two", 10))


@pytest.mark.parametrize(
    ("minutes", "begins"),
    [(-1, False), (0, True), (30, True), (31, False), (60, False)],
    ids=["before", "at its begin", "just enough is left", "too little is left", "after"],
)
def test_a_plan_begins_only_where_it_and_its_way_back_fit(hosts: Hosts, minutes: int, begins: bool) -> None:
    hosts.now = OPENS + timedelta(minutes=minutes)
    if begins:
        assert apply(hosts.context, TWO).status is RunStatus.DONE
        return
    with pytest.raises(OutsideWindowError, match="sunday, Sun 2026-01-") as refused:
        apply(hosts.context, TWO)
    assert hosts.done == []
    assert "Do one; Do two" in str(refused.value)
    assert refused.value.remedy is not None
    assert "--at-window sunday" in refused.value.remedy


def test_a_plan_that_disturbs_nobody_needs_no_window(hosts: Hosts) -> None:
    hosts.now = OPENS - timedelta(days=2)
    assert apply(hosts.context, plan(step("one", 600, disrupts=False))).status is RunStatus.DONE


def test_a_reason_is_enough_to_disturb_at_once(hosts: Hosts) -> None:
    hosts.now = OPENS - timedelta(days=2)
    ended = apply(hosts.context, TWO, now_reason="the disk is full")
    assert ended.overrides == window_override("the disk is full")
    assert (ended.status, hosts.done) == (RunStatus.DONE, ["one", "two"])


def test_only_what_is_still_to_do_must_fit(hosts: Hosts) -> None:
    hosts.now = OPENS + timedelta(minutes=38)
    with pytest.raises(OutsideWindowError):
        RunExecutor(hosts.context).run(resuming(TWO, run(TWO), ("app1",)))
    done = StepResult(step="one", host="app1", status=StepStatus.VERIFIED)
    half = run(TWO).model_copy(update={"results": (done,)})
    assert RunExecutor(hosts.context).run(resuming(TWO, half, ("app1",))).status is RunStatus.DONE
    assert hosts.done == ["two"]


def test_a_window_that_closes_in_mid_run_puts_back_what_was_done(hosts: Hosts) -> None:
    hosts.took["one"] = timedelta(minutes=45)
    ended = carry_out(hosts.context, TWO, run(TWO))
    assert (ended.status, ended.exit_code) == (RunStatus.ROLLED_BACK, 4)
    assert (hosts.done, hosts.undone) == (["one"], [("one", "two")])
    assert "There was no time left for: Do two. Only 15 min of the window sunday" in ended.message
    assert hosts.journal.run("r1") == ended


def test_a_failure_to_put_back_is_worse_than_the_window(hosts: Hosts) -> None:
    hosts.took["one"], hosts.undoing = timedelta(minutes=45), StepStatus.ROLLBACK_FAILED
    ended = carry_out(hosts.context, TWO, run(TWO))
    assert (ended.status, ended.exit_code) == (RunStatus.ROLLBACK_FAILED, 7)
    assert ended.message.startswith("There was no time left for: Do two.")


def test_a_run_that_did_nothing_yet_is_refused(hosts: Hosts) -> None:
    hosts.now = OPENS + timedelta(hours=2)
    with pytest.raises(OutsideWindowError):
        carry_out(hosts.context, TWO, run(TWO))
    recorded = hosts.journal.run("r1")
    assert recorded is not None
    assert (recorded.status, recorded.exit_code, hosts.done) == (RunStatus.REFUSED, 4, [])


def test_past_the_point_of_no_return_a_run_goes_on(hosts: Hosts) -> None:
    """Stopping there would leave the service worse off than a window that is overrun."""
    wanted = plan(step("one", 10, no_return=True), step("two", 10))
    hosts.took["one"] = timedelta(minutes=70)
    ended = carry_out(hosts.context, wanted, run(wanted))
    assert (ended.status, hosts.done, hosts.undone) == (RunStatus.DONE, ["one", "two"], [])
    assert [event["kind"] for event in hosts.journal.events(9)] == ["window overrun"]


def test_steps_that_disturb_nobody_run_past_the_end(hosts: Hosts) -> None:
    wanted = plan(step("one", 10), step("tidy", 10, disrupts=False))
    hosts.took["one"] = timedelta(minutes=70)
    assert carry_out(hosts.context, wanted, run(wanted)).status is RunStatus.DONE


def test_something_urgent_stops_a_run_between_two_steps_and_leaves_it_to_be_resumed(hosts: Hosts) -> None:
    hosts.urgent_before = "two"
    ended = carry_out(hosts.context, TWO, run(TWO))
    assert (ended.status, ended.exit_code) == (RunStatus.WAITING, 11)
    assert (hosts.done, hosts.undone) == (["one"], [])
    assert "Stopped at a safe point, before: Do two. app1 is asked for by ops" in ended.message
    assert [found.id for found in hosts.journal.unfinished_runs()] == ["r1"]


def test_a_run_that_nobody_follows_is_recorded_as_such(hosts: Hosts) -> None:
    hosts.unattended = True
    ended = apply(hosts.context, TWO)
    recorded = hosts.journal.run(ended.id)
    assert recorded is not None
    assert recorded.unattended


def test_something_urgent_keeps_a_run_from_beginning(hosts: Hosts) -> None:
    hosts.urgent_before = "one"
    with pytest.raises(PreemptedError):
        carry_out(hosts.context, TWO, run(TWO))
    recorded = hosts.journal.run("r1")
    assert recorded is not None
    assert (recorded.status, recorded.exit_code) == (RunStatus.REFUSED, 5)
