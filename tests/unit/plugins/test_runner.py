"""The runner of segments on a host: each step ends verified or undone, whoever asks, hangs, dies or goes away."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.state import registry, runner
from plugins.module_utils.state.act import Act, Work
from plugins.module_utils.state.fence import FINISHES_VARIABLE, HOLDER_VARIABLE
from plugins.module_utils.state.lock import Claim, hold
from plugins.module_utils.state.options import STEP, Options
from plugins.module_utils.state.preemption import ask
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.segment import SegmentFiles, process_started
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.state.undoing import Undoing
from plugins.module_utils.system.failure import HostSideError

RUN = "20260301T020000-9f3ac1"
CLAIM = Claim(RUN, "me", "test", "rightsize", 600, holder="token")


class Host:
    """A host whose acts write lines into a file, which is what their undoing takes out again."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "written"
        self.file.write_text("")
        self.folder = StateFolder(str(folder / "state"))
        self.folder.prepare()
        hold(self.folder, CLAIM, time.time())
        RunRecord(self.folder, RUN).begin({"owner": "me"}, time.time())
        self.files = SegmentFiles(self.folder, RUN)

    def write(self, work: Work) -> dict[str, Any]:
        record = RunRecord(self.folder, work.params["run_id"])
        record.note_inverse(work.params["step_id"], "line", {"line": work.params["line"]})
        if work.params["line"] not in self.lines:
            self.file.write_text("".join(f"{line}\n" for line in [*self.lines, work.params["line"]]))
        {**_THEN, "ask": self.ask}[work.params["then"]]()
        return {"changed": True, "sentence": work.params["say"]}

    def undo(self, _undoing: Undoing, inverse: dict[str, Any]) -> None:
        if "stuck" in inverse["line"]:
            raise HostSideError("It does not come off.", kind="restore")
        self.file.write_text("".join(f"{line}\n" for line in self.lines if line != inverse["line"]))

    @property
    def lines(self) -> list[str]:
        return self.file.read_text().splitlines()

    def send(self, *steps: dict[str, Any], unattended: bool = False, silence: float = 60) -> None:
        self.files.begin(
            {
                "run_id": RUN,
                "steps": list(steps),
                "unattended": unattended,
                "silence_seconds": silence,
                "docker_socket": "/nowhere",
                "holder": CLAIM.holder,
            }
        )

    def ask(self) -> None:
        ask(self.folder, operation="emergency", owner="she", reason="P1", seconds=60, now=time.time())

    def carry(self) -> dict[str, Any]:
        runner.carry(self.folder, RUN)
        return self.files.read()

    def statuses(self) -> dict[str, str]:
        return {step: result["status"] for step, result in self.files.read()["results"].items()}


def _fail() -> None:
    raise HostSideError("It does not fit.", kind="gate", rule="X-01")


def _hang() -> None:
    threading.Event().wait(60)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _break() -> None:
    raise ZeroDivisionError("by zero")


_THEN: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "fail": _fail,
    "hang": _hang,
    "die": _die,
    "break": _break,
}


def step(name: str, then: str = "", seconds: float = 30, say: str = "") -> dict[str, Any]:
    return {
        "id": name,
        "title": f"Write {name}",
        "timeout_seconds": seconds,
        "rollback_seconds": 30,
        "acts": [{"name": "write", "title": "Write a line", "values": {"line": name, "then": then, "say": say}}],
    }


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv(HOLDER_VARIABLE, "nobody's")  # at boot there is none, so what was sent has to say it
    monkeypatch.setenv(FINISHES_VARIABLE, "")
    host = Host(tmp_path)
    options: Options = {
        "line": {"type": "str", "required": True},
        "then": {"type": "str", "default": ""},
        "say": {"type": "str", "default": ""},
        **STEP,
    }
    monkeypatch.setitem(registry.ACTS, "write", Act("write", options, host.write))
    monkeypatch.setitem(registry.UNDOS, "line", host.undo)
    return host


def test_a_step_with_a_part_to_come_is_not_over_and_its_failure_undoes_all_of_it(host: Host) -> None:
    host.send({**step("one"), "goes_on": True})
    assert host.carry()["results"]["one"]["status"] == "verified"
    assert RunRecord(host.folder, RUN).step("one")["status"] == "running"
    assert host.lines == ["one"]
    host.send(step("one", "fail"))
    host.carry()
    assert RunRecord(host.folder, RUN).step("one")["status"] == "rolled back"
    assert host.lines == []


