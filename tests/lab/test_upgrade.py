"""A lab host gets more memory, cores, disk and bandwidth under load, though the program is killed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program
from tests.lab.rightsizing import started
from tests.lab.upgrading import (
    GIB,
    as_bought,
    changed,
    finished,
    forgotten,
    measured,
    memory,
    probed,
    reached,
    resumed,
    standing,
    target,
)

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


def test_memory_grows_under_load_though_the_program_is_killed_at_every_checkpoint(
    bought: Lab, program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, running = standing(bought), started(bought)
    with probed(bought) as prober, bought.load(rps=2, tasks_per_hour=600) as load:
        kills = resumed(program, bought, tmp_path, LIVE, "upgrade", "memory", "--apply", "--yes")
    assert set(kills) >= set(LIVE[:-1]), kills
    measured(capsys, f"memory, live: down {prober.down:.1f} s; {load.result.requests}; {load.result.tasks}")
    assert load.result.clean, (load.result.failures, load.result.tasks)
    assert prober.gaps == 0
    assert finished(bought)
    assert memory(bought) == 8 * GIB
    assert changed(before, standing(bought)) - {"settings"} == {"memory"}
    assert started(bought) == running, "nothing was restarted"


def test_postgres_has_the_settings_that_need_no_restart_and_no_limit_has_to_be_raised(
    bought: Lab, program: Program
) -> None:
    assert "work_mem" in standing(bought)["settings"]
    assert all(step["disrupts"] for step in program.run("tune", "postgres", "--format", "json").data["steps"])
    decided = program.run("rightsize", "--format", "json").data["decisions"]
    assert [one for one in decided if one["verdict"] == "raise"] == []


def test_a_host_at_its_target_needs_no_upgrade(bought: Lab, program: Program) -> None:
    answer = program.run("upgrade", "memory", "--format", "json")
    assert answer.code == 0, answer.words
    assert answer.data["steps"] == []
    assert answer.data["decisions"][0]["verdict"] == "keep"


@pytest.mark.parametrize(("phase", "step"), [("cpu", "hardware"), ("storage", "grow"), ("network", "hardware")])
def test_the_other_phases_follow_in_order_though_the_program_is_killed_on_the_way(
    bought: Lab, program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str], phase: str, step: str
) -> None:
    forgotten(bought)
    before, running = standing(bought), started(bought)
    size, asked = target(bought, phase)
    with probed(bought) as prober, bought.load(rps=2, tasks_per_hour=600) as load:
        kills = resumed(program, bought, tmp_path, (step,), "upgrade", phase, "--to", asked, "--apply", "--yes")
    assert kills == [step]
    measured(capsys, f"{phase}, live: down {prober.down:.1f} s; {load.result.requests}; {load.result.tasks}")
    assert load.result.clean, (load.result.failures, load.result.tasks)
    assert prober.gaps == 0
    assert finished(bought)
    assert reached(bought, phase, size)
    assert changed(before, standing(bought)) - {"settings"} == {phase}
    assert started(bought) == running, "nothing was restarted"
