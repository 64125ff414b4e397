"""Two control machines and one Run: exactly one of them acts, the other changes nothing, says so and leaves with 5."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.hosts.processes import descendants
from selextract_infra.lab import Lab
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import limits
from tests.lab.test_rightsize_faults import CAPACITY, answering, in_the_gate, locked

pytestmark = pytest.mark.lab

LOCK = "/var/lib/selextract-infra/lock.json"
DEPLOYED = [(128 * 2**20, 128 * 2**20)]
# The lease was renewed an hour ago, as after a laptop has slept for so long.
LEASE_OVER = """python3 - <<'END'
import datetime, json
path = "/var/lib/selextract-infra/lock.json"
lock = json.load(open(path))
for key in ("renewed_at", "lease_until"):
    lock[key] = (datetime.datetime.fromisoformat(lock[key]) - datetime.timedelta(hours=1)).isoformat()
json.dump(lock, open(path, "w"))
END"""


@pytest.fixture
def elsewhere(waiting: Program, tmp_path: Path) -> Program:
    """The other control machine: the same hosts, a journal of its own."""
    return Program(waiting.inventory, tmp_path / "elsewhere")


@pytest.fixture
def working(lab: Lab, waiting: Program, elsewhere: Program) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process in the middle of a step, and its Run; it is killed at the end of the test where it still runs."""
    process = waiting.start("rightsize", "--apply", "--yes")
    try:
        wait_for(lambda: in_the_gate(lab) or process.poll() is not None, bound=90, what="the health gate waits")
        assert process.poll() is None, process.communicate()
        (run,) = elsewhere.run("status", "--format", "json").data["hosts"][0]["running"]
        yield process, run
    finally:
        for pid in (process.pid, *descendants(process.pid)) if process.poll() is None else ():
            os.kill(pid, signal.SIGKILL)
        process.communicate()


def on_the_host(lab: Lab) -> str:
    """What is written of Runs there, our file, and the limits that are in force."""
    shown = lab.ssh(
        "app1", f"cat /var/lib/selextract-infra/runs/*.json /var/lib/selextract-infra/epoch.json {CAPACITY}"
    )
    return f"{shown.stdout} {limits(lab, 'frontend')}"


def verified(lab: Lab, run: str) -> bool:
    """Whether the host has ended the step; nobody renews the lease from then on."""
    read = f"import json; print(*[one['status'] for one in json.load(open('{run}.json'))['steps'].values()])"
    shown = lab.ssh("app1", f'cd /var/lib/selextract-infra/runs && python3 -c "{read}"')
    return shown.stdout.split() == ["verified"]


def epochs(lab: Lab, run: str) -> list[int]:
    read = f"import json; print(*[one['epoch'] for one in json.load(open('{run}.json'))['holders']])"
    shown = lab.ssh("app1", f'cd /var/lib/selextract-infra/runs && python3 -c "{read}"')
    return [int(epoch) for epoch in shown.stdout.split()]


@pytest.mark.slow
def test_a_run_at_work_elsewhere_is_neither_resumed_nor_rolled_back(
    lab: Lab, working: tuple[subprocess.Popen[str], str], elsewhere: Program
) -> None:
    process, run = working
    lock = elsewhere.run("status", "--format", "json").data["hosts"][0]["lock"]
    assert lock["epoch"] >= 1
    assert lock["lease_left"] > 0
    for command in ("resume", "rollback"):
        refused = elsewhere.run(command, run)
        assert refused.code == 5, refused.words
        assert f"process {process.pid}" in refused.words
        assert lock["lease_until"] in " ".join(refused.words.split())
        assert "--take-over --reason" in " ".join(refused.words.split())
    with answering(lab, 9999):
        assert process.wait(120) == 0
    assert len(epochs(lab, run)) == 1
    assert elsewhere.run("rollback", run).code == 2, "it has ended, and this journal does not know it"


def test_a_run_that_is_taken_over_is_finished_by_the_other_alone(
    lab: Lab, working: tuple[subprocess.Popen[str], str], elsewhere: Program
) -> None:
    process, run = working
    words = ("resume", run, "--take-over", "--reason", "the first one hangs", "--format", "json")
    taking = elsewhere.start(*words, "--digest", elsewhere.digest_shown(*words))
    wait_for(lambda: '"closing"' in lab.ssh("app1", f"cat {LOCK}").stdout, bound=60, what="it is asked for")
    with answering(lab, 9999):
        out, complaints = taking.communicate(timeout=240)
        assert taking.returncode == 0, out + complaints
        after = on_the_host(lab)
        said = "".join(process.communicate(timeout=120))
    assert process.returncode == 5, said
    assert "taken up by" in " ".join(said.split())
    assert on_the_host(lab) == after
    first, second = epochs(lab, run)
    assert second > first
    assert not locked(lab)
    assert json.loads(out)["status"] == "done"


@pytest.mark.slow
def test_a_run_that_is_taken_over_is_put_back_by_the_other_alone(
    lab: Lab, working: tuple[subprocess.Popen[str], str], elsewhere: Program
) -> None:
    process, run = working
    taken = elsewhere.take_up("rollback", run, "--take-over", "--reason", "it must not be", "--format", "json")
    assert taken.code == 0, taken.words
    words = "".join(process.communicate(timeout=120))
    assert process.returncode == 5, words
    assert limits(lab, "frontend") == DEPLOYED
    assert not locked(lab)


def test_a_killed_process_keeps_nobody_of_its_machine_waiting_for_the_lease(
    lab: Lab, working: tuple[subprocess.Popen[str], str], elsewhere: Program
) -> None:
    process, run = working
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    host = elsewhere.run("status", "--format", "json").data["hosts"][0]
    assert host["lock"]["lease_left"] > 0
    assert host["interrupted"] == [run]
    with answering(lab, 9999):
        assert elsewhere.take_up("resume", run).code == 0
    assert len(epochs(lab, run)) == 2


@pytest.mark.slow
def test_a_suspended_machine_that_wakes_up_after_its_lease_changes_nothing(
    lab: Lab, working: tuple[subprocess.Popen[str], str], elsewhere: Program
) -> None:
    process, run = working
    asleep = (process.pid, *descendants(process.pid))
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    assert elsewhere.run("resume", run).code == 5, "its lease holds, and its process is there"
    with answering(lab, 9999):
        wait_for(lambda: verified(lab, run), bound=120, what="the host ends the step by itself")
        lab.ssh("app1", LEASE_OVER)
        assert elsewhere.take_up("resume", run).code == 0
        after = on_the_host(lab)
        for pid in asleep:
            os.kill(pid, signal.SIGCONT)
        words = "".join(process.communicate(timeout=120))
    assert process.returncode == 5, words
    assert on_the_host(lab) == after
    assert not locked(lab)
