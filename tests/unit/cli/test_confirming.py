"""A person is asked on a real terminal; nothing happens without a yes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

QUESTION = b"Take everything of selextract-infra off nowhere?"
ANSWERS = {"no": b"n\n", "Ctrl-C": b"\x03", "the end of the input": b"\x04"}


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {nowhere: {ansible_host: 192.0.2.1}}}\n", encoding="utf-8")
    program = str(Path(sys.executable).parent / "selextract-infra")
    return [program, "uninstall", "--inventory", str(inventory), "--state", str(tmp_path / "state")]


def _read_until(terminal: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        seen += os.read(terminal, 4096)
    return seen


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_without_a_yes_nothing_is_changed_and_the_exit_code_says_cancelled(command: list[str], answer: bytes) -> None:
    ours, theirs = pty.openpty()
    # Ctrl-C reaches the process only from its own terminal.
    with subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        _read_until(ours, QUESTION)
        os.write(ours, answer)
        _read_until(ours, b"Nothing was changed.")
        assert process.wait(timeout=60) == 130
    os.close(ours)


def test_without_a_terminal_only_a_yes_beforehand_goes_on(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    assert done.returncode == 2
    assert b"There is nobody to answer: Take everything" in done.stderr
