"""The program that a host keeps: whole or not at all, compiled, and as long as somebody may need it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.module_utils.state import host_program as kept
from plugins.module_utils.state.host_program import KeptProgram
from plugins.module_utils.state.state import StateFolder
from plugins.module_utils.system.failure import HostSideError
from selextract_infra.hosts.program import host_program


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    monkeypatch.setattr(kept, "_UNIT", str(tmp_path / "units" / "carry.service"))
    monkeypatch.setattr(kept, "_WANTED_BY", str(tmp_path / "units" / "wants" / "carry.service"))
    (tmp_path / "units").mkdir()
    state = StateFolder(str(tmp_path / "state"))
    state.prepare()
    return state


def test_it_runs_without_this_checkout_and_without_ansible(folder: StateFolder) -> None:
    sent = host_program()
    program = KeptProgram(folder, sent.digest)
    assert not program.present
    assert program.install(sent.content)
    assert program.present
    assert not program.install(sent.content), "what is there already is not written again"
    assert list(Path(program.path).rglob("__pycache__/runner.*.pyc")), "it is compiled"
    assert not list(Path(program.path).rglob("module.py"))
    assert Path(program.path).stat().st_mode & 0o777 == 0o700
    words = [sys.executable, "-I", *program.command("check")[1:]]
    nothing = json.dumps({"run_id": "a", "steps": []})
    done = subprocess.run(words, input=nothing, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert (json.loads(done.stdout), done.stderr) == ({"changed": False, "diff": []}, "")


def test_what_arrives_damaged_is_not_kept(folder: StateFolder) -> None:
    program = KeptProgram(folder, host_program().digest)
    with pytest.raises(HostSideError, match="damaged"):
        program.install(host_program().content[:-1])
    assert not program.present


def test_older_ones_go_but_not_the_one_that_ends_an_emergency(folder: StateFolder, tmp_path: Path) -> None:
    programs = Path(folder.path) / "programs"
    for number in range(6):
        (programs / f"old{number}").mkdir(parents=True)
    folder.write("emergency.json", {"program": "old0"})
    KeptProgram(folder, host_program().digest).install(host_program().content)
    assert {"old0", host_program().digest} < {path.name for path in programs.iterdir()}
    assert len(list(programs.iterdir())) == 4
