"""Several steps that a host carries out by itself: whoever is killed or goes away, it stops between two of them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from selextract_infra.lab import Lab
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import limits, policy_of
from tests.lab.test_carried import BEFORE, record, runners
from tests.lab.test_rightsize_faults import answering, locked

pytestmark = pytest.mark.lab

SETTLE = ("rightsize", "--settle", "--apply", "--yes", "--now", "a test")
TWO = (*SETTLE, "--service", "frontend")
FIRST, SECOND = "rightsize", "settle-app1-frontend"
ASKED = "/var/lib/selextract-infra/segments/*.asked"
# Whoever follows writes this file anew every 5 s; a module of a killed process may still do it once.
QUIET = f"test $(( $(date +%s) - $(stat -c %Y $(ls -t {ASKED} | head -1)) )) -ge 8"
# As after a network that has been away for two minutes.
LONG_AGO = """python3 - <<'END'
import glob, json, os
path = max(glob.glob("/var/lib/selextract-infra/segments/*.asked"), key=os.path.getmtime)
asked = json.load(open(path))
json.dump({**asked, "at": asked["at"] - 120}, open(path, "w"))
END"""

KILLS_WHO_PUTS_BACK = """cd /var/lib/selextract-infra/segments
until grep -qs '"undoes": true' *.json && grep -qs "step begins" *.events; do sleep 0.02; done
kill -9 $(pgrep -o -f '/programs/[0-9a-f]+ carry')"""


@pytest.fixture
def gated(lab: Lab, oversized: Program, tmp_path: Path) -> Program:
    """As deployed; each of the steps that follow each other waits until something answers at an address."""

    def change(policy: dict[str, Any]) -> None:
        policy["application"]["services"]["frontend"]["health"] = "http://127.0.0.1:9999/"
        policy["rightsizing"].update({"in_place": {"gate": "120 s"}, "settle": {"gate": "120 s"}, "settling": "2 s"})

    return Program(policy_of(lab, tmp_path / "gated", change), oversized.state)


def unattended(gated: Program, folder: Path, *words: str) -> Program:
    """The steps wait in the queue for a window that is open."""
    plan = folder / "plan.json"
    always = {"always": {"rrule": "FREQ=DAILY", "start": "00:00", "duration": "24h", "time_zone": "UTC"}}
    (path,) = (gated.inventory / "group_vars/all").glob("*.yml")
    content = yaml.safe_load(path.read_text())
    content["selextract_policy"]["windows"] = always
    path.write_text(yaml.safe_dump(content))
    planned = gated.run("rightsize", "--settle", *words, "--out", plan)
    assert planned.code == 0, planned.words
    queued = gated.run("apply", plan, "--at-window", "always")
    assert queued.code == 0, queued.words
    return gated


def due_and_killed(lab: Lab, program: Program) -> str:
    """Let ``run-due`` begin what waits, and kill it in the first step; the ID of that Run."""
    process = program.start("run-due")
    at_step(lab, process, FIRST)
    kill(process)
    process.communicate()
    return str(record(lab)["run_id"])


@pytest.fixture
def process(gated: Program) -> Iterator[subprocess.Popen[str]]:
    """Somebody who applies two steps; killed at the end of the test where that still runs."""
    process = gated.start(*TWO)
    yield process
    if process.poll() is None:
        kill(process)
    process.communicate()


def kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):  # it has ended
        os.killpg(process.pid, signal.SIGKILL)


def statuses(lab: Lab) -> dict[str, str]:
    """What the host holds of the steps that have ended there."""
    results: Any = record(lab).get("results") or {}
    return {step: result["status"] for step, result in results.items()}


def at_step(lab: Lab, process: subprocess.Popen[str], step: str) -> None:
    """Wait until that step waits for an answer, after something was changed by it."""
    act = "health_gate" if step == FIRST else "replace_instance"
    said = f"cat $(ls -t /var/lib/selextract-infra/segments/*.events | head -1) | grep {step} | grep -q {act}"
    wait_for(lambda: lab.ssh("app1", said).returncode == 0 or process.poll() is not None, bound=120, what=step)
    assert process.poll() is None, process.communicate()


def nobody_asks(lab: Lab) -> None:
    """Whoever followed is gone, as it seems since minutes."""
    wait_for(lambda: lab.ssh("app1", QUIET).returncode == 0, bound=60, what="nobody follows any more")
    lab.ssh("app1", LONG_AGO)


def ended(lab: Lab) -> None:
    wait_for(lambda: record(lab).get("status") == "ended", bound=200, what="the host comes to a safe point")
    assert not runners(lab)


def recorded(program: Program, run: str) -> dict[str, str]:
    results = program.run("history", run, "--format", "json").data["run"]["results"]
    return {result["step"]: result["status"] for result in results}


def test_an_attended_run_that_nobody_asks_for_stops_behind_its_step_and_is_resumed(
    lab: Lab, gated: Program, process: subprocess.Popen[str]
) -> None:
    at_step(lab, process, FIRST)
    run = str(record(lab)["run_id"])
    kill(process)
    nobody_asks(lab)
    with answering(lab, 9999):
        ended(lab)
        assert record(lab)["stopped"] == "Nobody has asked for it for more than 60 s."
        assert statuses(lab) == {FIRST: "verified"}
        assert gated.run("status", "--format", "json").data["hosts"][0]["interrupted"] == [run]
        resumed = gated.run("resume", run, "--now", "a test")
        assert resumed.code == 0, resumed.words
    assert recorded(gated, run) == {FIRST: "verified", SECOND: "verified"}
    assert not locked(lab)
    assert limits(lab, "frontend") != BEFORE


@pytest.mark.slow
def test_a_cancelled_run_undoes_its_step_at_hand_and_keeps_those_before_it(
    lab: Lab, gated: Program, process: subprocess.Popen[str]
) -> None:
    with answering(lab, 9999):
        wait_for(lambda: FIRST in statuses(lab), bound=120, what="the first step ends")
    at_step(lab, process, SECOND)
    run = str(record(lab)["run_id"])
    os.kill(process.pid, signal.SIGINT)
    words = "".join(process.communicate(timeout=200))
    assert process.returncode == 130, words
    assert statuses(lab) == {FIRST: "verified", SECOND: "rolled back"}
    assert recorded(gated, run) == {FIRST: "verified", SECOND: "cancelled"}
    assert not runners(lab)
    assert gated.run("rollback", run).code == 0
    assert limits(lab, "frontend") == BEFORE


@pytest.mark.slow
def test_an_unattended_run_completes_its_steps_though_nobody_asks_and_the_host_goes_down(
    lab: Lab, gated: Program, tmp_path: Path
) -> None:
    run = due_and_killed(lab, unattended(gated, tmp_path, "--service", "frontend"))
    nobody_asks(lab)
    lab.host("app1").reboot()
    wait_for(lambda: lab.ssh("app1", "true").returncode == 0, bound=200, what="the host is back")
    with answering(lab, 9999):
        ended(lab)
    assert statuses(lab) == {FIRST: "verified", SECOND: "verified"}
    rolled = gated.run("rollback", run)
    assert rolled.code == 0, rolled.words
    assert recorded(gated, run) == {FIRST: "verified", SECOND: "verified", "rollback": "rolled back"}
    assert limits(lab, "frontend") == BEFORE


@pytest.mark.slow
def test_a_rollback_of_several_steps_is_the_hosts_own_whoever_is_killed_in_the_middle_of_it(
    lab: Lab, gated: Program, process: subprocess.Popen[str]
) -> None:
    """Newest first; neither the control machine nor the runner has to live for it."""
    at_step(lab, process, FIRST)
    run = str(record(lab)["run_id"])
    with answering(lab, 9999):
        words = "".join(process.communicate(timeout=200))
    assert process.returncode == 0, words
    assert limits(lab, "frontend") != BEFORE
    lab.ssh("app1", f"systemd-run --quiet --collect --unit=killing bash -c {shlex.quote(KILLS_WHO_PUTS_BACK)}")
    rollback = gated.start("rollback", run)
    try:
        over = "! systemctl is-active --quiet killing"
        wait_for(lambda: lab.ssh("app1", over).returncode == 0, bound=120, what="the runner is killed")
    finally:
        kill(rollback)
        rollback.communicate()
    wait_for(lambda: bool(record(lab).get("undone")), bound=120, what="the host has put everything back")
    assert statuses(lab) == {SECOND: "rolled back", FIRST: "rolled back"}
    assert putting_back(lab)[-2:] == [SECOND, FIRST]
    assert limits(lab, "frontend") == BEFORE
    again = gated.run("rollback", run)
    assert again.code == 0, again.words
    assert not locked(lab)


def putting_back(lab: Lab) -> list[str]:
    """Which steps the host began to put back, in that order."""
    told = lab.ssh("app1", "cat $(ls -t /var/lib/selextract-infra/segments/*.events | head -1)").stdout
    events = [json.loads(line) for line in told.splitlines()]
    return [event["step"] for event in events if event["event"] == "step begins"]
