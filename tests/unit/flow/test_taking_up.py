"""Who may take a Run up, on what grounds, and what is said to who may not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import LockedError
from selextract_infra.flow import executor
from selextract_infra.flow.context import Context
from selextract_infra.flow.machine.state import new_run
from selextract_infra.flow.unfinished import at_work, resume, roll_back
from selextract_infra.hosts.identity import identity_of
from selextract_infra.hosts.step_results import Execution
from selextract_infra.hosts.takeover import TakingUp
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, StepResult, StepStatus
from tests.unit.flow.test_saved import PLAN
from tests.unit.seen import AT

HOST = PLAN.hosts[0]
STEP = PLAN.steps[0]  # disturbs nobody, so no window is asked for
UNTIL = (AT + timedelta(minutes=5)).isoformat()
BOTH = pytest.mark.parametrize("take_up", [resume, roll_back])
TakeUp = Callable[..., Run]


def record_begun(context: Context, plan: Plan) -> None:
    """The journal knows the Run, so it takes nobody's word for what is to be done."""
    context.journal.record_plan(plan)
    begun = Run(
        id="run-a",
        operation=plan.operation,
        plan_digest=plan.digest,
        policy_digest=plan.policy_digest,
        owner="ann@laptop (process 7)",
        purpose="right-size app1",
        hosts=plan.hosts,
        started_at=AT,
    )
    context.journal.record_run(begun)


