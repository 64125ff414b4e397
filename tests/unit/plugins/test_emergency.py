"""The emergency as a host holds it: one at a time, with its end, and told from what was changed by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.module_utils.state import time_to_live
from plugins.module_utils.state.emergency import Emergency
from plugins.module_utils.state.emergency_end import end_overdue, take_back
from plugins.module_utils.state.host_program import KeptProgram
from plugins.module_utils.state.lock import Claim, hold
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from plugins.module_utils.system.leftover_processes import VARIABLE

NOW = 1_700_000_000.0
NO_DOCKER = "/nowhere/docker.sock"


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    state = StateFolder(str(tmp_path / "state"))
    state.prepare()
    return state


def begun(folder: StateFolder, run: str = "run-a") -> Emergency:
    record = RunRecord(folder, run)
    record.begin({"owner": "me", "plan": {}}, NOW)
    record.start_step("emergency", NOW)
    record.end_step("emergency", "verified", NOW)
    record.end(NOW)
    emergency = Emergency(folder)
    about = {"project": "shop", "directory": "/nowhere", "began_at": "2023-11-14T22:13:20+00:00"}
    emergency.begin({**about, "run_id": run, "step_id": "emergency", "expires_at": NOW + 3600})
    return emergency


def test_a_second_one_is_refused_by_its_rule_and_the_same_run_goes_on(folder: StateFolder) -> None:
    begun(folder)
    Emergency(folder).refuse_another("run-a")
    with pytest.raises(HostSideError, match="X-74") as refusal:
        Emergency(folder).refuse_another("run-b")
    assert refusal.value.rule == "X-74"


@pytest.mark.parametrize("status", ["reverted", "kept", "failed"])
def test_one_that_has_ended_is_in_nobody_s_way(folder: StateFolder, status: str) -> None:
    begun(folder).note(status=status)
    Emergency(folder).refuse_another("run-b")
    assert not Emergency(folder).open


def test_one_that_kept_its_values_because_of_a_change_by_hand_is_still_open_but_waits_no_more(
    folder: StateFolder,
) -> None:
    begun(folder).note(status="refused")
    assert Emergency(folder).open
    assert not Emergency(folder).waits


def test_taking_back_what_is_not_on_does_nothing(folder: StateFolder) -> None:
    record = RunRecord(folder, "run-a")
    ending = take_back(Emergency(folder), record, NO_DOCKER, "me", now=NOW)
    assert ending.ended
    assert "Nothing" not in ending.sentence
    begun(folder).note(status="reverted")
    assert take_back(Emergency(folder), record, NO_DOCKER, "me", now=NOW).ended


def test_the_time_to_live_says_nothing_before_its_time(folder: StateFolder) -> None:
    begun(folder)
    assert end_overdue(folder, NO_DOCKER, NOW + 3599) == ""


def test_the_time_to_live_waits_while_somebody_else_works_there(folder: StateFolder) -> None:
    begun(folder)
    hold(folder, Claim("run-b", "somebody", "something", "rightsize", 600), NOW + 3600)
    sentence = end_overdue(folder, NO_DOCKER, NOW + 3601)
    assert "locked by somebody" in sentence
    assert Emergency(folder).waits


def test_the_time_to_live_waits_for_the_run_that_began_it_until_its_lease_is_over(folder: StateFolder) -> None:
    begun(folder)
    hold(folder, Claim("run-a", "me", "the emergency", "emergency", 600), NOW + 3500)
    assert "still at work" in end_overdue(folder, NO_DOCKER, NOW + 3601)
    with pytest.raises(HostSideError, match="Docker is not running"):
        end_overdue(folder, NO_DOCKER, NOW + 4101)


def test_the_time_to_live_ends_it_though_something_else_was_unfinished_when_it_began(folder: StateFolder) -> None:
    other = RunRecord(folder, "run-b")
    other.begin({"owner": "somebody", "plan": {}}, NOW)
    other.start_step("one", NOW)
    begun(folder)
    with pytest.raises(HostSideError, match="Docker is not running"):
        end_overdue(folder, NO_DOCKER, NOW + 3601)
    refused = hold(folder, Claim("run-c", "me", "anything", "scale", 60), NOW + 3602)
    assert "run-b of somebody" in refused.sentence.replace("Run", "run")


def test_the_time_to_live_stops_what_a_dead_control_machine_left_running(folder: StateFolder) -> None:
    begun(folder)
    carried = {**os.environ, VARIABLE: "run-a"}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=carried) as left:
        with pytest.raises(HostSideError, match="Docker is not running"):
            end_overdue(folder, NO_DOCKER, NOW + 3601)
        assert left.wait(10) != 0


def test_without_docker_it_stays_on_and_frees_the_lock_for_the_next_try(folder: StateFolder) -> None:
    begun(folder)
    with pytest.raises(HostSideError, match="Docker is not running"):
        end_overdue(folder, NO_DOCKER, NOW + 3601)
    assert Emergency(folder).waits
    assert folder.read("lock.json") is None


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[tuple[str, ...]]]:
    """A folder for units, and what systemd is asked for."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(time_to_live, "systemctl", lambda *words: asked.append(words))
    (tmp_path / "units").mkdir()
    return tmp_path / "units", asked


def test_the_program_that_began_it_is_what_ends_it(
    folder: StateFolder, units: tuple[Path, list[tuple[str, ...]]]
) -> None:
    (Path(folder.path) / "emergency.pyz").write_bytes(b"of version 0.1")
    program = KeptProgram(folder, "0123456789ab")
    time_to_live.arm(program, folder, NOW, str(units[0]))
    service = (units[0] / "selextract-emergency.service").read_text()
    assert f"programs/0123456789ab end-emergency {folder.path}\n" in service
    assert "OnCalendar=2023-11-14 22:13:20 UTC" in (units[0] / time_to_live.TIMER).read_text()
    assert units[1] == [("enable", "--now", time_to_live.TIMER)]
    assert not (Path(folder.path) / "emergency.pyz").exists()


@pytest.mark.parametrize(("set_values", "status"), [({"counts": {}}, "reverted"), (None, "failed")])
def test_one_whose_run_was_put_back_is_over_and_its_timer_goes(
    folder: StateFolder, units: tuple[Path, list[tuple[str, ...]]], set_values: dict[str, object] | None, status: str
) -> None:
    emergency = begun(folder)
    emergency.note(set=set_values)
    (units[0] / time_to_live.TIMER).write_text("")
    time_to_live.end_undone(folder, "run-b", str(units[0]))
    assert Emergency(folder).waits
    time_to_live.end_undone(folder, "run-a", str(units[0]))
    assert Emergency(folder).content["status"] == status
    assert ("disable", "--now", time_to_live.TIMER) in units[1]
    assert not (units[0] / time_to_live.TIMER).exists()


def test_the_run_that_it_is_taken_back_from_is_never_forgotten(folder: StateFolder) -> None:
    begun(folder, "run-0")
    for number in range(1, 60):
        record = RunRecord(folder, f"run-{number}")
        record.begin({"owner": "me", "plan": {}}, NOW + number)
        record.start_step("one", NOW + number)
        record.end_step("one", "verified", NOW + number)
        record.end(NOW + number)
    assert RunRecord(folder, "run-0").step("emergency")
    assert not RunRecord(folder, "run-1").exists
