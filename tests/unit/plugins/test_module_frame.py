"""The frame of all modules: whatever goes wrong with a file is one sentence."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from plugins.module_utils import module
from plugins.module_utils.system.failure import unwritten


class _LeftError(Exception):
    pass


def _left(**result: Any) -> NoReturn:
    raise _LeftError(result)


def test_a_full_disk_is_a_sentence_of_kind_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    frame = SimpleNamespace(fail_json=_left, exit_json=_left)
    monkeypatch.setattr("plugins.module_utils.module.basic.AnsibleModule", lambda **_: frame)
    path = str(tmp_path / "record.json")

    def full(_work: object) -> dict[str, Any]:
        raise OSError(28, "No space left on device", path)

    with pytest.raises(_LeftError) as left:
        module.run(full, {})
    assert left.value.args[0] == {"msg": f"{path}: No space left on device.", "kind": "state"}


def test_an_error_without_a_file_is_a_sentence_too() -> None:
    assert unwritten(OSError("broken")).sentence == "A file: broken."
