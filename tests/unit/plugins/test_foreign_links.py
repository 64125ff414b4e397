"""What somebody who owns a folder can reach by root's access, when he puts links where root is about to write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plugins.module_utils.compose.project_files import ProjectFiles
from plugins.module_utils.nginx.include_files import Edge
from plugins.module_utils.postgres.restore_point import RestorePoint
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.contained_folder import ContainedFolder
from plugins.module_utils.system.failure import HostSideError

TEAM = 12345  # a user who is not root

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what others own")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yml").write_text("services: {}\n")
    _give_all(folder)
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of root's, in a folder of root's."""
    file = tmp_path / "roots" / "secret"
    file.parent.mkdir()
    file.write_text("root's\n")
    return file


def _give_all(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.lchown(path, TEAM, TEAM)


def test_a_teams_link_to_a_file_of_roots_is_neither_read_nor_written(app: Path, secret: Path) -> None:
    (app / ".env").symlink_to(secret)
    _give_all(app)
    files = ProjectFiles(str(app), "compose.yml")
    with pytest.raises(HostSideError, match="link of user 12345 into a folder of user 0"):
        files.content(str(app / ".env"))
    with pytest.raises(HostSideError, match="link of user 12345"):
        files.put({str(app / ".env"): b"COMPOSE_FILE=x\n"})
    assert secret.read_text() == "root's\n"


def test_a_teams_link_to_a_file_that_is_not_there_makes_none_for_root(app: Path, secret: Path) -> None:
    (app / ".env").symlink_to(secret.parent / "new")
    _give_all(app)
    with pytest.raises(HostSideError, match="link of user 12345"):
        ProjectFiles(str(app), "compose.yml").put({str(app / ".env"): b"COMPOSE_FILE=x\n"})
    assert [path.name for path in secret.parent.iterdir()] == ["secret"]


def test_a_folder_of_the_way_that_became_a_link_is_not_entered(app: Path, secret: Path) -> None:
    (app / "deploy").symlink_to(secret.parent)
    _give_all(app)
    with pytest.raises(HostSideError, match="link of user 12345"):
        ProjectFiles(str(app), "compose.yml").put({str(app / "deploy" / "secret"): b"theirs\n"})
    assert secret.read_text() == "root's\n"


def test_a_teams_own_link_within_what_it_owns_is_followed_and_stays(app: Path, tmp_path: Path) -> None:
    deployed = tmp_path / "deployed"
    deployed.mkdir()
    (deployed / ".env").write_text("A=1\n")
    (deployed / ".env").chmod(0o640)
    _give_all(deployed)
    (app / ".env").symlink_to("../deployed/.env")
    _give_all(app)
    ProjectFiles(str(app), "compose.yml").put({str(app / ".env"): b"A=2\n"})
    written = (deployed / ".env").stat()
    assert (app / ".env").is_symlink()
    assert (deployed / ".env").read_text() == "A=2\n"
    assert (written.st_uid, written.st_mode & 0o777) == (TEAM, 0o640)


def test_a_link_of_roots_is_followed(app: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(app)
    ProjectFiles(str(tmp_path / "current"), "compose.yml").put({str(tmp_path / "current" / ".env"): b"A=1\n"})
    assert (app / ".env").stat().st_uid == TEAM


def test_a_link_that_leads_to_itself_ends(app: Path) -> None:
    (app / "a").symlink_to("b")
    (app / "b").symlink_to("a")
    _give_all(app)
    with pytest.raises(HostSideError, match="link on the way"):
        ContainedFolder(str(app), owners_links=True).read("a/file")


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(app: Path) -> None:
    os.mkfifo(app / ".env")
    with pytest.raises(HostSideError, match="it is no file"):
        ProjectFiles(str(app), "compose.yml").content(str(app / ".env"))


@pytest.mark.parametrize("name", ["selextract.http.conf", "selextract.caching.on"])
def test_a_link_in_nginx_folder_is_replaced_or_refused_and_never_written_through(
    tmp_path: Path, app: Path, secret: Path, name: str
) -> None:
    (app / name).symlink_to(secret)
    _give_all(app)
    state = StateFolder(str(tmp_path / "state"))
    state.prepare()
    edge = Edge(state, "", "shop")
    if name.endswith(".on"):
        edge.switch(str(app), "caching", True)
        assert not (app / name).is_symlink()
    else:
        with pytest.raises(HostSideError, match="link"):
            edge.files(str(app))
    assert secret.read_text() == "root's\n"


def test_a_backup_folder_in_which_others_may_write_takes_no_restore_point(app: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(HostSideError, match="others than root may write"):
        RestorePoint(str(folder), "run-1", 10.0).make([], str(app), 1000)
    assert not list(folder.iterdir())
    assert folder.stat().st_mode & 0o777 == 0o777


def test_removing_a_tree_removes_links_and_not_what_they_lead_to(app: Path, secret: Path) -> None:
    (app / "tree" / "below").mkdir(parents=True)
    (app / "tree" / "folder").symlink_to(secret.parent)
    (app / "tree" / "below" / "file").symlink_to(secret)
    ContainedFolder(str(app)).remove_tree("tree")
    assert not (app / "tree").exists()
    assert secret.read_text() == "root's\n"
