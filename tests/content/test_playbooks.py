"""What holds for every playbook and role, by their text."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = sorted([*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/**/*.yml")])


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_host_never_acts_for_another_one(path: Path) -> None:
    """What a task that is delegated answers becomes facts of the host that it was delegated from."""
    text = path.read_text(encoding="utf-8")
    assert not [word for word in ("delegate_to", "delegate_facts", "local_action", "add_host") if word in text]