def test_steps_are_done_in_their_order_and_recorded_as_verified(host: Host) -> None:
    host.send(step("one"), step("two", say="Of two nothing is proved."))
    record = host.carry()
    assert host.lines == ["one", "two"]
    assert host.statuses() == {"one": "verified", "two": "verified"}
    assert record["results"]["two"]["message"] == "Of two nothing is proved."
    assert RunRecord(host.folder, RUN).step("two")["status"] == "verified"
    assert [event["event"] for event in host.files.events()] == [
        "step begins", "act", "step ends", "step begins", "act", "step ends", "segment ends",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ("fail", "It does not fit."),
        ("die", "Its process was killed."),
        ("break", "The program failed (ZeroDivisionError: by zero)."),
        ("hang", "It took longer than 0 s and was stopped."),
    ],
)
def test_a_step_that_fails_is_undone_and_no_later_one_begins(host: Host, then: str, why: str) -> None:
    host.send(step("one"), step("two", then, seconds=0.4 if then == "hang" else 30), step("three"))
    record = host.carry()
    assert host.lines == ["one"]
    assert host.statuses() == {"one": "verified", "two": "rolled back"}
    assert record["results"]["two"]["message"].startswith(why)
    assert record["results"]["two"]["restored"]
    assert RunRecord(host.folder, RUN).step("two")["status"] == "rolled back"


def test_what_cannot_be_undone_is_said_and_the_rule_that_failed_too(host: Host) -> None:
    host.send(step("stuck", "fail"))
    result = host.carry()["results"]["stuck"]
    assert (result["status"], result["restored"], result["rule"]) == ("rollback failed", False, "X-01")
    assert result["message"] == "It does not fit. Not everything could be put back: It does not come off."


def test_without_the_lock_nothing_is_done_and_nothing_undone(host: Host) -> None:
    host.send(step("one"))
    host.folder.write("lock.json", {**(host.folder.read("lock.json") or {}), "run_id": "another", "owner": "she"})
    RunRecord(host.folder, RUN).start_step("one", 0.0)
    record = host.carry()
    assert record["results"]["one"]["status"] == "failed"
    assert "locked by she" in record["results"]["one"]["message"]
    assert host.lines == []


def test_an_attended_run_that_nobody_follows_stops_before_its_next_step(host: Host) -> None:
    host.send(step("one"), step("two"), silence=-1)
    record = host.carry()
    assert host.lines == []
    assert record["stopped"] == "Nobody has asked for it for more than -1 s."


def test_an_unattended_run_goes_on_though_nobody_follows(host: Host) -> None:
    host.send(step("one"), step("two"), unattended=True, silence=-1)
    host.carry()
    assert host.lines == ["one", "two"]


def test_it_stops_between_two_steps_where_something_more_urgent_asks_for_the_host(host: Host) -> None:
    host.send(step("one", "ask"), step("two"))
    record = host.carry()
    assert (host.lines, host.files.left) == (["one"], True)
    assert record["stopped"] == "The host is asked for by she: emergency, P1."


def test_what_the_host_was_asked_for_does_not_stop_itself(host: Host) -> None:
    RunRecord(host.folder, RUN).begin({"operation": "emergency"}, time.time())
    host.send(step("one", "ask"), step("two"))
    host.carry()
    assert (host.lines, host.files.left) == (["one", "two"], False)


def test_a_step_that_has_to_begin_by_a_time_is_not_begun_later(host: Host) -> None:
    host.send(step("one"), {**step("two"), "begins_by": time.time() - 1})
    assert host.carry()["stopped"] == "It is too late to begin: Write two."
    assert host.statuses() == {"one": "verified"}


def test_what_is_left_is_what_nobody_has_done_of_a_run_that_has_begun(host: Host) -> None:
    host.send(step("one"), step("two"))
    assert not host.files.left, "nothing was begun, so the lock may be given back"
    record = RunRecord(host.folder, RUN)
    record.start_step("one", 0.0)
    assert host.files.left
    for name in ("one", "two"):  # and then the runner was killed before it had written its own result
        record.end_step(name, "verified", 0.0)
    assert not host.files.left


def test_how_long_ago_a_step_was_is_told_because_clocks_differ(host: Host) -> None:
    host.send(step("one"))
    host.carry()
    outcome = host.files.outcomes()["one"]
    assert 0 <= outcome["ended_ago"] <= outcome["began_ago"] < 30


