"""Names and folders of labs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from selextract_infra.errors import UsageError
from selextract_infra.lab.folders import LabFolder, cache_folder, locked


@pytest.mark.parametrize("name", ["", "Lab", "a b", "../up", "-lab", "lab-", "a" * 21, "lab;id", "läb"])
def test_a_name_that_cannot_be_part_of_a_container_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a lab"):
        LabFolder(name)


def test_a_lab_lives_in_the_users_state_folder_for_that_user_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = LabFolder("one")
    folder.make()
    assert folder.path == tmp_path / "selextract-infra" / "lab" / "one"
    assert folder.path.stat().st_mode & 0o777 == 0o700


def test_images_are_cached_beside_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "selextract-infra" / "lab"


def test_a_relative_state_folder_is_ignored_as_the_standard_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LabFolder("one").path == tmp_path / ".local" / "state" / "selextract-infra" / "lab" / "one"


def test_a_lock_keeps_another_process_out_and_ends_with_its_holder(tmp_path: Path) -> None:
    lock = tmp_path / "folder" / "lock"
    attempt = f"import fcntl; fcntl.flock(open({str(lock)!r}, 'a'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with locked(lock):
        assert subprocess.run([sys.executable, "-c", attempt], capture_output=True, check=False).returncode != 0
    assert subprocess.run([sys.executable, "-c", attempt], capture_output=True, check=False).returncode == 0
