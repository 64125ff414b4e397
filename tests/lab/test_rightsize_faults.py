"""What goes wrong while a live host is right-sized: each fault ends in its documented state, with its exit code."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, by_hand, wait_for
from tests.lab.rightsizing import limits

pytestmark = pytest.mark.lab

CAPACITY = "/opt/selextract/compose.capacity.yml"
OURS = "grep -lsaz '^SELEXTRACT_INFRA_WORK=' /proc/[0-9]*/environ"


def capacity_and_env(lab: Lab) -> str:
    """Our file, if any, and the app's .env, byte for byte, with owner and mode."""
    shown = lab.ssh("app1", f"cd /opt/selextract; stat -c '%U %G %a' .env; cat .env; cat {CAPACITY} 2>/dev/null")
    return shown.stdout


def locked(lab: Lab) -> bool:
    return lab.ssh("app1", "test -e /var/lib/selextract-infra/lock.json").returncode == 0


def in_the_gate(lab: Lab) -> bool:
    """Whether limits and file are changed, and a module works since seconds: the health gate, which waits."""
    changed = lab.ssh("app1", f"test -e {CAPACITY} && grep -q compose.capacity /opt/selextract/.env").returncode == 0
    ages = lab.ssh("app1", f"{OURS} | cut -d/ -f3 | xargs -r ps -o etimes= -p").stdout.split()
    return changed and max(map(int, ages), default=0) >= 4


@contextmanager
def answering(lab: Lab, port: int) -> Iterator[None]:
    """Something that answers the health URL of the waiting inventory on the host."""
    lab.ssh("app1", f"systemd-run --unit answering-{port} python3 -m http.server {port} --bind 127.0.0.1")
    try:
        yield
    finally:
        lab.ssh("app1", f"systemctl stop answering-{port}")


@pytest.fixture
def interrupted(lab: Lab, waiting: Program) -> tuple[Program, str]:
    """A Run whose process was killed while its health gate waited, and its ID."""
    process = waiting.start("rightsize", "--apply", "--yes")
    wait_for(lambda: in_the_gate(lab) or process.poll() is not None, bound=90, what="the health gate waits")
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert lab_works(lab), "what was killed here goes on there; resume and rollback have to stop it"
    status = waiting.run("status", "--format", "json").data
    (run,) = status["hosts"][0]["interrupted"]
    return waiting, run


def lab_works(lab: Lab) -> bool:
    """Whether a module of ours works on the host: each carries the mark of its run."""
    return lab.ssh("app1", f"{OURS} | grep -q .").returncode == 0


def test_a_health_gate_that_fails_puts_limits_and_file_back(lab: Lab, failing: Program) -> None:
    before = limits(lab, "frontend"), capacity_and_env(lab)
    answer = failing.run("rightsize", "--apply", "--yes", "--format", "json")
    assert answer.code == 6, answer.words
    assert answer.data["status"] == "rolled back"
    assert (limits(lab, "frontend"), capacity_and_env(lab)) == before
    assert not locked(lab)


def test_status_reports_a_killed_run_and_resume_finishes_it(lab: Lab, interrupted: tuple[Program, str]) -> None:
    program, run = interrupted
    before = limits(lab, "frontend")
    other = program.run("rightsize", "--apply", "--yes")
    assert other.code == 5, other.words
    assert f"resume {run}" in other.words
    with answering(lab, 9999):
        answer = program.run("resume", run, "--format", "json")
    assert answer.code == 0, answer.words
    assert answer.data["status"] == "done"
    assert limits(lab, "frontend") == before
    assert not locked(lab)
    assert program.run("status", "--format", "json").data["hosts"][0]["interrupted"] == []


def test_another_control_machine_rolls_a_killed_run_back(
    lab: Lab, interrupted: tuple[Program, str], tmp_path: Path
) -> None:
    program, run = interrupted
    elsewhere = Program(program.inventory, tmp_path / "elsewhere")
    answer = elsewhere.take_up("rollback", run, "--format", "json")
    assert answer.code == 0, answer.words
    assert limits(lab, "frontend") == [(128 * 2**20, 128 * 2**20)]
    assert lab.ssh("app1", f"test -e {CAPACITY}").returncode == 1
    assert not locked(lab)


