"""A lab host gets more memory, cores, disk and bandwidth under load, though the program is killed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, second_plan_is_empty
from tests.lab.upgrading import LIVE_STEPS, as_bought, carried_through, measured, ready_for, standing

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]


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
    kills, figures = carried_through(program, bought, tmp_path, "memory", LIVE_STEPS["memory"])
    measured(capsys, figures)
    assert set(kills) >= set(LIVE_STEPS["memory"][:-1]), kills


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
    assert answer.data["decisions"][0]["verdict"] == "keep"
    second_plan_is_empty(program, "upgrade", "memory")


@pytest.mark.parametrize(("phase", "step"), [("cpu", "hardware"), ("storage", "grow"), ("network", "hardware")])
def test_the_other_phases_follow_in_order_though_the_program_is_killed_on_the_way(
    bought: Lab, program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str], phase: str, step: str
) -> None:
    ready_for(bought, phase)
    kills, figures = carried_through(program, bought, tmp_path, phase, (step,))
    measured(capsys, figures)
    assert kills == [step]
