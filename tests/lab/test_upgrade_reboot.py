"""Upgrades while the host is off, under load: what is down and for how long, and what the software then has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, second_plan_is_empty
from tests.lab.upgrading import (
    GIB,
    all_healthy,
    as_bought,
    changed,
    finished,
    forgotten,
    measured,
    probed,
    reached,
    resumed,
    standing,
    target,
)

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(3600)]

NOW = ("--now", "testing")
STEPS = ("preflight", "freeze", "drain", "backup", "stop", "hardware", "start", "retune", "gate", "unfreeze")


@pytest.fixture(scope="module")
def bought(lab: Lab) -> Iterator[Lab]:
    as_bought(lab, cpus=1)
    yield lab
    as_bought(lab)


@pytest.fixture
def program(bought: Lab, tmp_path: Path) -> Program:
    forgotten(bought)
    return Program(bought.state().inventory, tmp_path / "state")


@pytest.mark.parametrize("phase", ["memory", "cpu", "storage", "network"])
def test_every_phase_goes_through_a_reboot_without_a_lost_task(
    bought: Lab, program: Program, capsys: pytest.CaptureFixture[str], phase: str
) -> None:
    before = standing(bought)
    size, asked = target(bought, phase)
    words = ("upgrade", phase, "--to", asked, "--mode", "reboot", "--override", "VP-00", "--apply", "--yes", *NOW)
    with probed(bought) as prober, bought.load(tasks_per_hour=600) as load:
        answer = program.run(*words, "--format", "json", timeout=1500)
    assert answer.code == 0, answer.words
    measured(capsys, f"{phase}, reboot: down {prober.down:.1f} s; {load.result.tasks}; {answer.data['message']}")
    assert (load.result.tasks_lost, load.result.tasks_doubled) == (0, 0), load.result.tasks
    assert "The application was down for" in answer.data["message"]
    assert 0 < prober.down < 600
    assert finished(bought)
    assert all_healthy(bought.host("app1"))
    assert reached(bought, phase, size)
    different = changed(before, standing(bought))
    assert set(different) - {"settings"} == {phase}, different
    assert program.run("tune", "postgres", "--format", "json").data["steps"] == []
    second_plan_is_empty(program, "upgrade", phase, "--to", asked)


def test_killed_at_every_checkpoint_it_ends_as_one_that_nobody_disturbed(
    bought: Lab, program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bought.host("app1").set_hardware(memory=8 * GIB)
    undisturbed = standing(bought)
    bought.host("app1").set_hardware(memory=4 * GIB)
    words = ("upgrade", "memory", "--mode", "reboot", "--apply", "--yes", *NOW)
    with probed(bought) as prober, bought.load(tasks_per_hour=600) as load:
        kills = resumed(program, bought, tmp_path, STEPS, *words, more=NOW)
    assert set(kills) >= set(STEPS[:-1]), kills
    measured(capsys, f"memory, reboot, killed ten times: down {prober.down:.1f} s; {load.result.tasks}")
    assert (load.result.tasks_lost, load.result.tasks_doubled) == (0, 0), load.result.tasks
    assert finished(bought)
    different = changed(undisturbed, standing(bought))
    assert set(different) - {"settings"} == set(), different
    second_plan_is_empty(program, "upgrade", "memory")