def test_a_segment_that_was_followed_before_the_host_started_is_silent(host: Host) -> None:
    host.send(step("one"))
    (Path(host.folder.path) / f"segments/{RUN}.asked").write_text(json.dumps({"at": 1e15, "events": 0}))
    assert host.files.silent_for() == float("inf")


def test_it_stops_at_the_end_of_the_step_where_it_is_asked_to(host: Host) -> None:
    host.send(step("one"), step("two"))
    host.files.ask_to_stop("It was asked to stop.", undo=False)
    assert host.carry()["stopped"] == "It was asked to stop."
    assert host.lines == []


def test_a_step_at_hand_is_undone_at_once_where_that_is_wanted(host: Host) -> None:
    host.send(step("one"), step("two", "hang"))
    work = threading.Thread(target=host.carry)
    work.start()
    _wait(lambda: host.lines == ["one", "two"])
    assert host.files.brought_to_rest(30, undo=True) == (True, "Write one: verified. Write two: rolled back.")
    work.join(30)
    assert host.lines == ["one"]
    assert host.files.read()["results"]["two"]["message"].startswith("It was cancelled.")


def test_after_a_crash_the_step_at_hand_is_done_again_and_then_it_stops_where_nobody_asks(host: Host) -> None:
    host.send(step("one"), step("two"), step("three"), silence=-1)
    record = host.files.read()
    host.files.write({**record, "results": {"one": {"status": "verified", "message": ""}}})
    RunRecord(host.folder, RUN).start_step("two", 0.0)  # and then the host went down
    runner.recover(host.folder)
    assert host.lines == ["two"]
    assert host.statuses() == {"one": "verified", "two": "verified"}
    assert "Nobody has asked" in host.files.read()["stopped"]


@pytest.mark.parametrize("then", ["", "fail"])
def test_a_runner_whose_run_was_taken_up_meanwhile_does_nothing_and_undoes_nothing(host: Host, then: str) -> None:
    host.send(step("one", then), step("two"))
    hold(host.folder, replace(CLAIM, owner="bob", holder="another", dead_epoch=1), time.time())
    results = host.carry()["results"]
    assert list(results) == ["one"]
    assert (results["one"]["status"], results["one"]["kind"]) == ("failed", "fenced")
    assert "taken up by bob" in results["one"]["message"] or "carried out by bob" in results["one"]["message"]
    assert host.lines == []


def test_a_runner_that_is_killed_takes_its_step_with_it_and_another_one_goes_on(host: Host) -> None:
    host.send(step("one", "hang"))
    child = os.fork()
    if not child:
        host.carry()
        os._exit(0)
    _wait(lambda: host.lines == ["one"])
    processes = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    working = [pid for pid in processes if _parent(pid) == child]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert working
    _wait(lambda: all(process_started(pid) is None for pid in working))
    host.files.write({**host.files.read(), "steps": [step("one")]})
    host.carry()
    assert (host.lines, host.statuses()) == (["one"], {"one": "verified"})


def test_an_act_that_is_not_known_here_is_one_sentence(host: Host) -> None:
    host.send({**step("one"), "acts": [{"name": "fly", "title": "", "values": {}}]})
    assert host.carry()["results"]["one"]["message"].startswith("This version does not know the act fly.")


def test_an_option_that_an_act_does_not_have_is_refused(host: Host) -> None:
    host.send({**step("one"), "acts": [{"name": "write", "title": "", "values": {"line": "one", "height": 3}}]})
    assert host.carry()["results"]["one"]["message"].startswith("write does not know height.")
    assert host.lines == []


def _wait(condition: Callable[[], bool], bound: float = 30) -> None:
    end = time.monotonic() + bound
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_a_runner_is_dead_only_when_nobody_starts_it_again(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugins.module_utils.state.segment._RESTARTED_WITHIN", 2.0)
    host.send(step("one", "hang"))
    host.files.write({**host.files.read(), "runner": {"pid": 1, "started": -1}})
    started = {"pid": os.getpid(), "started": process_started(os.getpid())}
    again = threading.Timer(0.5, lambda: host.files.write({**host.files.read(), "runner": started}))
    again.start()
    assert host.files.runner_lives()
    again.join()
    monkeypatch.setattr("plugins.module_utils.state.segment._RESTARTED_WITHIN", 0.1)
    host.files.write({**host.files.read(), "runner": {"pid": 1, "started": -1}})
    assert not host.files.runner_lives()
    host.files.write({**host.files.read(), "status": "ended"})
    assert host.files.runner_lives(), "it has come to its end meanwhile"
