"""An upgrade that is killed on the way and rolled back leaves what was before; only storage stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program
from tests.lab.rightsizing import started
from tests.lab.upgrading import as_bought, changed, elsewhere, killed_at, records, standing, target

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture
def program(lab: Lab, tmp_path: Path) -> Program:
    return Program(lab.state().inventory, tmp_path / "state")


def rolled_back(program: Program, lab: Lab, folder: Path) -> None:
    """Roll the only Run back from another machine."""
    (record,) = records(lab)
    answer = elsewhere(program, folder / "elsewhere").take_up("rollback", record["run_id"], timeout=1500)
    assert answer.code == 0, answer.words
    assert [record["status"] for record in records(lab)] == ["rolled back"]


@pytest.mark.parametrize("step", ["freeze", "backup", "hardware", "retune", "gate"])
def test_rolled_back_at_any_checkpoint_it_is_as_before(lab: Lab, program: Program, tmp_path: Path, step: str) -> None:
    as_bought(lab)
    before, running = standing(lab), started(lab)
    assert killed_at(program, lab, step, "upgrade", "memory", "--apply", "--yes")
    rolled_back(program, lab, tmp_path)
    assert changed(before, standing(lab)) == {}
    assert started(lab) == running, "nothing was restarted"
    as_bought(lab)


@pytest.mark.parametrize("step", ["drain", "stop", "hardware", "start", "gate"])
def test_rolled_back_while_everything_is_stopped_or_after_the_reboot_it_is_as_before(
    lab: Lab, program: Program, tmp_path: Path, step: str
) -> None:
    as_bought(lab)
    before = standing(lab)
    words = ("upgrade", "memory", "--mode", "reboot", "--apply", "--yes", "--now", "testing")
    assert killed_at(program, lab, step, *words)
    rolled_back(program, lab, tmp_path)
    assert changed(before, standing(lab)) == {}
    as_bought(lab)


def test_storage_that_has_grown_stays_and_everything_else_is_as_before(
    lab: Lab, program: Program, tmp_path: Path
) -> None:
    as_bought(lab)
    before = standing(lab)
    _, asked = target(lab, "storage")
    words = ("upgrade", "storage", "--to", asked, "--override", "VP-00", "--apply", "--yes")
    assert killed_at(program, lab, "retune", *words)
    rolled_back(program, lab, tmp_path)
    assert set(changed(before, standing(lab))) == {"storage"}, changed(before, standing(lab))
    as_bought(lab)
