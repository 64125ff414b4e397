"""What goes wrong in an upgrade: each fault ends in its documented state, with one sentence and its exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.flow.apply import apply
from selextract_infra.flow.context import Context
from selextract_infra.flow.planning import plan_operation
from selextract_infra.flow.registry import operation_named
from selextract_infra.hosts.runner import TaskEvent
from selextract_infra.lab import Lab
from selextract_infra.model.run import RunStatus
from selextract_infra.model.upgrade import Mode
from selextract_infra.operations.upgrade.operation import UpgradeRequest
from tests.lab.program import Answer, Program
from tests.lab.rightsizing import policy_of
from tests.lab.upgrading import GIB, as_bought, changed, elsewhere, memory, records, standing, statuses

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1800)]

MEMORY = ("upgrade", "memory", "--apply", "--yes")
BACKUPS = "/var/backups/selextract-infra"
KEY = "/etc/ssh/ssh_host_ed25519_key"


@pytest.fixture(autouse=True)
def before(lab: Lab) -> Iterator[dict[str, str]]:
    """How the host stands before."""
    as_bought(lab)
    yield standing(lab)
    as_bought(lab)


@pytest.fixture
def program(lab: Lab, tmp_path: Path) -> Program:
    return Program(lab.state().inventory, tmp_path / "state")


def under(lab: Lab, folder: Path, change: Callable[[dict[str, Any]], None]) -> Program:
    """The program under a changed policy."""
    return Program(policy_of(lab, folder / "inventory", change), folder / "state")


def told(answer: Answer) -> str:
    """What was said, on one line."""
    return " ".join(answer.words.split())


def failed_and_put_back(answer: Answer, lab: Lab, before: dict[str, str], sentence: str) -> None:
    assert answer.code == 6, answer.words
    assert sentence in told(answer)
    assert changed(before, standing(lab)) == {}
    assert {record["status"] for record in records(lab)} <= {"rolled back", "done"}


@contextmanager
def meanwhile(lab: Lab, done: str, undone: str) -> Iterator[None]:
    """While inside, a command was carried out on the host; another takes it back."""
    assert lab.ssh("app1", done).returncode == 0
    try:
        yield
    finally:
        lab.ssh("app1", undone)


def unreadable_dumps(lab: Lab) -> AbstractContextManager[None]:
    """While inside, the database server's own program cannot read a dump."""
    inside = "docker exec -u 0 selextract-postgres-1 sh -c"
    broken = 'printf "#!/bin/sh\\necho broken >&2; exit 1\\n" > /usr/local/bin/pg_restore'
    script = f"{inside} '{broken}; chmod 755 /usr/local/bin/pg_restore'"
    return meanwhile(lab, script, f"{inside} 'rm -f /usr/local/bin/pg_restore'")


def full_disk(lab: Lab) -> AbstractContextManager[None]:
    """While inside, restore points are on a disk that has room by its books, and takes no more files."""
    full = f"mkdir -p {BACKUPS} && mount -t tmpfs -o size=300m,nr_inodes=3 full {BACKUPS}"
    return meanwhile(lab, full, f"umount {BACKUPS}")


@contextmanager
def replaced(lab: Lab, path: str, content: str) -> Iterator[None]:
    """While inside, a file of the host has another content."""
    host = lab.host("app1")
    was = host.execute("cat", path)
    host.execute("sh", "-c", f"cat > {path}", feed=content.encode())
    try:
        yield
    finally:
        host.execute("sh", "-c", f"cat > {path}", feed=was.encode())


def test_a_backup_that_cannot_be_read_ends_the_upgrade_before_the_hardware(
    lab: Lab, program: Program, before: dict[str, str]
) -> None:
    with unreadable_dumps(lab):
        answer = program.run(*MEMORY, timeout=900)
    failed_and_put_back(answer, lab, before, "cannot be read again: broken")
    assert statuses(lab).get("hardware") is None
    assert lab.ssh("app1", f"ls {BACKUPS}").stdout == ""


def test_a_disk_that_is_full_in_the_backup_ends_the_upgrade_before_the_hardware(
    lab: Lab, program: Program, before: dict[str, str]
) -> None:
    with full_disk(lab):
        answer = program.run(*MEMORY, timeout=900)
        failed_and_put_back(answer, lab, before, "No space left on device")
        assert lab.ssh("app1", f"ls {BACKUPS}").stdout == ""
    assert statuses(lab).get("hardware") is None


def test_a_gate_that_fails_after_retuning_gives_the_former_hardware_back(
    lab: Lab, tmp_path: Path, before: dict[str, str]
) -> None:
    def change(policy: dict[str, Any]) -> None:
        policy["vertical"]["load_check"] = {"slower": "0.001x", "target": "0.001ms"}

    answer = under(lab, tmp_path, change).run(*MEMORY, timeout=900)
    failed_and_put_back(answer, lab, before, "After the upgrade http://127.0.0.1:8080/")


