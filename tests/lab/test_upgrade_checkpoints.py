"""Killed at every one of its checkpoints, each phase after the first reaches the end of an undisturbed one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program
from tests.lab.upgrading import GIB, LIVE_STEPS, as_bought, carried_through

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def enough(lab: Lab) -> Iterator[Lab]:
    """A host with the memory of its upgrade, so that the phases after it may follow."""
    as_bought(lab, cpus=1)
    lab.host("app1").set_hardware(memory=8 * GIB)
    yield lab
    as_bought(lab)


@pytest.mark.parametrize("phase", ["cpu", "storage", "network"])
def test_a_phase_killed_at_every_checkpoint_reaches_its_end(enough: Lab, tmp_path: Path, phase: str) -> None:
    program = Program(enough.state().inventory, tmp_path / "state")
    kills, _ = carried_through(program, enough, tmp_path, phase, LIVE_STEPS[phase])
    assert set(kills) >= set(LIVE_STEPS[phase][:-1]), kills