def test_ctrl_c_stops_the_work_on_the_host_too(lab: Lab, waiting: Program) -> None:
    process = waiting.start("rightsize", "--apply", "--yes")
    wait_for(lambda: in_the_gate(lab), bound=90, what="the health gate waits")
    process.send_signal(signal.SIGINT)
    words = "".join(process.communicate(timeout=60))
    assert process.returncode == 130, words
    assert "unfinished" in words
    assert not lab_works(lab)
    (run,) = waiting.run("status", "--format", "json").data["hosts"][0]["interrupted"]
    assert waiting.run("rollback", run).code == 0
    assert limits(lab, "frontend") == [(128 * 2**20, 128 * 2**20)]


def test_a_second_apply_is_told_who_works_on_the_host(lab: Lab, waiting: Program, oversized: Program) -> None:
    process = waiting.start("rightsize", "--apply", "--yes")
    try:
        wait_for(lambda: in_the_gate(lab), bound=90, what="the health gate waits")
        second = oversized.run("rightsize", "--service", "nginx", "--memory", "60MB", "--apply", "--yes")
        assert second.code == 5, second.words
        assert f"process {process.pid}" in second.words
        hand = by_hand(oversized.inventory, "selextract.infra.rightsize")
        assert hand.code != 0
        assert f"process {process.pid}" in hand.words
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    (run,) = waiting.run("status", "--format", "json").data["hosts"][0]["interrupted"]
    assert waiting.run("rollback", run).code == 0


def test_limits_changed_by_hand_since_the_plan_are_drift(lab: Lab, oversized: Program, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    assert oversized.run("rightsize", "--out", saved).code == 0
    lab.ssh("app1", "docker update --memory 130m --memory-swap 130m selextract-frontend-1")
    answer = oversized.run("apply", saved, "--yes")
    assert answer.code == 9, answer.words
    assert "memory of selextract-frontend-1 is 130 MB, was 128 MB" in answer.words
    assert limits(lab, "frontend") == [(130 * 2**20, 130 * 2**20)]


def test_an_edited_plan_file_is_refused(oversized: Program, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    assert oversized.run("rightsize", "--out", saved).code == 0
    saved.write_text(saved.read_text().replace('"selextract.infra.rightsize"', '"selextract.infra.uninstall"'))
    answer = oversized.run("apply", saved, "--yes")
    assert answer.code == 3, answer.words


def test_a_full_disk_touches_nothing(lab: Lab, oversized: Program) -> None:
    before = limits(lab, "frontend"), capacity_and_env(lab)
    # Two inodes are the folder and a file that fills it.
    runs = "/var/lib/selextract-infra/runs"
    filled = lab.ssh(
        "app1",
        f"install -d -m 0700 {runs} && mount -t tmpfs -o nr_inodes=2,mode=0700 tmpfs {runs}"
        f" && touch {runs}/full && ! touch {runs}/more",
    )
    assert filled.returncode == 0, filled.stderr
    try:
        answer = oversized.run("rightsize", "--apply", "--yes")
    finally:
        lab.ssh("app1", "umount /var/lib/selextract-infra/runs")
    assert answer.code == 8, answer.words
    assert "No space left" in answer.words
    assert (limits(lab, "frontend"), capacity_and_env(lab)) == before


def test_docker_not_running_is_one_sentence(lab: Lab, oversized: Program) -> None:
    lab.ssh("app1", "systemctl stop docker.socket docker", timeout=120)
    try:
        answer = oversized.run("rightsize", "--apply", "--yes")
    finally:
        lab.ssh("app1", "systemctl start docker", timeout=120)
    assert answer.code == 8, answer.words
    assert "Docker" in answer.words
    assert "Traceback" not in answer.words
    lab.up()


def test_a_host_that_is_off_is_exit_8_and_the_others_are_done(lab_multi: Lab, tmp_path: Path) -> None:
    program = Program(lab_multi.state().inventory, tmp_path / "state")
    assert program.run("sampler").code == 0
    lab_multi.host("db3").power_off()
    try:
        answer = program.run("freeze", "--reason", "test")
        assert answer.code == 8, answer.words
        assert "db3" in answer.words
        seen = program.run("observe", "--format", "json")
        assert seen.code == 8
        assert set(seen.data["unreachable"]) == {"db3"}
        assert {host["name"] for host in seen.data["hosts"]} == {"app1", "db2", "db4"}
    finally:
        lab_multi.host("db3").power_on()
        lab_multi.host("db3").wait_ready()
    assert program.run("unfreeze").code == 0


def test_the_journal_survives_a_kill_while_it_is_written(oversized: Program) -> None:
    process = oversized.start("observe")
    process.kill()
    process.communicate()
    assert oversized.run("history").code == 0
