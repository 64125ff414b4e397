"""``simulate`` on the command line: a table, JSON, and one sentence for a wrong call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from selextract_infra.errors import SelextractError, UsageError
from selextract_infra.operations.scaling.simulate_command import register

HEADER = "at,service,cpu_usage_percent,memory_usage_percent,response_time_p95_ms,requests_per_second\n"
HOST = ("--host", "64c/256GB/1TB/1Gbps")


@pytest.fixture
def app() -> typer.Typer:
    application = typer.Typer(pretty_exceptions_enable=False)

    @application.callback()
    def root() -> None:
        pass

    register(application)
    return application


@pytest.fixture
def metrics(tmp_path: Path) -> str:
    file = tmp_path / "metrics.csv"
    lines = [f"{1741132800 + step * 15},api,90,50,300,60\n" for step in range(120)]
    file.write_text(HEADER + "".join(lines))
    return str(file)


def said(app: typer.Typer, *words: str) -> str:
    done = CliRunner().invoke(app, ["simulate", *words], env={"COLUMNS": "100"})
    assert done.exit_code == 0, done.output
    return done.stdout


def failed(app: typer.Typer, *words: str) -> SelextractError:
    done = CliRunner().invoke(app, ["simulate", *words], env={"COLUMNS": "100"})
    assert isinstance(done.exception, SelextractError), done.output
    return done.exception


def test_the_table_says_when_what_and_why(app: typer.Typer, metrics: str) -> None:
    text = said(app, "--metrics", metrics, *HOST)
    assert "2025-03-05 00:05:00" in text
    assert "2 -> 3" in text
    assert "(TRG-01)" in text
    assert "1 action, 0 flaps" in text


def test_what_did_not_fit_is_named(app: typer.Typer, metrics: str) -> None:
    text = said(app, "--metrics", metrics, "--instances", "api=3")
    assert "No count would have changed." in text
    assert "refused: api" in text
    assert "X-09" in text
    assert "3 -> 4" in said(app, "--metrics", metrics, "--instances", "api=3", "--override", "X-09")


def recorded(folder: Path, *cpus: str, seconds: int = 15) -> str:
    """A file of one API service with these cells of CPU, again and again for half an hour."""
    file = folder / "metrics.csv"
    lines = [f"{1741132800 + step * seconds},api,{cpus[step % len(cpus)]},50,300,60\n" for step in range(120)]
    file.write_text(HEADER + "".join(lines))
    return str(file)


def test_at_its_maximum_what_is_held_is_named(app: typer.Typer, tmp_path: Path) -> None:
    text = said(app, "--metrics", recorded(tmp_path, "90"), *HOST, "--instances", "api=10", "--pooling", "pooled")
    assert "No count would have changed." in text
    assert "refused: api at 2025-03-05 00:05:00Z, cpu_usage >= 70 % for 5 min (TRG-01): the maximum" in text


def test_a_third_of_the_cells_missing_is_named(app: typer.Typer, tmp_path: Path) -> None:
    text = said(app, "--metrics", recorded(tmp_path, "90", "90", ""), *HOST)
    assert "No count would have changed." in text
    assert "held: api from 2025-03-05 00:00:00Z, TRG-01: too few samples of cpu_usage in 5 min" in text
    assert "missing: api from 2025-03-05 00:00:00Z, cpu_usage is missing in 33.3 % of its samples (40 times)" in text


def test_a_service_that_is_not_seen_is_named(app: typer.Typer, tmp_path: Path) -> None:
    file = Path(recorded(tmp_path, "20"))
    late = [f"{1741132800 + step * 15},worker,20,50,,\n" for step in range(120, 160)]
    file.write_text(file.read_text() + "".join(late))
    data = json.loads(said(app, "--metrics", str(file), *HOST, "--format", "json"))
    kinds = {(one["service"], one["kind"]) for one in data["held"]}
    assert {("api", "blind"), ("worker", "missing")} <= kinds


def test_json_has_everything(app: typer.Typer, metrics: str) -> None:
    data = json.loads(said(app, "--metrics", metrics, *HOST, "--format", "json"))
    assert [(one["before"], one["after"], one["rule"]) for one in data["actions"]] == [(2, 3, "TRG-01")]
    assert set(data["services"][0]) >= {"minutes_over", "instance_hours", "cost", "flaps"}


def test_events_and_profiles(app: typer.Typer, metrics: str) -> None:
    event = "feature_launch@2025-03-05T06:00Z/2025-03-06"
    assert "MAN-05" in said(app, "--metrics", metrics, *HOST, "--event", event)
    assert "X-34" in said(app, "--metrics", metrics, *HOST, "--cheaper")


@pytest.mark.parametrize(
    "words",
    [
        ("--instances", "api"),
        ("--instances", "api=0"),
        ("--event", "launch"),
        ("--event", "party@2025-03-05/2025-03-06"),
        ("--event", "feature_launch@2025-03-06/2025-03-05"),
        ("--host", "large"),
        ("--time-zone", "Mars/Olympus"),
    ],
)
def test_a_wrong_call_is_one_sentence(app: typer.Typer, metrics: str, words: tuple[str, ...]) -> None:
    error = failed(app, "--metrics", metrics, *words)
    assert isinstance(error, UsageError)
    assert error.exit_code == 2


def test_hostile_names_are_only_shown(app: typer.Typer, tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    lines = [f"{1741132800 + step * 15},{name},90\n" for step in range(9) for name in ("api", "\x1b[31m{{ 7*7 }}")]
    file.write_text("at,service,cpu_usage_percent\n" + "".join(lines))
    text = said(app, "--metrics", str(file), *HOST)
    assert "\x1b" not in text
    assert "{{ 7*7 }}" in text
