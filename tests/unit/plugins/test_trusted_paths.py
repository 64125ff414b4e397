"""A unit runs and reads nothing that others than root and its user may change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.module_utils.system.failure import HostSideError
from plugins.module_utils.system.trusted_path import refuse_foreign_writers

OTHER = 12345

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what others own")


def given(path: Path, user: int = OTHER) -> Path:
    os.chown(path, user, OTHER)
    return path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program in a venv, all of it root's."""
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "lib" / "site-packages").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (venv / "lib" / "site-packages" / "package.py").write_text("")
    (venv / "bin" / "selextract-infra").write_text("#!/usr/bin/python3\n")
    (venv / "bin" / "selextract-infra").chmod(0o755)
    return venv / "bin" / "selextract-infra"


def test_what_root_alone_may_change_is_used(program: Path) -> None:
    refuse_foreign_writers([str(program), "/nowhere"], "root")


@pytest.mark.parametrize(
    "change",
    [
        lambda program: program.chmod(0o777),
        lambda program: given(program),
        lambda program: program.parent.chmod(0o777),
        lambda program: given(program.parent.parent),
        lambda program: (program.parents[1] / "lib" / "site-packages" / "package.py").chmod(0o666),
        lambda program: given(program.parents[1] / "lib" / "site-packages"),
        lambda program: (given(program.parent, 0), program.parent.chmod(0o775)),
    ],
    ids=["file", "owner", "folder", "owner of the venv", "a package", "owner of packages", "group"],
)
def test_a_program_that_others_may_change_is_refused(program: Path, change: Callable[[Path], object]) -> None:
    change(program)
    with pytest.raises(HostSideError, match="not safe to be used by root") as refusal:
        refuse_foreign_writers([str(program)], "root")
    assert (refusal.value.kind, refusal.value.rule) == ("refused", "trusted-paths")


def test_the_python_that_a_program_names_is_looked_at(program: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("")
    python.chmod(0o777)
    program.write_text(f"#!{python}\n")
    with pytest.raises(HostSideError, match="python may be written by everybody"):
        refuse_foreign_writers([str(program)], "root")


def test_a_link_of_somebody_else_is_refused(program: Path, tmp_path: Path) -> None:
    link = tmp_path / "selextract-infra"
    link.symlink_to(program)
    refuse_foreign_writers([str(link)], "root")
    os.lchown(link, OTHER, OTHER)
    with pytest.raises(HostSideError, match=f"belongs to user {OTHER}"):
        refuse_foreign_writers([str(link)], "root")


def test_where_a_link_leads_is_looked_at(program: Path, tmp_path: Path) -> None:
    link = tmp_path / "selextract-infra"
    link.symlink_to(program)
    program.parent.chmod(0o777)
    with pytest.raises(HostSideError, match="bin may be written by everybody"):
        refuse_foreign_writers([str(link)], "root")


@pytest.mark.parametrize("place", ["group_vars", "host_vars"])
def test_variables_beside_an_inventorys_file_are_looked_at(tmp_path: Path, place: str) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {}\n")
    (tmp_path / place).mkdir()
    (tmp_path / place / "all.yml").write_text("")
    refuse_foreign_writers([str(inventory)], "root")
    (tmp_path / place / "all.yml").chmod(0o666)
    with pytest.raises(HostSideError, match=r"all\.yml may be written by everybody"):
        refuse_foreign_writers([str(inventory)], "root")


def test_a_user_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(HostSideError, match="no user nobody-of-that-name"):
        refuse_foreign_writers(["/"], "nobody-of-that-name")
