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


def _words(node: Any) -> set[str]:
    """Every key of a play or a list of tasks, however deep."""
    if isinstance(node, dict):
        return {str(key) for key in node} | {word for part in node.values() for word in _words(part)}
    return {word for part in node for word in _words(part)} if isinstance(node, list) else set()


TASKS = sorted([*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")])


@pytest.mark.parametrize("file", TASKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_task_of_a_play_is_carried_out_by_another_host(file: Path) -> None:
    """The facts of its answer would be variables of the host that asked: who becomes root there, for one."""
    words = _words(yaml.safe_load(file.read_text(encoding="utf-8")))
    assert not words & {"delegate_to", "delegate_facts", "local_action"}


@pytest.mark.parametrize("unit", sorted(ROOT.glob("roles/*/templates/*.service.j2")), ids=lambda path: path.name)
def test_every_unit_has_a_limit_of_memory_and_of_processes(unit: Path) -> None:
    confined = (ROOT / "roles/schedule/templates/confined.j2").read_text(encoding="utf-8")
    text = unit.read_text(encoding="utf-8").replace("{% include 'confined.j2' %}", confined)
    assert {"MemoryMax", "TasksMax"} <= {line.partition("=")[0] for line in text.splitlines()}
