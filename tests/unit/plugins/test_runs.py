from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils.state.runs import RunRecord, failed_rollbacks, unfinished_runs
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError

NOW = 1_700_000_000.0


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    state = StateFolder(str(tmp_path / "state"))
    state.prepare()
    return state


def test_a_run_that_began_is_unfinished_until_it_ends(folder: StateFolder) -> None:
    run = RunRecord(folder, "run-a")
    run.begin({"owner": "me", "plan": {"steps": []}}, NOW)
    run.start_step("one", NOW)
    assert [record["run_id"] for record in unfinished_runs(folder)] == ["run-a"]
    assert run.end(NOW) == "running"
    run.end_step("one", "verified", NOW + 1)
    assert run.end(NOW + 2) == "done"
    assert unfinished_runs(folder) == []


def test_every_change_is_on_the_disk_at_once(folder: StateFolder) -> None:
    run = RunRecord(folder, "run-a")
    run.begin({"owner": "me"}, NOW)
    run.start_step("one", NOW)
    run.note_inverse("one", "containers", {"id": {"memory": 1}})
    assert RunRecord(folder, "run-a").step("one")["inverse"] == {"containers": {"id": {"memory": 1}}}


def test_an_attempt_that_is_repeated_keeps_the_first_inverse(folder: StateFolder) -> None:
    run = RunRecord(folder, "run-a")
    run.begin({}, NOW)
    run.start_step("one", NOW)
    run.note_inverse("one", "containers", {"id": {"memory": 1}})
    again = RunRecord(folder, "run-a")
    again.start_step("one", NOW + 5)
    again.note_inverse("one", "containers", {"id": {"memory": 2}, "other": {"memory": 3}})
    assert again.step("one")["inverse"]["containers"] == {"id": {"memory": 1}, "other": {"memory": 3}}


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["verified", "verified"], "done"),
        (["verified", "rolled back"], "rolled back"),
        (["rolled back", "rollback failed"], "rollback failed"),
        (["verified", "failed"], "running"),
    ],
)
def test_the_steps_tell_how_a_run_ended(folder: StateFolder, statuses: list[str], status: str) -> None:
    run = RunRecord(folder, "run-a")
    run.begin({}, NOW)
    for number, ended in enumerate(statuses):
        run.start_step(str(number), NOW)
        run.end_step(str(number), ended, NOW)
    assert run.end(NOW) == status


def test_a_run_that_did_nothing_here_leaves_nothing(folder: StateFolder) -> None:
    run = RunRecord(folder, "run-a")
    run.begin({}, NOW)
    run.end(NOW)
    assert folder.names("runs") == []


def test_old_runs_are_forgotten_but_never_an_unfinished_one(folder: StateFolder) -> None:
    RunRecord(folder, "open").begin({}, NOW)
    for number in range(60):
        run = RunRecord(folder, f"run-{number:02}")
        run.begin({}, NOW + number)
        run.start_step("one", NOW)
        run.end_step("one", "verified", NOW)
        run.end(NOW + number)
    names = folder.names("runs")
    assert "open.json" in names
    assert len(names) <= 50
    assert "run-59.json" in names


@pytest.mark.parametrize("name", ["../lock", "", "a/b", ".hidden", "x" * 200])
def test_an_id_that_leads_elsewhere_is_refused(folder: StateFolder, name: str) -> None:
    with pytest.raises(HostSideError, match="not the ID of a run"):
        RunRecord(folder, name)


def test_a_further_task_of_a_step_does_not_begin_it_again(folder: StateFolder) -> None:
    run = RunRecord(folder, "run-a")
    run.start_step_once("one", NOW)
    run.start_step_once("one", NOW + 5)
    assert run.step("one")["started"] == NOW
    run.end_step("one", "failed", NOW + 6, "It did not work.")
    run.start_step_once("one", NOW + 7)
    assert (run.step("one")["status"], run.step("one")["started"]) == ("running", NOW + 7)


def test_a_failure_is_on_the_disk_before_anybody_hears_of_it(folder: StateFolder) -> None:
    run = RunRecord(folder, "run-a")
    run.start_step("one", NOW)
    with pytest.raises(HostSideError), run.failure_noted("one"):
        raise HostSideError("It did not work.", kind="gate")
    noted = RunRecord(folder, "run-a").step("one")
    assert (noted["status"], noted["message"]) == ("failed", "It did not work.")


def test_a_run_that_was_not_put_back_is_listed_with_what_differs_until_it_is(folder: StateFolder) -> None:
    run = RunRecord(folder, "run-a")
    run.begin({"operation": "rightsize"}, NOW)
    run.start_step("one", NOW)
    run.end_step("one", "rollback failed", NOW + 1, "jobs-1 keeps its memory limit.")
    assert failed_rollbacks(folder) == []
    run.end(NOW + 2)
    (listed,) = failed_rollbacks(folder)
    assert (listed["run_id"], listed["operation"]) == ("run-a", "rightsize")
    assert listed["sentence"] == "jobs-1 keeps its memory limit."
    run.end_step("one", "rolled back", NOW + 3)
    run.end(NOW + 4)
    assert failed_rollbacks(folder) == []
