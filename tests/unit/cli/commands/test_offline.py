"""A saved Observation and a policy file are enough: no inventory is asked for, and none is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import InventoryError
from selextract_infra.hosts.observe.recorded import save_observation
from tests.unit.seen import container, history, host, observation

SERVICES = {"api": {"role": "api"}, "worker": {"role": "worker", "celery_app": "tasks"}}
POLICY = {
    "application": {"project": "selextract", "directory": "/opt/selextract", "services": SERVICES},
    "windows": {"night": {"rrule": "FREQ=DAILY", "start": "02:00", "duration": "3h", "time_zone": "UTC"}},
}


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options; the folder has no inventory."""
    seen = observation(host([container("api"), container("worker")], [history("api"), history("worker")]))
    save_observation(seen, tmp_path / "seen.json")
    (tmp_path / "policy.yml").write_text(yaml.safe_dump(POLICY))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SELEXTRACT_STATE", str(tmp_path / "state"))
    return ["--observation", "seen.json", "--policy", "policy.yml", "--format", "json"]


@pytest.mark.parametrize("command", ["rightsize", "tune workers", "emergency assess", "assess"])
def test_it_answers_without_an_inventory(offline: list[str], command: str) -> None:
    words = command.split()
    done = CliRunner().invoke(build(words[0]), [*words, *offline])
    assert done.exit_code == 0, (done.output, done.exception)
    assert isinstance(json.loads(done.stdout), dict)


def test_windows_need_a_policy_alone(offline: list[str]) -> None:
    done = CliRunner().invoke(build("windows"), ["windows", "next", "--policy", "policy.yml"])
    assert done.exit_code == 0, done.output
    assert "night" in done.stdout


def test_an_inventory_that_is_named_has_to_be_there(offline: list[str]) -> None:
    done = CliRunner().invoke(build("rightsize"), ["rightsize", "-i", "nowhere", *offline])
    assert isinstance(done.exception, InventoryError)
