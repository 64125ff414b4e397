"""A lab host gets more memory, cores, disk and bandwidth, under load, and killed at every checkpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from selextract_infra.lab.disk import DataDisk
from selextract_infra.lab.machine import as_root
from tests.lab.program import Program
from tests.lab.upgrading import GIB, all_healthy, as_bought, elsewhere, killed_at, memory, probed, records, statuses

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1800)]

LIVE = ("preflight", "freeze", "backup", "hardware", "retune", "gate", "unfreeze")


@pytest.fixture(scope="module")
def program(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(lab.state().inventory, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def bought(lab: Lab) -> Iterator[Lab]:
    as_bought(lab, cpus=1)
    yield lab
    as_bought(lab)


def finished(lab: Lab) -> bool:
    """Whether the only Run has ended well and left neither a lock nor a freeze."""
    (record,) = records(lab)
    held = "ls /var/lib/selextract-infra/lock.json /var/lib/selextract-infra/freeze.json 2>/dev/null"
    left = lab.host("app1").execute("sh", "-c", held, check=False)
    return bool(record["status"] == "done") and left == "" and set(statuses(lab).values()) == {"verified"}


def measured(capsys: pytest.CaptureFixture[str], figures: str) -> None:
    """Show what was measured, also when the test passes."""
    with capsys.disabled():
        sys.stderr.write(f"\n{figures}\n")


def test_memory_grows_under_load_though_the_program_is_killed_at_every_checkpoint(
    bought: Lab, program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words: tuple[str, ...] = ("upgrade", "memory", "--apply", "--yes")
    kills = []
    with probed(bought) as prober, bought.load(rps=5, tasks_per_hour=900) as load:
        for number, step in enumerate(LIVE):
            machine = elsewhere(program, tmp_path / f"machine-{number}")
            if killed_at(machine, bought, step, *words):
                kills.append(step)
            (record,) = records(bought)
            words = ("resume", record["run_id"])
        if records(bought)[0]["status"] != "done":
            answer = elsewhere(program, tmp_path / "last").run(*words, timeout=400)
            assert answer.code == 0, answer.words
    assert set(kills) >= set(LIVE[:-1]), kills
    assert memory(bought) == 8 * GIB
    assert finished(bought)
    result = load.result
    measured(capsys, f"memory, live: down {prober.down:.1f} s; {result.requests}; {result.tasks}")
    assert result.clean, (result.failures, result.tasks)
    assert prober.gaps == 0
    assert all_healthy(bought.host("app1"))


def test_a_host_at_its_target_needs_no_upgrade(bought: Lab, program: Program) -> None:
    answer = program.run("upgrade", "memory", "--format", "json")
    assert answer.code == 0, answer.words
    assert answer.data["steps"] == []
    assert answer.data["decisions"][0]["verdict"] == "keep"


def disk(lab: Lab) -> int:
    """Bytes of the disk under the app's data."""
    return DataDisk(lab.folder.disks / "app1.img", as_root()).size


def shown(lab: Lab, phase: str) -> float:
    """What the host itself shows of that resource."""
    command = {
        "cpu": "grep -c ^processor /proc/cpuinfo",
        "storage": "df -B1 --output=size /srv/data | tail -1",
        "network": "tc -j qdisc show dev eth0 root | grep -o '\"rate\":[0-9]*' | cut -d: -f2",
    }[phase]
    return float(lab.host("app1").execute("sh", "-c", command)) * (8 if phase == "network" else 1)


@pytest.mark.parametrize(("phase", "step"), [("cpu", "hardware"), ("storage", "grow"), ("network", "hardware")])
def test_the_other_phases_follow_in_order_though_the_program_is_killed_on_the_way(
    bought: Lab, program: Program, tmp_path: Path, phase: str, step: str
) -> None:
    target = {"cpu": 2.0, "storage": disk(bought) + 1e9, "network": 10e9}[phase]
    unit = {"cpu": "2 cores", "storage": f"{target / 1e9:.0f}GB", "network": "10Gbps"}[phase]
    bought.host("app1").execute("rm", "-rf", "/var/lib/selextract-infra/runs")
    with probed(bought) as prober, bought.load(rps=2, tasks_per_hour=600) as load:
        assert killed_at(program, bought, step, "upgrade", phase, "--to", unit, "--apply", "--yes")
        (record,) = records(bought)
        answer = elsewhere(program, tmp_path / "elsewhere").run("resume", record["run_id"], timeout=900)
    assert answer.code == 0, answer.words
    assert shown(bought, phase) >= target * (0.9 if phase == "storage" else 1)
    assert finished(bought)
    assert load.result.clean, (load.result.failures, load.result.tasks)
    assert prober.gaps == 0
