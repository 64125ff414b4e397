"""Asking for help is quick, every command explains itself, and the public API is what is promised."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import selextract_infra as sx
from selextract_infra.cli import COMMANDS

HEAVY = ("pydantic", "yaml", "numpy", "ansible", "ansible_runner", "paramiko", "matplotlib", "sqlite3")


def _loaded_by(*words: str) -> set[str]:
    code = (
        "import sys, json\n"
        f"sys.argv = ['selextract-infra', *{list(words)!r}]\n"
        "from selextract_infra.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_asking_imports_nothing_heavy(word: str) -> None:
    assert _loaded_by(word).isdisjoint(HEAVY)


def test_help_of_a_command_imports_nothing_heavy_of_ours() -> None:
    typers_own = {"pydantic"}  # looked for while the options of a command are read
    assert _loaded_by("rightsize", "--help").isdisjoint(set(HEAVY) - typers_own)


def test_importing_the_package_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, selextract_infra; print(' '.join(sys.modules))"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert {name.split(".")[0] for name in done.stdout.split()}.isdisjoint(HEAVY)


def test_the_public_api_is_this_list() -> None:
    assert sorted(sx.__all__) == [
        "CircuitBreaker",
        "Decision",
        "Finding",
        "Fleet",
        "Observation",
        "Plan",
        "Policy",
        "Run",
        "Severity",
        "__version__",
        "default_policy",
        "errors",
        "load_policy",
        "plan",
    ]
    assert all(getattr(sx, name) is not None for name in sx.__all__)
    assert callable(sx.plan.rightsize)


@pytest.mark.parametrize("words", [[], *[[command] for command in COMMANDS]])
def test_every_command_explains_itself_at_80_columns(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "selextract_infra.cli", *words, "--help"],
        capture_output=True, text=True, timeout=60, check=False, env={"COLUMNS": "80", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_an_unknown_command_names_the_nearest_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "selextract_infra.cli", "rightsise"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "rightsize" in done.stderr
