"""The program that a host keeps: whole or not at all, compiled, and as long as somebody may need it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.module_utils.state.host_program import KeptProgram
from plugins.module_utils.state.state import StateFolder
from selextract_infra.hosts.program import host_program


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    state = StateFolder(str(tmp_path / "state"))
    state.prepare()
    return state


@pytest.fixture
def program(folder: StateFolder, tmp_path: Path) -> KeptProgram:
    (tmp_path / "units").mkdir()
    return KeptProgram(folder, host_program().digest, str(tmp_path / "units"))


def test_it_runs_without_this_checkout_and_without_ansible(program: KeptProgram) -> None:
    content = host_program().content
    assert not program.present
    assert program.install(content)
    assert program.present
    assert not program.install(content), "what is there already is not written again"
    assert list(Path(program.path).rglob("__pycache__/runner.*.pyc")), "it is compiled"
    assert not list(Path(program.path).rglob("module.py"))
    assert Path(program.path).stat().st_mode & 0o777 == 0o700
    words = [sys.executable, "-I", *program.command("check")[1:]]
    nothing = json.dumps({"run_id": "a", "steps": []})
    done = subprocess.run(words, input=nothing, capture_output=True, text=True, timeout=60, check=False, cwd="/")
    assert (json.loads(done.stdout), done.stderr) == ({"changed": False, "diff": []}, "")


def test_older_ones_go_but_not_the_one_that_ends_an_emergency(folder: StateFolder, program: KeptProgram) -> None:
    programs = Path(folder.path) / "programs"
    for number in range(6):
        (programs / f"old{number}").mkdir(parents=True)
    folder.write("emergency.json", {"program": "old0"})
    program.install(host_program().content)
    assert {"old0", host_program().digest} < {path.name for path in programs.iterdir()}
    assert len(list(programs.iterdir())) == 4
