"""Files of a container's volume: written whole, with the right owner, and never through a link."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.module_utils.system.contained_folder import ContainedFolder
from plugins.module_utils.system.failure import HostSideError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "volume" / "data"
    folder.mkdir(parents=True)
    (folder / "main.conf").write_text("a = 1\n")
    (folder / "main.conf").chmod(0o640)
    return folder


def contained(data: Path) -> ContainedFolder:
    return ContainedFolder(str(data.parent))


def test_a_file_is_replaced_whole_with_the_mode_of_another(data: Path) -> None:
    files = contained(data)
    files.make_folder("data/conf.d", like="data/main.conf")
    files.write("data/conf.d/ours.conf", b"b = 2\n", like="data/main.conf")
    files.write("data/conf.d/ours.conf", b"b = 3\n", like="data/main.conf")
    written = data / "conf.d" / "ours.conf"
    assert files.read("data/conf.d/ours.conf") == written.read_bytes() == b"b = 3\n"
    assert written.stat().st_mode & 0o777 == 0o640
    assert (data / "conf.d").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (data / "conf.d").iterdir()] == ["ours.conf"]


def test_what_is_not_there_is_none_and_can_be_removed(data: Path) -> None:
    files = contained(data)
    assert files.read("data/absent") is None
    assert files.read("absent/absent") is None
    files.remove("data/absent")
    files.remove("data/main.conf")
    assert not (data / "main.conf").exists()


@pytest.mark.parametrize("path", ["data/link/passwd", "data/file"])
def test_a_link_that_leads_out_is_never_followed(data: Path, tmp_path: Path, path: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("root\n")
    (data / "link").symlink_to(outside)
    (data / "file").symlink_to(outside / "passwd")
    with pytest.raises(HostSideError, match="link"):
        contained(data).read(path)
    if path.startswith("data/link"):
        with pytest.raises(HostSideError, match="link"):
            contained(data).write(path, b"ours\n", like="data/main.conf")
    assert (outside / "passwd").read_text() == "root\n"


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_written_through(data: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("theirs\n")
    (data / "file").symlink_to(tmp_path / "outside")
    contained(data).write("data/file", b"ours\n", like="data/main.conf")
    assert (tmp_path / "outside").read_text() == "theirs\n"
    assert not (data / "file").is_symlink()


@pytest.mark.parametrize("path", ["../outside", "data/../../outside", "", "/"])
def test_a_place_outside_is_refused(data: Path, path: str) -> None:
    with pytest.raises(HostSideError, match="no place inside"):
        contained(data).read(path)


def test_what_is_no_file_is_not_read(data: Path) -> None:
    (data / "folder").mkdir()
    with pytest.raises(HostSideError, match="cannot be used"):
        contained(data).read("data/folder")
