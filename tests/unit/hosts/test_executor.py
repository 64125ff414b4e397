"""What a step hands to its playbook."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from selextract_infra.errors import FencedError
from selextract_infra.hosts import executor
from selextract_infra.hosts.executor import Hands, execute, values_of
from selextract_infra.hosts.holder import identity_of
from selextract_infra.hosts.identity import claim
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.runner import HostOutcome, PlaybookOutcome
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, StepStatus

AT = datetime(2026, 1, 4, 2, tzinfo=UTC)


def step(name: str, *hosts: str) -> Step:
    return Step(
        id=name, title=name, playbook="selextract.infra.replica", hosts=hosts, values={host: {} for host in hosts},
        verification="", rollback="", estimate_seconds=1, rollback_seconds=1, timeout_seconds=1,
    )  # fmt: skip


PLAN = Plan(
    operation="test", made_at=AT, made_by="a test", policy_digest="", observation_digest="", hosts=("app1", "db2"),
    steps=(step("one", "app1", "db2"), step("two", "app1")),
)  # fmt: skip
RUN = Run(
    id="r1",
    operation="test",
    plan_digest="",
    policy_digest="",
    owner="ann@laptop",
    purpose="",
    hosts=PLAN.hosts,
    started_at=AT,
)


def last_of(one: Step, *, last: bool) -> dict[str, bool]:
    given = values_of(RUN, PLAN, one, one.hosts, last=last)["hosts"]
    return {host: values["last"] for host, values in given.items()}


def test_each_host_gets_its_lock_back_with_its_own_last_step() -> None:
    one, two = PLAN.steps
    assert last_of(one, last=False) == {"app1": False, "db2": True}
    assert last_of(two, last=True) == {"app1": True}


def test_a_part_of_a_step_is_nobodys_last() -> None:
    assert last_of(step("part", "app1"), last=False) == {"app1": False}


def test_the_lock_is_taken_in_the_runs_name_for_the_time_of_the_step() -> None:
    claimed = values_of(RUN, PLAN, PLAN.steps[0], ("app1",), last=False)["run"]
    assert (claimed["id"], claimed["owner"], claimed["step"]) == ("r1", "ann@laptop", "one")
    assert claimed["lease_seconds"] == 2
    assert Plan.model_validate(claimed["plan"]) == PLAN


def handled(monkeypatch: pytest.MonkeyPatch, status: Literal["ok", "failed"], **results: dict[str, Any]) -> Any:
    """What a step comes to whose playbook ended like that on its host."""
    outcome = PlaybookOutcome("failed", {"app1": HostOutcome(status=status, results=results)}, seconds=1.0)
    monkeypatch.setattr(executor, "run_playbook", lambda *_, **__: outcome)
    hands = Hands(Inventory(Path("hosts.yml"), ()), clock=lambda: AT, holder="token")
    return execute(hands, RUN, PLAN, PLAN.steps[1], ("app1",), last=True)


@pytest.mark.parametrize("kind", ["fenced", "locked"])
def test_an_act_that_the_host_refused_to_this_holder_is_neither_a_failure_nor_undone(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    sentence = "Run r1 was taken up by bob@desk at 02:10, so nothing more is changed from here."
    refused = {"kind": kind, "msg": sentence, "failed": True}
    with pytest.raises(FencedError, match=f"^app1: {sentence}$") as problem:
        handled(monkeypatch, "failed", lock={"acquired": True}, limits=refused, back={**refused, "msg": "again"})
    assert problem.value.exit_code == 5
    assert "--take-over" in str(problem.value.remedy)


def test_a_claim_that_comes_too_late_says_who_has_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = {"run_id": "r1", "owner": "bob@desk", "refused": "Run r1 is being carried out by bob@desk."}
    with pytest.raises(FencedError, match=r"^app1: Run r1 is being carried out by bob@desk\.$"):
        handled(monkeypatch, "failed", lock={"acquired": False, "holder": holder})


def test_every_claim_shows_its_holder_and_which_process_that_is() -> None:
    first, second = (claim("r1", "o", "p", step="s", lease=1, policy_digest="") for _ in range(2))
    assert first["holder"] != second["holder"], "a playbook of its own is a holder of its own"
    given = values_of(RUN, PLAN, PLAN.steps[0], ("app1",), last=False, holder="token")["run"]
    assert (given["holder"], given["identity"]) == ("token", identity_of())


def test_a_lock_that_could_not_be_given_back_makes_no_failure_of_a_step_that_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    carried = {"finished": True, "steps": {"two": {"status": "verified"}}, "acquired": True}
    (done,) = handled(monkeypatch, "failed", carried=carried, free={"msg": "It is full.", "kind": "state"}).results
    assert done.status is StepStatus.VERIFIED


def test_a_step_whose_follower_was_killed_is_not_undone_because_nobody_knows_how_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: dict[str, Any] = {
        "On the host": {"msg": "MODULE FAILURE", "module_stderr": "Killed"},
        "lock": {"acquired": True},
    }
    (lost,) = handled(monkeypatch, "failed", **killed).results
    assert lost.status is StepStatus.UNREACHABLE
