from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import UsageError
from selextract_infra.flow.journal.journal import Journal
from tests.unit.operations.emergency.test_incident_report import incident

HOSTS = "all:\n  hosts:\n    app1: {ansible_host: 127.0.0.1}\n"


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    (tmp_path / "hosts.yml").write_text(HOSTS)
    return ["-i", str(tmp_path / "hosts.yml"), "--state", str(tmp_path / "state")]


def test_reverting_puts_back_or_leaves_and_not_both(options: list[str]) -> None:
    answer = CliRunner().invoke(build("emergency"), ["emergency", "revert", "--force", "--keep", *options])
    assert isinstance(answer.exception, UsageError)


def test_without_an_emergency_there_is_nothing_to_report_or_to_take_on(options: list[str]) -> None:
    for command in ("report", "ack"):
        answer = CliRunner().invoke(build("emergency"), ["emergency", command, *options])
        assert isinstance(answer.exception, UsageError), command


def test_a_report_is_of_the_newest_and_somebody_takes_it_on_once(options: list[str], tmp_path: Path) -> None:
    with Journal(tmp_path / "state") as journal:
        journal.record_incident(incident())
    words = ["emergency", "report", *options, "--out", str(tmp_path / "report.md")]
    assert CliRunner().invoke(build("emergency"), words).exit_code == 0
    assert "# Emergency 20260301T020000-9f3ac1" in (tmp_path / "report.md").read_text()
    for _ in range(2):
        answer = CliRunner().invoke(build("emergency"), ["emergency", "ack", *options])
        assert answer.exit_code == 0, answer.output
    with Journal(tmp_path / "state") as journal:
        kept = journal.incident()
        assert kept is not None
        assert kept.acknowledged_at is not None
        assert sum("has taken it on" in moment.what for moment in kept.timeline) == 1
        assert [event["run"] for event in journal.events(10) if event["kind"] == "acknowledged"] == [kept.id]


def test_a_drill_for_real_is_confirmed(options: list[str]) -> None:
    answer = CliRunner().invoke(build("emergency"), ["emergency", "drill", "--apply", *options])
    assert isinstance(answer.exception, UsageError)
