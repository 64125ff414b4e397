"""What a step access to its playbook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from selextract_infra.errors import FencedError, LockedError
from selextract_infra.hosts import executor
from selextract_infra.hosts.events import HostStatus
from selextract_infra.hosts.executor import HostAccess, execute, execute_segment, values_of
from selextract_infra.hosts.identity import claim, identity_of
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.runner import HostOutcome, PlaybookOutcome
from selextract_infra.hosts.step_results import Segment
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, StepStatus

AT = datetime(2026, 1, 4, 2, tzinfo=UTC)


def step(name: str, *hosts: str) -> Step:
    return Step(
        id=name, title=name, playbook="selextract.infra.freeze", hosts=hosts, values={host: {} for host in hosts},
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
    given = values_of(RUN, PLAN, Segment((one,), one.hosts, last))["hosts"]
    return {host: values["last"] for host, values in given.items()}


def test_each_host_gets_its_lock_back_with_its_own_last_step() -> None:
    one, two = PLAN.steps
    assert last_of(one, last=False) == {"app1": False, "db2": True}
    assert last_of(two, last=True) == {"app1": True}


def test_a_part_of_a_step_is_nobodys_last() -> None:
    assert last_of(step("part", "app1"), last=False) == {"app1": False}


def test_the_lock_is_taken_in_the_runs_name_for_the_time_of_the_step() -> None:
    claimed = values_of(RUN, PLAN, Segment(PLAN.steps[:1], ("app1",), last=False))["run"]
    assert (claimed["id"], claimed["owner"], claimed["step"]) == ("r1", "ann@laptop", "one")
    assert claimed["lease_seconds"] == 2
    assert Plan.model_validate(claimed["plan"]) == PLAN


def handled(monkeypatch: pytest.MonkeyPatch, status: Literal["ok", "failed"], **results: dict[str, Any]) -> Any:
    """What a step comes to whose playbook ended like that on its host."""
    outcome = PlaybookOutcome("failed", {"app1": HostOutcome(status=status, results=results)}, seconds=1.0)
    monkeypatch.setattr(executor, "run_playbook", lambda *_, **__: outcome)
    access = HostAccess(Inventory(Path("hosts.yml"), ()), clock=lambda: AT, holder="token")
    return execute(access, RUN, PLAN, PLAN.steps[1], ("app1",), last=True)


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


def test_a_step_before_which_the_host_stopped_is_not_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, ended = {"acquired": True}, {"finished": True, "steps": {}, "stopped": "Nobody has asked for it."}
    (result,) = handled(monkeypatch, "ok", lock=lock, ended=ended).results
    assert (result.status, result.message) == (StepStatus.NOT_BEGUN, "Nobody has asked for it.")


def test_a_claim_that_comes_too_late_says_who_has_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = {"run_id": "r1", "owner": "bob@desk", "refused": "Run r1 is being carried out by bob@desk."}
    with pytest.raises(FencedError, match=r"^app1: Run r1 is being carried out by bob@desk\.$"):
        handled(monkeypatch, "failed", lock={"acquired": False, "holder": holder})


def test_every_claim_shows_its_holder_and_which_process_that_is() -> None:
    first, second = (claim("r1", "o", "p", step="s", lease=1, policy_digest="") for _ in range(2))
    assert first["holder"] != second["holder"], "a playbook of its own is a holder of its own"
    given = values_of(RUN, PLAN, Segment(PLAN.steps[:1], ("app1",), last=False), holder="token")["run"]
    assert (given["holder"], given["identity"]) == ("token", identity_of())


VALUES = {"project": "shop", "state": "absent", "replace": False, "bound_seconds": 30}


def carried(name: str) -> Step:
    return step(name, "app1").model_copy(update={"playbook": "selextract.infra.pgbouncer", "values": {"app1": VALUES}})


CARRIED = PLAN.model_copy(update={"steps": tuple(carried(name) for name in ("one", "two", "three"))})
VERIFIED = {"status": "verified", "message": "", "changed": True, "began_ago": 30, "ended_ago": 10}
UNDONE = {"status": "rolled back", "message": "It does not fit.", "began_ago": 10, "ended_ago": 1}


def carried_out(
    monkeypatch: pytest.MonkeyPatch,
    host: HostOutcome,
    status: Literal["successful", "failed", "cancelled"] = "failed",
) -> list[tuple[str, str]]:
    """What became of each step of a segment whose playbook ended like that on its host."""
    outcome = PlaybookOutcome(status, {"app1": host}, seconds=1.0)
    monkeypatch.setattr(executor, "run_playbook", lambda *_, **__: outcome)
    access = HostAccess(Inventory(Path("hosts.yml"), ()), clock=lambda: AT, holder="token")
    done = execute_segment(access, RUN, CARRIED, Segment(CARRIED.steps, ("app1",), last=True))
    assert done.cancelled is (status == "cancelled")
    return [(result.step, str(result.status)) for result in done.results]


def ended(status: HostStatus, task: str = "On the host", **result: Any) -> HostOutcome:
    lock = {"acquired": True}
    return HostOutcome(
        status=status, results={"Take the lock": lock, task: {"finished": True, **result}}, message="No."
    )


def test_a_segment_tells_what_became_of_each_step_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {"one": VERIFIED, "two": VERIFIED, "three": VERIFIED}
    assert carried_out(monkeypatch, ended("ok", steps=steps), "successful") == [
        ("one", "verified"), ("two", "verified"), ("three", "verified"),
    ]  # fmt: skip
    outcome = PlaybookOutcome("successful", {"app1": ended("ok", steps=steps)}, seconds=1.0)
    monkeypatch.setattr(executor, "run_playbook", lambda *_, **__: outcome)
    access = HostAccess(Inventory(Path("hosts.yml"), ()), clock=lambda: AT)
    first = execute_segment(access, RUN, CARRIED, Segment(CARRIED.steps, ("app1",), last=True)).results[0]
    assert (first.started_at, first.ended_at) == (AT - timedelta(seconds=30), AT - timedelta(seconds=10))
    assert first.changed


def test_no_step_has_a_result_behind_one_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    host = ended("failed", steps={"one": VERIFIED, "two": UNDONE}, restored=True, differences=[])
    assert carried_out(monkeypatch, host) == [("one", "verified"), ("two", "rolled back")]


def test_a_host_that_stops_early_tells_what_it_has_done(monkeypatch: pytest.MonkeyPatch) -> None:
    host = ended("ok", steps={"one": VERIFIED}, stopped="The host is asked for.")
    assert carried_out(monkeypatch, host, "successful") == [("one", "verified")]
    with pytest.raises(LockedError, match=r"app1 stopped before: one\. The host is asked for\."):
        carried_out(monkeypatch, ended("ok", steps={}, stopped="The host is asked for."), "successful")


def test_a_cancelled_segment_has_its_step_at_hand_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    host = ended("failed", "stop", left=[], steps={"one": VERIFIED, "two": UNDONE})
    assert carried_out(monkeypatch, host, "cancelled") == [("one", "verified"), ("two", "cancelled")]
    nothing = HostOutcome(status="failed", results={}, message="stopped")
    assert carried_out(monkeypatch, nothing, "cancelled") == [("one", "cancelled")]
    all_done = ended("failed", "stop", left=[], steps={"one": VERIFIED, "two": VERIFIED, "three": VERIFIED})
    assert carried_out(monkeypatch, all_done, "cancelled")[-1] == ("three", "cancelled"), "its lock is not given back"


def test_a_host_that_does_not_answer_any_more_is_unreachable_at_its_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    assert carried_out(monkeypatch, HostOutcome(status="unreachable", message="Gone.")) == [("one", "unreachable")]


def test_where_nothing_is_known_of_a_failure_all_of_the_segment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = HostOutcome(status="failed", results={"Take the lock": {"acquired": True}}, message="No.")
    assert carried_out(monkeypatch, lost) == [("three", "failed")]
    assert carried_out(monkeypatch, ended("failed", steps={"one": VERIFIED})) == [
        ("one", "verified"),
        ("two", "failed"),
    ]


@pytest.mark.parametrize(
    "told",
    [[], "one", {"one": []}, {"one": {"status": ["verified"]}}, {"one": {"status": "cancelled", "message": {"a": 1}}},
     {"one": {**VERIFIED, "status": "failed", "began_ago": "long", "ended_ago": float("nan")}}],
)  # fmt: skip
def test_whatever_a_host_tells_of_its_steps_is_read_as_data(monkeypatch: pytest.MonkeyPatch, told: Any) -> None:
    results = carried_out(monkeypatch, ended("failed", steps=told))
    assert [status for _, status in results] == ["failed"]


def test_a_segment_goes_over_once_with_the_time_by_which_each_step_may_begin() -> None:
    segment = Segment(CARRIED.steps, ("app1",), last=False, begins_within={"two": 90.0})
    unattended = RUN.model_copy(update={"unattended": True})
    values = values_of(unattended, CARRIED, segment)
    sent = values["hosts"]["app1"]
    assert [(each["id"], each.get("begins_within_seconds")) for each in sent["steps"]] == [
        ("one", None), ("two", 90.0), ("three", None),
    ]  # fmt: skip
    assert (sent["last"], values["run"]["unattended"], values["run"]["lease_seconds"]) == (True, True, 2)


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
