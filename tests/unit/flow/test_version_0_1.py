"""What version 0.1 wrote is still read: saved Plans, rows of the journal, and Runs that it left on a host."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.flow import executor
from selextract_infra.flow.context import Context
from selextract_infra.flow.operation import Performance, StepWork
from selextract_infra.flow.registry import completed, operation_named, operation_names
from selextract_infra.flow.saved import load_plan, rebuild
from selextract_infra.flow.saved_refusals import read_parameters
from selextract_infra.flow.unfinished import resume
from selextract_infra.hosts.step_results import Execution, Segment
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import BY_PLAYBOOK, Plan, Step
from selextract_infra.model.run import Run, StepResult, StepStatus
from tests.unit.flow.test_saved import PLAN, POLICY
from tests.unit.flow.test_taking_up import record_begun
from tests.unit.seen import AT

SAVED = {path.stem: json.loads(path.read_text()) for path in Path("tests/cases/version_0_1").glob("*.json")}


def test_there_is_a_plan_of_each_operation_that_there_was() -> None:
    later = {"tune redis"}
    assert {saved["plan"]["operation"] for saved in SAVED.values()} == set(operation_names()) - later


@pytest.mark.parametrize("saved", SAVED.values(), ids=SAVED)
def test_a_plan_is_read_with_the_digest_that_it_had(saved: dict[str, Any]) -> None:
    plan = completed(Plan.model_validate(saved["plan"]))
    assert plan.digest == saved["digest"]
    operation = operation_named(plan.operation)
    assert read_parameters(operation.parameters.model_validate, plan.parameters, operation.noun)


@pytest.mark.parametrize("saved", SAVED.values(), ids=SAVED)
def test_only_what_it_did_not_know_is_added(saved: dict[str, Any]) -> None:
    written = Plan.model_validate(saved["plan"]).model_dump(mode="json")
    assert {step.pop("performer") for step in written["steps"]} == {BY_PLAYBOOK}
    assert written == saved["plan"]


def test_the_steps_of_an_upgrade_know_again_who_carries_them_out() -> None:
    plan = completed(Plan.model_validate(SAVED["upgrade"]["plan"]))
    performers = {step.id: step.performer for step in plan.steps if step.performer != BY_PLAYBOOK}
    assert performers == {"hardware": "provider", "retune": "retune"}
    assert set(performers.values()) == set(operation_named("upgrade").performers)


def test_a_saved_plan_of_right_sizing_is_carried_out_as_it_was_meant(tmp_path: Path) -> None:
    old = Plan.model_validate(SAVED["rightsize"]["plan"]).model_copy(update={"policy_digest": POLICY.digest})
    assert set(PLAN.parameters) - set(old.parameters) == {"hosts", "overrides"}, "a request of today says more"
    assert rebuild(old, POLICY).steps == PLAN.steps
    current = old.model_copy(update={"steps": PLAN.steps})
    file = tmp_path / "plan.json"
    file.write_text(current.model_dump_json())
    assert load_plan(file, POLICY) == current


@pytest.mark.parametrize("name", sorted(SAVED))
def test_a_row_of_the_journal_is_found_by_its_digest(context: Context, name: str) -> None:
    plan = Plan.model_validate(SAVED[name]["plan"])
    context.journal.record_plan(plan)
    assert context.journal.plan(SAVED[name]["digest"]) == plan


def test_an_upgrade_that_was_killed_half_way_is_finished_by_the_provider(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record on the host knows no performers; the hardware must not be left to a playbook."""
    plan = {**SAVED["upgrade"]["plan"], "policy_digest": context.policy.digest}
    record_begun(context, Plan.model_validate(plan))
    verified = {name: {"status": "verified"} for name in ("preflight", "freeze", "drain", "backup", "stop")}
    record = {"run_id": "run-a", "owner": "root@there (process 1)", "started_at": AT.isoformat(), "plan": plan}
    state = {"unfinished": [{**record, "steps": verified}], "lock": None}
    seen = Observation(at=AT, hosts=(HostObservation(name="app1", state=state),))
    playbooks: list[str] = []
    providers: list[str] = []

    def execute(_hands: Any, _run: Run, _plan: Plan, step: Step, hosts: tuple[str, ...], **_: Any) -> Execution:
        playbooks.append(step.id)
        return Execution(tuple(StepResult(step=step.id, host=host, status=StepStatus.VERIFIED) for host in hosts))

    def execute_segment(_hands: Any, run: Run, plan: Plan, segment: Segment) -> Execution:
        return Execution(sum((execute(None, run, plan, step, segment.hosts).results for step in segment.steps), ()))

    def by_provider(_: Context, work: StepWork) -> Performance:
        providers.append(work.step.id)
        return Performance(Execution((StepResult(step=work.step.id, host="app1", status=StepStatus.VERIFIED),)))

    upgrade = operation_named("upgrade")
    performers = dict.fromkeys(upgrade.performers, by_provider)
    monkeypatch.setattr(context, "observe", lambda: seen)
    monkeypatch.setattr(executor, "execute", execute)
    monkeypatch.setattr(executor, "execute_segment", execute_segment)
    monkeypatch.setattr(executor, "stop_at_safe_point", lambda *_, **__: {})
    monkeypatch.setattr(executor, "known_operation", lambda _: replace(upgrade, performers=performers))
    run = resume(context, "run-a", now_reason="a test")
    assert (run.exit_code, run.operation) == (0, "upgrade")
    assert providers == ["hardware", "retune"]
    assert playbooks == ["start", "gate", "unfreeze"]
