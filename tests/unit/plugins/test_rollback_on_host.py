"""A rollback of several steps is carried out by the host: newest first, to its end, whoever dies or goes away."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.state import registry, runner
from plugins.module_utils.state.host_note import NoteOfRun
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.segment import steps_to_undo
from plugins.module_utils.state.undoing import Undoing
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.test_runner import RUN, Host, host, step

__all__ = ["host"]


@pytest.fixture
def done(host: Host) -> Host:
    """Three steps are done, with nothing left to do for the Run."""
    host.send(step("one"), step("two"), step("three"))
    host.carry()
    assert host.lines == ["one", "two", "three"]
    return host


def roll_back(host: Host) -> dict[str, Any]:
    steps = steps_to_undo(RunRecord(host.folder, RUN), None)
    host.files.begin({**host.files.read(), "steps": steps, "undoes": True})
    return host.carry()


def order(host: Host) -> list[str]:
    return [event["step"] for event in host.files.events() if event["event"] == "step begins"]


def test_all_steps_are_put_back_newest_first_and_the_host_is_compared_at_the_end(done: Host) -> None:
    record = roll_back(done)
    assert order(done) == ["three", "two", "one"]
    assert (done.lines, set(done.statuses().values())) == ([], {"rolled back"})
    assert (record["status"], done.files.left) == ("ended", False)
    assert record["undone"]["restored"]


def test_a_rollback_goes_on_though_nobody_follows_it_and_something_urgent_asks_for_the_host(done: Host) -> None:
    done.files.write({**done.files.read(), "silence_seconds": -1})
    done.ask()
    roll_back(done)
    assert done.lines == []


def test_a_rollback_whose_runner_was_killed_goes_on_where_it_was(done: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    undo = registry.UNDOS["line"]

    def hang_at_two(undoing: Undoing, inverse: Any) -> None:
        if inverse["line"] == "two":
            time.sleep(60)
        undo(undoing, inverse)

    monkeypatch.setitem(registry.UNDOS, "line", hang_at_two)
    child = os.fork()
    if not child:
        roll_back(done)
        os._exit(0)
    end = time.monotonic() + 20
    while order(done) != ["three", "two"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert done.lines == ["one", "two"]
    assert done.files.left, "the Run is not over, so its lock is not given back"
    monkeypatch.setitem(registry.UNDOS, "line", undo)
    runner.recover(done.folder)  # as at boot
    assert done.lines == []
    assert list(done.files.read()["results"]) == ["three", "two", "one"]
    assert done.files.read()["undone"]["restored"]


def test_what_was_found_before_a_rollback_is_not_looked_at_again_by_whoever_goes_on(
    done: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what others changed after the Run would be a difference, or what the rollback did would be none."""
    before, left, found = ({"container api-1": {"memory": size}} for size in ("1 GB", "2 GB", "3 GB"))
    monkeypatch.setattr(NoteOfRun, "before", before)
    monkeypatch.setattr(NoteOfRun, "after", left)
    monkeypatch.setattr(NoteOfRun, "look", lambda *_: found)
    assert roll_back(done)["undone"]["differences"] == [], "somebody had changed it before the rollback"
    begun = {"begun": {"found": left}}
    done.files.begin({**done.files.read(), "steps": [], "undoes": True, **begun})
    assert done.carry()["undone"]["differences"] == ["container api-1: memory is 3 GB, and was 1 GB."]


def test_a_step_that_cannot_be_put_back_keeps_no_other_from_it_and_the_run_says_so(host: Host) -> None:
    host.send(step("one"), step("stuck"), step("three"))
    host.carry()
    record = roll_back(host)
    assert host.statuses() == {"three": "rolled back", "stuck": "rollback failed", "one": "rolled back"}
    assert not record["undone"]["restored"]
    assert "It does not come off." in record["undone"]["sentence"]
    assert RunRecord(host.folder, RUN).step("stuck")["status"] == "rollback failed"


def test_a_step_whose_way_back_is_killed_is_recorded_as_not_put_back(
    done: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    undo = registry.UNDOS["line"]

    def die_at_two(undoing: Undoing, inverse: Any) -> None:
        if inverse["line"] == "two":
            os.kill(os.getpid(), signal.SIGKILL)
        undo(undoing, inverse)

    monkeypatch.setitem(registry.UNDOS, "line", die_at_two)
    record = roll_back(done)
    assert done.lines == ["two"]
    assert record["undone"]["sentence"].startswith("Not everything could be put back: Its process was killed.")
    assert RunRecord(done.folder, RUN).step("two")["status"] == "rollback failed"


def test_a_rollback_stops_between_two_steps_for_whoever_takes_the_run_up(done: Host) -> None:
    steps = steps_to_undo(RunRecord(done.folder, RUN), None)
    done.files.begin({**done.files.read(), "steps": steps, "undoes": True})
    done.files.ask_to_stop("It was asked to stop.", undo=True)
    record = done.carry()
    assert (record["stopped"], done.lines) == ("It was asked to stop.", ["one", "two", "three"])
    assert done.files.left


def test_a_run_that_this_host_does_not_know_is_not_rolled_back(host: Host, tmp_path: Path) -> None:
    with pytest.raises(HostSideError, match="knows no run r-9"):
        steps_to_undo(RunRecord(host.folder, "r-9"), None)
    assert steps_to_undo(RunRecord(host.folder, "r-9"), ["a"])[0]["title"] == "Put back: a"
