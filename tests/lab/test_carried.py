"""A host that carries a step out by itself: whoever is killed or goes away, it reaches a safe point."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import limits
from tests.lab.test_rightsize_faults import answering, capacity_and_env, in_the_gate

pytestmark = pytest.mark.lab

BEFORE = [(128 * 2**20, 128 * 2**20)]
CARRIES = "/programs/[0-9a-f]+ carry"


def record(lab: Lab) -> dict[str, object]:
    """What the host holds of the steps that it carries out."""
    newest = "cd /var/lib/selextract-infra/segments && cat $(ls -t *.json | head -1)"
    shown = lab.ssh("app1", newest).stdout
    content: dict[str, object] = json.loads(shown) if shown else {}
    return content


def runners(lab: Lab) -> list[int]:
    """The processes that carry steps out there, the first one first."""
    shown = lab.ssh("app1", f"pgrep -f '{CARRIES}'").stdout
    return sorted(int(pid) for pid in shown.split())


def begun(lab: Lab, program: Program) -> tuple[subprocess.Popen[str], str]:
    """A right-sizing whose host waits in the health gate: its process here, and its run's ID."""
    process = program.start("rightsize", "--apply", "--yes")
    wait_for(lambda: in_the_gate(lab) or process.poll() is not None, bound=90, what="the health gate waits")
    assert process.poll() is None, process.communicate()
    return process, str(record(lab)["run_id"])


def test_a_host_whose_control_machine_is_killed_ends_the_step_by_itself(lab: Lab, waiting: Program) -> None:
    process, run = begun(lab, waiting)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    with answering(lab, 9999):
        wait_for(lambda: record(lab).get("status") == "ended", bound=150, what="the host ends the step")
        status = waiting.run("status", "--format", "json").data["hosts"][0]
        assert status["interrupted"] == [run]
        assert limits(lab, "frontend") != BEFORE
        assert not runners(lab)
        assert waiting.run("resume", run).code == 0
    assert waiting.run("rollback", run).code == 0
    assert limits(lab, "frontend") == BEFORE


def test_a_runner_that_is_killed_is_started_again_and_nobody_notices(lab: Lab, waiting: Program) -> None:
    process, run = begun(lab, waiting)
    with answering(lab, 9999):
        lab.ssh("app1", f"kill -9 {runners(lab)[0]}")
        words = "".join(process.communicate(timeout=200))
    assert process.returncode == 0, words
    assert waiting.run("rollback", run).code == 0
    assert limits(lab, "frontend") == BEFORE


def test_a_step_whose_process_is_killed_is_put_back(lab: Lab, waiting: Program) -> None:
    before = capacity_and_env(lab)
    process, _run = begun(lab, waiting)
    lab.ssh("app1", f"kill -9 {runners(lab)[-1]}")
    words = "".join(process.communicate(timeout=200))
    assert process.returncode == 6, words
    assert "Its process was killed." in words
    assert (limits(lab, "frontend"), capacity_and_env(lab)) == (BEFORE, before)


@pytest.mark.slow
def test_a_host_that_goes_down_in_the_middle_brings_the_step_to_an_end_at_its_start(lab: Lab, waiting: Program) -> None:
    before = capacity_and_env(lab)
    process, run = begun(lab, waiting)
    lab.host("app1").reboot()
    process.communicate(timeout=300)
    wait_for(lambda: record(lab).get("status") == "ended", bound=300, what="the host ends the step")
    assert not runners(lab)
    answer = waiting.run("rollback", run)
    assert answer.code == 0, answer.words
    assert (limits(lab, "frontend"), capacity_and_env(lab)) == (BEFORE, before)
