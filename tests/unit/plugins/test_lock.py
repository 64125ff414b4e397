from __future__ import annotations

import threading
from pathlib import Path

import pytest

from plugins.module_utils.state.fence import who
from plugins.module_utils.state.lock import Claim, ClaimVerdict, claimed, free, held_run, hold, judge
from plugins.module_utils.state.preemption import ask, asked, take_back
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError

NOW = 1_700_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    state = StateFolder(str(tmp_path / "state"))
    state.prepare()
    return state


def claim(run: str = "run-a", seconds: float = 60) -> Claim:
    return Claim(run, f"owner of {run}", "right-size app1", "rightsize", seconds)


def test_a_free_host_is_locked_with_owner_purpose_and_lease(folder: StateFolder) -> None:
    verdict = hold(folder, claim(), NOW)
    assert verdict.acquired
    assert folder.read("lock.json") == {
        "format": 1,
        "run_id": "run-a",
        "owner": "owner of run-a",
        "purpose": "right-size app1",
        "operation": "rightsize",
        "taken_at": "2023-11-14T22:13:20+00:00",
        "lease_until": "2023-11-14T22:14:20+00:00",
        "lease_seconds": 60,
        "renewed_at": "2023-11-14T22:13:20+00:00",
        "epoch": 1,
        "holder": "",
        "identity": {},
    }


def test_a_lock_says_which_project_it_is_about(folder: StateFolder) -> None:
    given = {
        "run_id": "run-a", "owner": "ops", "purpose": "right-size app1", "operation": "rightsize", "lease_seconds": 60,
        "identity": {}, "run": {"plan": {"plan": {"decisions": [{"project": "shop"}, {"project": None}]}}},
    }  # fmt: skip
    assert (claimed(folder, given, NOW).holder or {})["project"] == "shop"
    assert who(folder.read("lock.json") or {}).startswith("ops for right-size app1 (project shop) since")


