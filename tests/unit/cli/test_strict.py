"""Of two different values of one option nobody can say which one was meant."""

from __future__ import annotations

import subprocess
import sys

import pytest

from selextract_infra.cli import main


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "selextract_infra.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["tune", "postgres", "--memory", "2GiB", "--memory", "4GiB", "--cpus", "2"], "--memory"),
        (["rightsize", "-i", "a", "--inventory", "b"], "--inventory"),
        (["cost", "--format", "json", "--format", "table"], "--format"),
        (["resume", "run-a", "--digest", "sha256:a", "--digest=sha256:b"], "--digest"),
    ],
)
def test_another_value_of_the_same_option_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], option: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["selextract-infra", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"{option} is given twice, with different values." in " ".join(capsys.readouterr().err.split())


def test_the_same_value_twice_and_options_that_are_lists_are_no_contradiction() -> None:
    tuned = run(
        "tune", "postgres", "--memory", "2GiB", "--memory", "2GiB", "--cpus", "2", "--connections", "50",
        "--pg-version", "16",
        "--format", "json", "--format", "json",
    )  # fmt: skip
    assert tuned.returncode == 0, tuned.stderr
    shown = run("policy", "show", "--policy", "/nowhere/a.yml", "--policy", "/nowhere/b.yml")
    assert "twice" not in shown.stderr
