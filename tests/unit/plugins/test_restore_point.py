"""A restore point of an app's folder; dumps need a server, so lab hosts prove those."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from plugins.module_utils.postgres.restore_point import RestorePoint
from plugins.module_utils.system.failure import HostSideError


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "selextract"
    (folder / "app").mkdir(parents=True)
    (folder / "compose.yml").write_text("services: {}\n")
    (folder / ".env").write_text("POSTGRES_PASSWORD=secret\n")
    (folder / "app" / "large.bin").write_bytes(b"x" * 5000)
    return folder


def point(tmp_path: Path, name: str = "run-1") -> RestorePoint:
    return RestorePoint(str(tmp_path / "points"), name, 10.0)


def test_it_holds_the_apps_files_but_large_ones_and_says_which_it_left_out(tmp_path: Path, app: Path) -> None:
    made = point(tmp_path)
    (files,) = made.make([], str(app), 1000)
    with tarfile.open(Path(made.path) / "files.tar.gz") as archive:
        names = archive.getnames()
    assert set(names) == {"selextract", "selextract/app", "selextract/compose.yml", "selextract/.env"}
    assert files["left_out"] == ["selextract/app/large.bin"]
    assert made.complete


def test_only_root_can_read_it(tmp_path: Path, app: Path) -> None:
    made = point(tmp_path)
    made.make([], str(app), 1000)
    assert Path(made.path).stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in Path(made.path).iterdir()} == {0o600}


def test_one_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    made = point(tmp_path)
    with pytest.raises(HostSideError, match=r"cannot be made: .*/missing, the folder of .* is gone") as failure:
        made.make([], str(tmp_path / "missing"), 1000)
    assert failure.value.kind == "backup"
    assert not Path(made.path).exists()


def test_made_again_it_replaces_what_an_interruption_left(tmp_path: Path, app: Path) -> None:
    made = point(tmp_path)
    Path(made.path).mkdir(parents=True)
    (Path(made.path) / "half.dump").write_bytes(b"half")
    assert not made.complete
    made.make([], str(app), 1000)
    assert json.loads((Path(made.path) / "manifest.json").read_text())["files"][0]["name"] == "files.tar.gz"
    assert not (Path(made.path) / "half.dump").exists()


def test_the_newest_are_kept(tmp_path: Path, app: Path) -> None:
    for name in ("run-1", "run-2", "run-3"):
        made = point(tmp_path, name)
        made.make([], str(app), 1000)
    made.forget_older(2)
    assert sorted(path.name for path in (tmp_path / "points").iterdir()) == ["run-2", "run-3"]
