"""``loadtest`` as a person or a pipeline calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import GateError, SelextractError, UsageError


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    return build()


def summary(path: Path, p95: float) -> str:
    metrics = {
        "http_req_duration": {"p(95)": p95},
        "http_req_failed": {"value": 0.0012},
        "http_reqs": {"count": 123456, "rate": 205.76},
        "vus_max": {"value": 50, "max": 50},
    }
    file = path / "k6-summary.json"
    file.write_text(json.dumps({"metrics": metrics}))
    return str(file)


def failed(app: typer.Typer, *words: str) -> tuple[SelextractError, str]:
    done = CliRunner().invoke(app, ["loadtest", *words], env={"COLUMNS": "80"})
    assert isinstance(done.exception, SelextractError), done.output
    return done.exception, done.stdout


def test_a_run_that_misses_its_target_is_shown_and_exits_10(app: typer.Typer, tmp_path: Path) -> None:
    error, shown = failed(app, summary(tmp_path, 534))
    assert isinstance(error, GateError)
    assert str(error) == "The load test does not pass: LT-02 response time (P95) 534 ms, wanted < 500 ms."
    assert "34 ms or 6.8 % over the target." in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_a_run_that_passes_exits_0(app: typer.Typer, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["loadtest", summary(tmp_path, 320), "--cpu", "60", "--memory", "70%"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("pass: baseline run")


def test_a_warning_stops_only_who_asks_for_it(app: typer.Typer, tmp_path: Path) -> None:
    words = ["loadtest", summary(tmp_path, 320), "--cpu", "75"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert isinstance(CliRunner().invoke(app, [*words, "--fail-on", "warning"]).exception, GateError)


def test_json_has_the_verdict_and_every_check_even_when_the_gate_closes(app: typer.Typer, tmp_path: Path) -> None:
    error, shown = failed(app, summary(tmp_path, 534), "--format", "json")
    data = json.loads(shown)
    assert error.exit_code == 10
    assert data["verdict"] == "fail"
    assert data["checks"][0]["item"] == "LT-02"
    assert data["result"]["form"] == "--summary-export"


@pytest.mark.parametrize("words", [[], ["k6.json", "--emit-script"], ["nowhere.json"], ["/"]])
def test_a_call_that_makes_no_sense_exits_2(app: typer.Typer, words: list[str]) -> None:
    error, _ = failed(app, *words)
    assert isinstance(error, UsageError)


@pytest.mark.parametrize("option", [["--cpu", "lots"], ["--cpu", "101"], ["--memory", "-1"], ["--fail-on", "never"]])
def test_options_that_make_no_sense_exit_2(app: typer.Typer, tmp_path: Path, option: list[str]) -> None:
    error, _ = failed(app, summary(tmp_path, 320), *option)
    assert isinstance(error, UsageError)


def test_the_script_is_all_that_is_printed(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["loadtest", "--emit-script", "--test", "stress"])
    assert done.exit_code == 0
    assert done.stdout.startswith('// Load test "stress" for k6')
    assert done.stdout.endswith("}\n")