class Fleet:
    """One host that holds an unfinished Run, and what was asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, context: Context, *, lock: dict[str, Any], **record: Any):
        meant = PLAN.model_copy(update={"steps": (STEP,), "policy_digest": context.policy.digest})
        record_begun(context, meant)
        plan = meant.model_dump(mode="json")
        about = {"run_id": "run-a", "owner": "ann@laptop (process 7)", "started_at": AT.isoformat(), "plan": plan}
        steps = {STEP.id: {"status": "running"}}
        state = {"unfinished": [{**about, "steps": steps, **record}], "lock": {**LOCK, **lock}}
        seen = Observation(at=AT, hosts=(HostObservation(name=HOST, state=state),))
        self.taking: list[TakingUp] = []
        self.safe_points: list[str] = []
        self.context = context
        monkeypatch.setattr(context, "observe", lambda: seen)
        monkeypatch.setattr(executor, "stop_at_safe_point", self._stop)
        monkeypatch.setattr(executor, "execute", self._done)
        monkeypatch.setattr(executor, "put_back", self._undone)

    def _stop(
        self, _hands: Any, _run: str, _hosts: tuple[str, ...], taking: TakingUp, safe_point: str
    ) -> dict[str, str]:
        self.safe_points.append(safe_point)
        self.taking.append(taking)
        return {HOST: "ann@laptop (process 7)"}

    def _done(self, *_: Any, **__: Any) -> Execution:
        return Execution((StepResult(step=STEP.id, host=HOST, status=StepStatus.VERIFIED),))

    def _undone(self, *_: Any, **__: Any) -> Execution:
        return Execution((StepResult(step="rollback", host=HOST, status=StepStatus.ROLLED_BACK),))


LOCK = {
    "run_id": "run-a",
    "owner": "ann@laptop (process 7)",
    "purpose": "right-size app1",
    "taken_at": AT.isoformat(),
    "lease_until": UNTIL,
    "lease_left": 300.0,
    "epoch": 3,
}


@BOTH
def test_while_a_lease_holds_it_is_said_who_works_until_when_and_what_can_be_done(
    context: Context, monkeypatch: pytest.MonkeyPatch, take_up: TakeUp
) -> None:
    fleet = Fleet(monkeypatch, context, lock={})
    with pytest.raises(LockedError, match=r"ann@laptop \(process 7\) since .*, lease until") as refused:
        take_up(context, "run-a")
    assert UNTIL in str(refused.value)
    command = "resume" if take_up is resume else "rollback"
    assert f"selextract-infra {command} run-a --take-over --reason TEXT" in str(refused.value.remedy)
    assert fleet.taking == []


@BOTH
def test_taking_over_leaves_an_act_as_long_as_its_step_may_take_and_is_recorded(
    context: Context, monkeypatch: pytest.MonkeyPatch, take_up: TakeUp
) -> None:
    fleet = Fleet(monkeypatch, context, lock={})
    take_up(context, "run-a", take_over="ann is on holiday")
    assert fleet.taking == [TakingUp("ann is on holiday", {}, max(60.0, STEP.timeout_seconds))]
    assert fleet.safe_points == ["end" if take_up is resume else "beginning"]
    (sentence,) = [event["sentence"] for event in context.journal.events(9) if event["kind"] == "taken up"]
    assert f"on {HOST} is taken up by" in sentence
    assert sentence.endswith("from ann@laptop (process 7): ann is on holiday.")


@BOTH
def test_a_process_that_is_gone_from_this_machine_needs_no_lease_to_run_out(
    context: Context, monkeypatch: pytest.MonkeyPatch, take_up: TakeUp
) -> None:
    fleet = Fleet(monkeypatch, context, lock={"identity": {**identity_of(), "pid_started": 1}})
    take_up(context, "run-a")
    assert fleet.taking == [TakingUp("", {HOST: 3}, 0.0)]


@BOTH
def test_what_a_host_went_on_to_do_while_nobody_asked_is_taken_into_the_journal(
    context: Context, monkeypatch: pytest.MonkeyPatch, take_up: TakeUp
) -> None:
    three = tuple(STEP.model_copy(update={"id": name}) for name in ("one", "two", "three"))
    plan = PLAN.model_copy(update={"steps": three, "policy_digest": context.policy.digest})
    held = {name: {"status": "verified", "started_at": AT.isoformat()} for name in ("one", "two")}
    Fleet(monkeypatch, context, lock={"lease_left": 0.0}, steps=held, plan=plan.model_dump(mode="json"))
    last = Execution((StepResult(step="three", host=HOST, status=StepStatus.VERIFIED),))
    monkeypatch.setattr(executor, "execute", lambda *_, **__: last)
    known = new_run(plan, run_id="run-a", owner="ann", at=AT, missing={}, overrides=())
    context.journal.record_plan(plan)
    context.journal.record_run(known)
    take_up(context, "run-a")
    recorded = context.journal.run("run-a")
    assert recorded is not None
    ends = "three" if take_up is resume else "rollback"
    assert [result.step for result in recorded.results] == ["one", "two", ends]


def test_a_process_that_lives_is_at_work_and_so_is_one_of_another_machine_with_the_same_name() -> None:
    for identity in (identity_of(), {**identity_of(), "machine_id": "another", "pid": 7, "pid_started": 1}, {}):
        host = HostObservation(name=HOST, state={"lock": {**LOCK, "identity": identity}})
        assert at_work(host, "run-a", AT)
    assert not at_work(host, "run-b", AT)


def test_the_host_s_clock_decides_whether_a_lease_is_over() -> None:
    host = HostObservation(name=HOST, state={"lock": {**LOCK, "lease_left": 0.0}})
    assert not at_work(host, "run-a", AT)


def test_a_run_that_had_ended_and_is_being_undone_is_not_finished(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet(monkeypatch, context, lock={"lease_left": 0.0}, undoing=True)
    with pytest.raises(LockedError, match="had ended and is being rolled back") as refused:
        resume(context, "run-a")
    assert refused.value.remedy == "selextract-infra rollback run-a"
    assert fleet.taking == []
    assert roll_back(context, "run-a").exit_code == 0


@pytest.mark.parametrize("command", ["resume", "rollback"])
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--take-over"], "--take-over needs a reason"),
        (["--take-over", "--reason", " "], "--take-over needs a reason"),
        (["--reason", "it hangs"], "--reason says why a run is taken over"),
    ],
)
def test_a_run_is_taken_over_with_a_reason_or_not_at_all(
    tmp_path: Path, command: str, words: list[str], complaint: str
) -> None:
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"app1": {}}}}))
    where = ["-i", str(tmp_path / "hosts.yml"), "--state", str(tmp_path / "state")]
    answer = CliRunner().invoke(build(command), [command, "run-a", *words, *where])
    assert complaint in f"{answer.output} {answer.exception}"
    assert not (tmp_path / "state").exists(), "no host was looked at"


@pytest.mark.parametrize(("status", "exit_code"), [("done", 0), ("rolled back", 6)])
def test_a_host_on_which_the_run_has_ended_is_left_as_it_is(
    context: Context, monkeypatch: pytest.MonkeyPatch, status: str, exit_code: int
) -> None:
    Fleet(monkeypatch, context, lock={"lease_left": 0.0})
    (here,) = context.observe().hosts
    both = STEP.model_copy(update={"hosts": (HOST, "app2"), "values": {name: {} for name in (HOST, "app2")}})
    changes = {"steps": (both,), "hosts": both.hosts, "policy_digest": context.policy.digest}
    meant = PLAN.model_copy(update=changes)
    context.journal.close()
    Path(context.journal.path).unlink()
    del context.journal
    record_begun(context, meant)
    plan = meant.model_dump(mode="json")
    (record,) = here.state["unfinished"]
    hosts = (
        here.model_copy(update={"state": {**here.state, "unfinished": [{**record, "plan": plan}]}}),
        HostObservation(name="app2", state={"ended": {"run-a": status}}),
    )
    monkeypatch.setattr(context, "observe", lambda: Observation(at=AT, hosts=hosts))
    worked_on: list[tuple[str, ...]] = []

    def execute(_hands: Any, _run: Run, _plan: Any, _step: Any, hosts: tuple[str, ...], **_: Any) -> Execution:
        worked_on.append(hosts)
        return Execution(tuple(StepResult(step=STEP.id, host=host, status=StepStatus.VERIFIED) for host in hosts))

    monkeypatch.setattr(executor, "execute", execute)
    assert resume(context, "run-a").exit_code == exit_code
    assert worked_on == [(HOST,)]
