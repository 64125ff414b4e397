"""The loop on a real host: a load step is absorbed with no hand on it, and what was added goes without flapping."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.emergencies import counts
from tests.lab.program import Program, by_hand, wait_for
from tests.lab.rightsizing import as_deployed, policy_of

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1500)]

CALM_RPS, STEP_RPS = 3, 12  # four fifths of them are for the API


def quick(policy: dict[str, Any]) -> None:
    """The guide's rules at the lab's pace: seconds for minutes, thresholds for two cores, every day a usual one."""
    policy["monitoring"] = {"watch": {"interval": "5s", "blind_after": "20s"}, "raw_interval": "30s"}
    policy.setdefault("scaling", {})["api"] = {
        "instances": {"minimum": 2, "maximum": 3},
        "scale_up": {"threshold": "4/second"},
        "scale_down": {"threshold": "1.5/second"},
    }
    policy["rightsizing"]["cpu_overcommit_refuse"] = "250%"
    names = ("cpu_scale_out", "cpu_scale_in", "memory_scale_out", "latency_scale_out", "queue_scale_out")
    times = {"duration": "25s", "cooldown": "30s"}
    policy["triggers"] = {name: dict(times) for name in names}
    policy["triggers"]["cpu_scale_out"]["threshold"] = "99%"
    policy["triggers"]["latency_scale_out"]["threshold"] = "60s"
    policy["seasons"] = {name: {"factor": "1x"} for name in ("black_friday", "year_end", "summer")}


@pytest.fixture
def program(lab: Lab, tmp_path: Path) -> Program:
    """The program on a lab as deployed, behind its balancer, with the quick rules."""
    as_deployed(lab)
    program = Program(policy_of(lab, tmp_path / "quick", quick), tmp_path / "state")
    on = program.run("balancer", "on", "--apply", "--yes", "--now", "test", timeout=400)
    assert on.code == 0, on.words
    return program


@contextmanager
def watching(program: Program, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A running loop; what it says goes to ``path``, one JSON line each."""
    with program.start("watch", "--format", "json") as process, path.open("w", buffering=1) as target:
        reader = threading.Thread(target=lambda: target.writelines(process.stdout or ()), daemon=True)
        reader.start()
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(120)
            reader.join(10)


@pytest.fixture
def news(program: Program, tmp_path: Path) -> Iterator[Path]:
    """What the running loop says."""
    with watching(program, tmp_path / "news"):
        yield tmp_path / "news"


def told(news: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in news.read_text().splitlines()] if news.exists() else []


@pytest.fixture
def show(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """A line of the test's own output."""
    terminal = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    return terminal.write_line if terminal else print


def test_a_load_step_is_absorbed_and_goes_back_to_the_minimum_without_flapping(
    lab: Lab, news: Path, show: Callable[[str], None]
) -> None:
    with lab.load(rps=CALM_RPS) as calm:
        calm.wait_for_requests(10)
        assert counts(lab)["api"] == 2
    with lab.load(rps=STEP_RPS) as step:
        wait_for(lambda: counts(lab).get("api") == 3, bound=400, what="an instance more")
        step.wait_for_requests(step.requests_so_far + 20)
    with lab.load(rps=CALM_RPS):
        wait_for(lambda: counts(lab).get("api") == 2, bound=400, what="back to the minimum")
        wait_for(lambda: [one["kind"] for one in told(news)].count("done") == 2, bound=120, what="both runs ended")
        acted = [one for one in told(news) if one["kind"] == "decided"]
        for one in told(news):
            show(f"{one['at'][:19]}  {one['kind']:<9} {one['sentence']}")
        assert [one["sentence"].split(":")[0] for one in acted] == ["app1/api 2 → 3", "app1/api 3 → 2"]
    assert step.result.requests_failed == 0


def test_a_loop_that_was_killed_in_mid_run_finishes_that_run_when_it_is_back(
    lab: Lab, program: Program, tmp_path: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    with lab.load(rps=STEP_RPS) as step, watching(program, before) as process:
        wait_for(lambda: "selextract-api-3" in containers(lab), bound=400, what="an instance comes")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        (run,) = unfinished(lab)
        with watching(program, after):
            wait_for(lambda: "done" in [one["kind"] for one in told(after)], bound=300, what="it ends its run")
        step.wait_for_requests(step.requests_so_far + 5)
    assert [one["kind"] for one in told(before)].count("done") == 0
    (said,) = [one["sentence"] for one in told(after) if one["kind"] == "unfinished"]
    assert said.startswith(f"Run {run} of this loop is unfinished on app1; it is finished now")
    assert unfinished(lab) == []
    assert counts(lab)["api"] == 3
    assert step.result.requests_failed == 0


def containers(lab: Lab) -> list[str]:
    return lab.ssh("app1", "docker ps -a --format '{{.Names}}'").stdout.split()


def unfinished(lab: Lab) -> list[str]:
    """The runs without an end that the host holds."""
    return lab.ssh(
        "app1", "cd /var/lib/selextract-infra/runs && grep -l '^ \"status\": \"running\"' *.json | sed 's/.json//'"
    ).stdout.split()


def test_it_keeps_its_hands_off_a_frozen_host_and_sees_a_count_by_hand(lab: Lab, program: Program) -> None:
    frozen = program.run("freeze", "--reason", "test")
    assert frozen.code == 0, frozen.words
    try:
        looked = program.run("watch", "--once", "--dry-run", "--format", "json")
        assert looked.code == 0, looked.words
        assert counts(lab)["api"] == 2
    finally:
        assert program.run("unfreeze").code == 0


def test_the_service_is_installed_hardened_watched_and_removed(lab: Lab, tmp_path: Path) -> None:
    stand_in = "#!/bin/sh\\nsystemd-notify --ready\\nexec sleep infinity\\n"
    lab.ssh("app1", f"printf '{stand_in}' > /usr/local/bin/stand-in; chmod 755 /usr/local/bin/stand-in")
    words = [
        "selextract.infra.watch", "-e", "watch_program=/usr/local/bin/stand-in", "-e", "watch_inventory=/etc/hostname",
    ]  # fmt: skip
    installed = by_hand(lab.state().inventory, *words)
    assert installed.code == 0, installed.words
    shown = lab.ssh("app1", "systemctl show selextract-watch -p ActiveState,WatchdogUSec,ProtectClock,OnFailure").stdout
    assert "ActiveState=active" in shown
    assert "WatchdogUSec=2min" in shown
    assert "ProtectClock=yes" in shown
    assert "OnFailure=selextract-failed@selextract-watch.service.service" in shown
    again = by_hand(lab.state().inventory, *words)
    assert again.code == 0, again.words
    assert "changed=0" in again.words
    removed = by_hand(lab.state().inventory, *words, "-e", "watch_state=absent")
    assert removed.code == 0, removed.words
    assert lab.ssh("app1", "test -e /etc/systemd/system/selextract-watch.service").returncode != 0
