"""A program that is started here takes no more memory than it may."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import selextract_infra
from selextract_infra.hosts.bounded_process import bounded

_PACKAGE = Path(selextract_infra.__file__).parent
_STARTS = {"run", "Popen", "call", "check_call", "check_output"}


def test_a_program_that_wants_more_fails_by_itself() -> None:
    wants = "chunks = [bytearray(2**28) for _ in range(12)]; print(len(chunks))"
    done = subprocess.run(bounded([sys.executable, "-c", wants]), capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr
    assert not done.stdout


def test_what_a_program_says_and_how_it_ends_is_handed_on() -> None:
    done = subprocess.run(bounded([sys.executable, "-c", "print('yes'); exit(3)"]), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (3, b"yes\n")


def test_a_program_that_is_not_there_is_known_as_such() -> None:
    with pytest.raises(FileNotFoundError):
        bounded(["no-such-program-of-ours"])


def test_every_program_that_is_started_here_is_bounded() -> None:
    """But in the lab, where it is the tests' own, and where this very program is started again."""
    unbounded = [
        f"{path.relative_to(_PACKAGE)}:{call.lineno}"
        for path in sorted(_PACKAGE.rglob("*.py"))
        if "lab" not in path.relative_to(_PACKAGE).parts
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) in {f"subprocess.{name}" for name in _STARTS}
        and "bounded(" not in ast.unparse(call.args[0])
        and "sys.executable" not in ast.unparse(call.args[0])
    ]
    assert unbounded == []
