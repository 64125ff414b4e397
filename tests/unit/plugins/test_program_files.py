from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError

from plugins.lookup.folder import LookupModule
from plugins.module_utils.system.failure import HostSideError
from plugins.modules.program_files import _install

FILES = {"__init__.py": "", "main.py": "print('ä')\n"}


def install(path: Path, files: dict[str, str], *, check: bool = False) -> dict[str, Any]:
    module: Any = SimpleNamespace(params={"path": str(path), "files": files}, check_mode=check)
    return _install(module)


def test_a_folder_holds_exactly_the_files_and_a_second_time_nothing_changes(tmp_path: Path) -> None:
    folder = tmp_path / "program"
    (folder / "old_package").mkdir(parents=True)
    (folder / "old.py").write_text("old")
    (folder / "main.py").write_text("older")
    assert install(folder, FILES, check=True)["written"] == ["__init__.py", "main.py"]
    assert (folder / "main.py").read_text() == "older"
    first = install(folder, FILES)
    assert (first["changed"], first["removed"]) == (True, ["old.py", "old_package"])
    assert {path.name: path.read_text() for path in folder.iterdir()} == FILES
    assert (folder / "main.py").stat().st_mode & 0o777 == 0o644
    assert install(folder, FILES) == {"changed": False, "written": [], "removed": [], "diff": []}


def test_what_is_below_a_folder_of_the_program_is_written_and_what_is_old_there_removed(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "old.py").write_text("old")
    (tmp_path / "old_package").mkdir()
    wanted = {"main.py": "", "docker/engine.py": "x = 1\n"}
    assert install(tmp_path, wanted)["removed"] == ["docker/old.py", "old_package"]
    assert (tmp_path / "docker" / "engine.py").read_text() == "x = 1\n"
    assert install(tmp_path, wanted) == {"changed": False, "written": [], "removed": [], "diff": []}


@pytest.mark.parametrize("name", ["../evil.py", "a/../b.py", "/b.py", "a//b.py", "", ".."])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostSideError, match="leads out of its folder"):
        install(tmp_path / "program", {name: ""})


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostSideError, match=r"cannot be written \(Not a directory\)"):
        install(tmp_path / "file" / "program", FILES)


def test_the_text_files_of_a_folder_are_read_by_name_links_too(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_text("x = 1\n")
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "link.py").symlink_to("../real.py")
    (folder / "below" / "more.py").write_text("y = 2\n")
    assert LookupModule().run([str(folder)]) == [{"below/more.py": "y = 2\n", "link.py": "x = 1\n"}]
    with pytest.raises(AnsibleError, match="cannot be read"):
        LookupModule().run([str(tmp_path / "none")])
