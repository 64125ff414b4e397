"""What the edge needs of every playbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))


def plays(playbook: Path) -> list[dict[str, Any]]:
    return [play for play in yaml.safe_load(playbook.read_text(encoding="utf-8")) if "hosts" in play]


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_every_play_marks_its_work_so_that_it_can_be_stopped(playbook: Path) -> None:
    wanted = "{{ selextract_environment | default({}) }}"
    assert [play["name"] for play in plays(playbook) if play.get("environment") != wanted] == []


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_no_play_needs_a_host_that_a_limit_would_leave_out(playbook: Path) -> None:
    assert [play["name"] for play in plays(playbook) if "localhost" in str(play["hosts"])] == []


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_no_host_of_a_play_decides_anything_about_another(playbook: Path) -> None:
    assert [play["name"] for play in plays(playbook) if play.get("strategy") != "selextract.infra.bounded"] == []
