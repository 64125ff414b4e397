"""What holds for every playbook and role, by their text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = sorted([*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/**/*.yml")])


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_host_never_acts_for_another_one(path: Path) -> None:
    """What a task that is delegated answers becomes facts of the host that it was delegated from."""
    text = path.read_text(encoding="utf-8")
    assert not [word for word in ("delegate_to", "delegate_facts", "local_action", "add_host") if word in text]


def test_no_task_file_is_taken_for_a_playbook() -> None:
    """A name without a folder is looked for beside the playbook first, also from within a task file."""
    playbooks = {path.name for path in ROOT.glob("playbooks/*.yml")}
    for path in ROOT.glob("playbooks/tasks/*.yml"):
        included = re.findall(r"(?:include|import)_tasks: (\S+)", path.read_text(encoding="utf-8"))
        assert not playbooks & {name for name in included if "/" not in name}, path.name