def test_a_window_that_closes_in_mid_run_leaves_everything_as_it_was(
    lab: Lab, tmp_path: Path, before: dict[str, str]
) -> None:
    opened = datetime.now(UTC) - timedelta(minutes=2)
    late = timedelta(0)

    def change(policy: dict[str, Any]) -> None:
        night = {"rrule": "FREQ=DAILY", "start": f"{opened:%H:%M}", "duration": "2 hours", "time_zone": "UTC"}
        policy["windows"] = {"night": night}

    def hear(event: TaskEvent) -> None:
        nonlocal late
        if event.kind == "task_done" and event.task == "Dump, archive, and read it again":
            late = timedelta(minutes=110)

    site = under(lab, tmp_path, change)
    with Context(site.inventory, state=site.state, clock=lambda: datetime.now(UTC) + late, on_event=hear) as context:
        plan = plan_operation(context, operation_named("upgrade"), UpgradeRequest(phase="memory", mode=Mode.REBOOT))
        run = apply(context, plan)
    assert (run.status, run.exit_code) == (RunStatus.ROLLED_BACK, 4), run
    assert "There was no time left for: Stop databases and caches." in run.message
    assert changed(before, standing(lab)) == {}
    assert statuses(lab)["drain"] == "rolled back"


def test_another_machine_in_its_place_is_left_alone_until_the_right_one_is_back(
    lab: Lab, program: Program, before: dict[str, str]
) -> None:
    waiting = program.run(*MEMORY, "--provider", "manual", "--mode", "live", timeout=900)
    assert waiting.code == 11, waiting.words
    (run,) = [record["run_id"] for record in records(lab)]
    there = records(lab)
    with replaced(lab, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n"):
        for word in ("resume", "rollback"):
            answer = program.run(word, run)
            assert answer.code == 9, answer.words
            assert "Another machine came back as app1" in told(answer)
    host = lab.host("app1")
    anew = "systemctl restart ssh; pgrep sshd-session | xargs -r kill"
    host.execute("sh", "-c", f"mv {KEY} {KEY}.was; ssh-keygen -q -t ed25519 -N '' -f {KEY}; {anew}")
    try:
        for word in ("resume", "rollback"):
            answer = program.run(word, run)
            assert answer.code == 9, answer.words
            assert "Another machine answers in place of app1" in told(answer)
    finally:
        host.execute("sh", "-c", f"mv {KEY}.was {KEY}; ssh-keygen -y -f {KEY} > {KEY}.pub; {anew}")
    assert records(lab) == there
    assert program.run("rollback", run, timeout=600).code == 0
    assert changed(before, standing(lab)) == {}


def test_less_memory_than_was_bought_is_said_and_services_go_on_with_it(
    lab: Lab, program: Program, before: dict[str, str]
) -> None:
    waiting = program.run(*MEMORY, "--provider", "manual", "--now", "testing", timeout=900)
    assert waiting.code == 11, waiting.words
    assert "Switch app1" in waiting.words
    (run,) = [record["run_id"] for record in records(lab)]
    assert program.run("resume", run, timeout=600).code == 11, "nothing was changed yet"
    host = lab.host("app1")
    host.power_off(cleanly=True)
    host.set_hardware(memory=6 * GIB)
    host.power_on()
    host.wait_ready()
    other = elsewhere(program, program.state.parent / "elsewhere")
    answer = other.take_up("resume", run, "--now", "testing", timeout=900)
    assert answer.code == 6, answer.words
    assert "it has 6 GB instead of 8 GB" in told(answer)
    assert memory(lab) == 6 * GIB
    assert set(changed(before, standing(lab))) == {"memory"}, changed(before, standing(lab))


def test_a_host_that_does_not_come_back_leaves_a_run_that_can_be_rolled_back(
    lab: Lab, tmp_path: Path, before: dict[str, str]
) -> None:
    def change(policy: dict[str, Any]) -> None:
        policy["vertical"]["comes_back"] = "45 seconds"

    program, host = under(lab, tmp_path, change), lab.host("app1")
    host.execute("systemctl", "mask", "ssh.service")  # it boots, and nobody can log in
    try:
        answer = program.run(*MEMORY, "--mode", "reboot", "--now", "testing", timeout=1500)
        assert answer.code == 8, answer.words
        assert "app1 did not come back within 45 s" in told(answer)
    finally:
        host.execute("systemctl", "unmask", "ssh.service")
        host.execute("systemctl", "start", "ssh.service")
    (run,) = [record["run_id"] for record in records(lab)]
    patient = elsewhere(Program(lab.state().inventory, program.state), tmp_path / "elsewhere")
    back = patient.take_up("rollback", run, timeout=1500)
    assert back.code == 0, back.words
    assert changed(before, standing(lab)) == {}
