"""The program as a user runs it: a process with its exit code, its answer and its words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Answer:
    """What a process said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON answer."""
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """Everything it said."""
        return self.out + self.err


@dataclass(frozen=True)
class Program:
    """``selextract-infra`` with an inventory and a journal of its own."""

    inventory: Path
    state: Path

    def arguments(self, *words: str | Path) -> list[str]:
        """The command line for a command with its arguments."""
        where = [] if words[0] == "history" else ["-i", str(self.inventory)]
        return [sys.executable, "-m", "selextract_infra.cli", *map(str, words), *where, "--state", str(self.state)]

    def run(self, *words: str | Path, timeout: float = 240, stdin: str = "") -> Answer:
        """Run a command to its end."""
        done = subprocess.run(
            self.arguments(*words), capture_output=True, text=True, timeout=timeout, input=stdin, check=False,
            cwd=ROOT, env=environment(),
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    def digest_shown(self, command: str, run: str, *more: str) -> str:
        """What confirms the plan of a Run that this journal does not know, as that is shown before it is taken up."""
        shown = self.run(command, run, *more)
        assert shown.code == 3, shown.words
        digest = re.search(r"sha256:[0-9a-f]{64}", shown.words)
        assert digest is not None, shown.words
        return digest[0]

    def take_up(self, command: str, run: str, *more: str, timeout: float = 240) -> Answer:
        """Resume or roll a Run back that this journal does not know: look at its plan first, then confirm that one."""
        digest = self.digest_shown(command, run, *more)
        return self.run(command, run, *more, "--digest", digest, timeout=timeout)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start a command in a process group of its own; the test ends it."""
        return subprocess.Popen(
            self.arguments(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=ROOT, env=environment(), start_new_session=True,
        )  # fmt: skip

    def plan(self, *words: str | Path) -> Any:
        """The right-sizing plan as JSON."""
        answer = self.run("rightsize", *words, "--format", "json")
        assert answer.code == 0, answer.words
        return answer.data


def second_plan_is_empty(program: Program, *words: str) -> None:
    """Asked for the same again, there is nothing to do: with this line the lab test of an operation ends."""
    answer = program.run(*words, "--format", "json")
    assert answer.code == 0, answer.words
    titles = [step["title"] for step in answer.data["steps"]]
    assert titles == [], answer.words


def environment() -> dict[str, str]:
    """A plain 80-column environment, without the operator's own settings."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "USER", "LOGNAME")}
    return {**kept, "COLUMNS": "80", "NO_COLOR": "1"}


def by_hand(inventory: Path, *words: str, timeout: float = 240) -> Answer:
    """``ansible-playbook`` as an operator types it in the checkout."""
    done = subprocess.run(
        [PLAYBOOK, "-i", str(inventory), *words], capture_output=True, text=True, timeout=timeout, check=False,
        cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Answer(done.returncode, done.stdout, done.stderr)


def wait_for(condition: Callable[[], object], *, bound: float, what: str) -> None:
    """Wait until ``condition`` holds; fail after ``bound`` seconds."""
    end = time.monotonic() + bound
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {bound:g} s"
        time.sleep(0.1)
