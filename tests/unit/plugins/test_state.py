from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils.state.state import StateFolder, write_whole
from plugins.module_utils.system.failure import HostSideError


def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = StateFolder(str(tmp_path / "state"))
    folder.prepare()
    folder.write("lock.json", {"a": 1})
    assert Path(folder.path).stat().st_mode & 0o777 == 0o700
    assert Path(folder.path, "lock.json").stat().st_mode & 0o777 == 0o600
    assert folder.read("lock.json") == {"a": 1}


def test_where_it_cannot_be_written_one_sentence_says_that_nothing_was_touched(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(HostSideError, match=r"cannot be written .*, so nothing was touched") as refusal:
        StateFolder(str(tmp_path / "state")).prepare()
    assert refusal.value.kind == "state"


def test_a_write_that_fails_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(OSError, match=r"Operation not permitted|not found|Invalid|No such"):
        write_whole(str(tmp_path / "missing" / "file"), b"new", mode=0o600)
    assert target.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_mode_and_owner_are_set_before_the_file_takes_its_place(tmp_path: Path) -> None:
    known = tmp_path.stat()
    write_whole(str(tmp_path / "file"), b"x", mode=0o640, owner=(known.st_uid, known.st_gid))
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