def test_somebody_else_is_refused_and_told_who_has_it(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    verdict = hold(folder, claim("run-b"), NOW + 10)
    assert not verdict.acquired
    assert "locked by owner of run-a for right-size app1 since 2023-11-14T22:13:20+00:00" in verdict.sentence


def test_the_same_run_extends_its_lease_and_keeps_when_it_was_taken(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    verdict = hold(folder, claim(seconds=300), NOW + 50)
    assert verdict.acquired
    record = folder.read("lock.json")
    assert record is not None
    assert record["taken_at"] == "2023-11-14T22:13:20+00:00"
    assert record["lease_until"] == "2023-11-14T22:19:10+00:00"


def test_who_takes_a_run_up_is_its_owner_from_then_on(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    hold(folder, Claim("run-a", "another process", "right-size app1", "rightsize", 60), NOW + 10)
    assert (folder.read("lock.json") or {})["owner"] == "another process"


def test_an_expired_lease_without_unfinished_run_is_taken_over_and_recorded(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    verdict = hold(folder, claim("run-b"), NOW + 61)
    assert verdict.acquired
    record = folder.read("lock.json")
    assert record is not None
    assert record["took_over"]["owner"] == "owner of run-a"


def test_an_expired_lease_with_an_unfinished_run_names_resume(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    RunRecord(folder, "run-a").begin({"owner": "owner of run-a", "purpose": "right-size app1"}, NOW)
    verdict = hold(folder, claim("run-b"), NOW + 61)
    assert not verdict.acquired
    assert verdict.holder is not None
    assert verdict.holder["unfinished"] == "run-a"
    assert "selextract-infra resume run-a" in verdict.sentence
    assert hold(folder, claim("run-a"), NOW + 62).acquired


def test_an_unfinished_run_keeps_others_out_even_without_lock(folder: StateFolder) -> None:
    RunRecord(folder, "run-a").begin({"owner": "me", "purpose": "p"}, NOW)
    assert not hold(folder, claim("run-b"), NOW).acquired


def test_of_two_that_want_it_at_once_one_gets_it(folder: StateFolder) -> None:
    verdicts: list[ClaimVerdict] = []
    ready = threading.Barrier(8)

    def take(name: str) -> None:
        ready.wait()
        verdicts.append(hold(folder, claim(name), NOW))

    threads = [threading.Thread(target=take, args=(f"run-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(verdict.acquired for verdict in verdicts) == 1


def test_judging_changes_nothing(folder: StateFolder) -> None:
    assert judge(folder, claim(), NOW).acquired
    assert folder.read("lock.json") is None


def test_only_its_own_run_gives_it_back(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    assert not free(folder, "run-b").acquired
    assert folder.read("lock.json") is not None
    assert free(folder, "run-a").acquired
    assert folder.read("lock.json") is None


def test_unlocking_leaves_the_lock_of_an_unfinished_run(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    RunRecord(folder, "run-a").begin({"owner": "me"}, NOW)
    verdict = free(folder, None)
    assert not verdict.acquired
    assert "resume run-a" in verdict.sentence


def test_a_lock_file_that_is_no_record_is_never_taken_over(folder: StateFolder) -> None:
    Path(folder.path, "lock.json").write_text("not json", encoding="utf-8")
    with pytest.raises(HostSideError, match="nothing was touched"):
        hold(folder, claim(), NOW)


def test_only_a_run_that_began_and_holds_the_lock_may_change_anything(folder: StateFolder) -> None:
    with pytest.raises(HostSideError, match="has to take it first"):
        held_run(folder, "run-a")
    hold(folder, claim(), NOW)
    with pytest.raises(HostSideError, match="has to take it first"):
        held_run(folder, "run-a")
    RunRecord(folder, "run-a").begin({"owner": "me"}, NOW)
    assert held_run(folder, "run-a").exists
    free(folder, "run-a")
    hold(folder, claim("run-a"), NOW)
    RunRecord(folder, "run-b").begin({"owner": "me"}, NOW)
    with pytest.raises(HostSideError, match="locked by owner of run-a") as problem:
        held_run(folder, "run-b")
    assert problem.value.kind == "locked"


def test_who_works_gives_the_lock_back_to_something_urgent_and_can_go_on_afterwards(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    record = RunRecord(folder, "run-a")
    record.begin({"owner": "me"}, NOW)
    record.start_step("one", NOW)
    record.end_step("one", "verified", NOW)
    request(folder)
    waiting = hold(folder, urgent(), NOW + 1)
    assert not waiting.acquired
    assert "locked by owner of run-a" in waiting.sentence
    stopped = hold(folder, claim(), NOW + 2)
    assert not stopped.acquired
    assert "asked for by ops since" in stopped.sentence
    assert folder.read("lock.json") is None
    assert RunRecord(folder, "run-a").content["status"] == "running"
    assert hold(folder, urgent(), NOW + 3).acquired
    assert not hold(folder, claim("run-c"), NOW + 4).acquired
    free(folder, "run-e")
    assert not hold(folder, claim(), NOW + 5).acquired
    take_back(folder)
    assert hold(folder, claim(), NOW + 6).acquired


def test_a_request_ends_by_itself(folder: StateFolder) -> None:
    request(folder)
    assert not hold(folder, claim(), NOW + 59).acquired
    assert hold(folder, claim(), NOW + 60).acquired
    assert asked(folder, NOW + 60) is None


def test_what_is_being_put_back_is_no_safe_point(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    request(folder)
    assert hold(folder, Claim("run-a", "me", "roll back", "restore", 60), NOW + 1).acquired
    assert not hold(folder, Claim("run-b", "me", "roll back", "restore", 60), NOW + 1).acquired


def test_judging_leaves_the_lock_of_who_is_asked_to_stop(folder: StateFolder) -> None:
    hold(folder, claim(), NOW)
    request(folder)
    assert not judge(folder, claim(), NOW + 1).acquired
    assert folder.read("lock.json") is not None


def request(folder: StateFolder) -> None:
    ask(folder, operation="emergency", owner="ops", reason="P1", seconds=60, now=NOW)


def urgent() -> Claim:
    return Claim("run-e", "ops", "P1", "emergency run", 60)
