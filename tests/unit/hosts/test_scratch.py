"""The private folder of a run."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from selextract_infra.hosts.scratch import private_folder, write_private


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def aged(folder: Path) -> Path:
    os.utime(folder, (0, 0))
    return folder


def test_it_is_fresh_private_and_gone_afterwards() -> None:
    with private_folder() as first, private_folder() as second:
        assert first != second
        assert stat.S_IMODE(first.stat().st_mode) == 0o700
        secret = write_private(first / "values", {"a": 1})
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert secret.read_text() == '{"a": 1}'
    assert not first.exists()
    assert not second.exists()


def test_it_is_gone_after_an_exception_too(runtime: Path) -> None:
    with pytest.raises(KeyError), private_folder():
        raise KeyError
    assert list(runtime.iterdir()) == []


def test_a_file_is_never_written_through_an_existing_one(runtime: Path) -> None:
    (runtime / "bait").symlink_to(runtime / "target")
    with pytest.raises(FileExistsError):
        write_private(runtime / "bait", "secret")


def test_what_a_killed_process_left_is_removed_and_what_a_live_one_uses_is_not(runtime: Path) -> None:
    code = (
        "import os, signal\nfrom selextract_infra.hosts.scratch import private_folder\n"
        "with private_folder() as folder:\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)}, check=False)
    (left,) = (aged(one) for one in runtime.iterdir())
    with private_folder() as live:
        assert not left.exists()
        aged(live)
        with private_folder():
            assert live.exists()


def test_folders_of_others_are_left_alone(runtime: Path) -> None:
    link = runtime / "selextract-infra-run-link"
    (runtime / "elsewhere").mkdir()
    link.symlink_to(aged(runtime / "elsewhere"))
    with private_folder():
        assert link.exists()
