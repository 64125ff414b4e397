"""What a rollback would overwrite is told from values as they are now, whoever reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.state.later_changes import later_changes
from plugins.module_utils.state.registry import VALUES
from plugins.module_utils.state.runs import RunRecord
from plugins.module_utils.state.state import StateFolder

PART = "some_settings"


def record(folder: StateFolder, run_id: str, before: str, after: str) -> RunRecord:
    made = RunRecord(folder, run_id)
    made.begin({"owner": "me"}, 1.0)
    made.start_step("one", 2.0)
    made.note_inverse("one", PART, {"project": "shop", "values": {"store.size": before}})
    made.note_left("one", PART, {"values": {"store.size": after}})
    made.end_step("one", "verified", 3.0)
    return made


@pytest.mark.parametrize(
    ("now", "told"),
    [("1", []), ("2", []), ("3", [(f"{PART}:store.size", "r2")]), ("4", [(f"{PART}:store.size", None)])],
)
def test_a_part_that_notes_values_is_compared_by_its_registered_reader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, now: str, told: list[Any]
) -> None:
    """Neither what was before the Run nor what it left: a later Run has set it, or a person."""
    monkeypatch.setitem(VALUES, PART, lambda _socket, inverse: {"store.size": now} if inverse else {})
    folder = StateFolder(str(tmp_path))
    folder.prepare()
    first = record(folder, "r1", "1", "2")
    record(folder, "r2", "2", "3")
    found = later_changes(folder, "/nowhere", first)
    assert [(change.key, change.run) for change in found] == told
