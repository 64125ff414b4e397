"""The program for hosts: one file, always the same, that needs nothing but Python."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from plugins.module_utils.state.host_program import KeptProgram as Installed
from plugins.module_utils.state.host_program import remove_units
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from selextract_infra.hosts import program
from selextract_infra.hosts.program import host_program


def test_the_same_code_gives_the_same_bytes() -> None:
    first = host_program()
    program.host_program.cache_clear()
    assert host_program() == first


def test_it_holds_our_code_for_hosts_and_none_that_needs_ansible() -> None:
    with zipfile.ZipFile(BytesIO(host_program().content)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {"__main__.py", "selextract_host/state/runner.py", "selextract_host/docker/engine.py"} <= set(files)
    assert not any("ansible.module_utils" in text for text in files.values())


def test_it_runs_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "program.pyz"
    path.write_bytes(host_program().content)
    done = subprocess.run(
        [sys.executable, "-I", path, "check"], input='{"run_id": "r", "steps": []}', capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)) == (0, {"changed": False, "diff": []}), done.stderr


def test_a_host_keeps_some_versions_beside_each_other_and_starts_the_last_one_at_boot(tmp_path: Path) -> None:
    folder, units = StateFolder(str(tmp_path / "state")), tmp_path / "units"
    folder.prepare()
    units.mkdir()
    for number in range(5):
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("__main__.py", f"print({number})")
        content = buffer.getvalue()
        installed = Installed(folder, hashlib.sha256(content).hexdigest()[:12], str(units))
        assert not installed.present
        assert installed.install(content)
        assert installed.present
        assert not installed.install(content), "a second time nothing changes"
    assert len(list((tmp_path / "state/programs").iterdir())) == 3
    unit = (units / "multi-user.target.wants/selextract-infra-carry.service").read_text()
    assert f"{installed.path} recover {folder.path}" in unit
    assert remove_units(str(units))
    assert not remove_units(str(units))


def test_a_damaged_program_is_not_kept(tmp_path: Path) -> None:
    installed = Installed(StateFolder(str(tmp_path)), "0" * 12, str(tmp_path / "units"))
    with pytest.raises(HostSideError, match="arrived damaged"):
        installed.install(b"x")
    assert not installed.present
