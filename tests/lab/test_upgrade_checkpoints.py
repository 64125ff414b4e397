"""Killed at every one of its checkpoints, each phase after the first reaches the end of an undisturbed one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program
from tests.lab.upgrading import LIVE_STEPS, as_bought, carried_through, ready_for

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def bought(lab: Lab) -> Iterator[Lab]:
    """A host with one core, so that there is one to add."""
    as_bought(lab, cpus=1)
    yield lab
    as_bought(lab)


@pytest.mark.parametrize("phase", ["cpu", "storage", "network"])
def test_a_phase_killed_at_every_checkpoint_reaches_its_end(bought: Lab, tmp_path: Path, phase: str) -> None:
    ready_for(bought, phase)
    program = Program(bought.state().inventory, tmp_path / "state")
    kills, _ = carried_through(program, bought, tmp_path, phase, LIVE_STEPS[phase])
    assert set(kills) >= set(LIVE_STEPS[phase][:-1]), kills
