"""``forecast`` as a person or a script calls it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from selextract_infra.cli import build
from selextract_infra.errors import GateError, SelextractError, UsageError

LINEAR = ["--current", "900", "--weekly-growth", "200", "--limit", "1000"]


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    return build()


def disk(path: Path, days: int = 200) -> list[str]:
    file = path / "disk.csv"
    start = date(2026, 1, 1)
    lines = [f"{start + timedelta(days=day)},{100 + 3 * day + (day * 7919) % 13}" for day in range(days)]
    file.write_text("day,used\n" + "\n".join(lines) + "\n")
    return ["--csv", str(file), "--column", "used", "--today", "2026-07-20"]


def said(app: typer.Typer, *words: str) -> str:
    done = CliRunner().invoke(app, ["forecast", *words], env={"COLUMNS": "80", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    return done.stdout


def failed(app: typer.Typer, *words: str) -> SelextractError:
    done = CliRunner().invoke(app, ["forecast", *words], env={"COLUMNS": "80"})
    assert isinstance(done.exception, SelextractError), done.output
    assert "\n" not in str(done.exception)
    return done.exception


def test_dates_days_and_the_error_so_far_fit_a_narrow_terminal(app: typer.Typer, tmp_path: Path) -> None:
    text = said(app, *disk(tmp_path), "--limit", "1000")
    assert max(len(line) for line in text.splitlines()) <= 80
    for words in ("Reaches 1,000; now 705", "early (P10)", "middle (P50)", "late (P90)", "guide's linear rule"):
        assert words in text
    assert "Error so far, 30 days ahead: " in text
    assert "Same day last week: " in text
    assert "% interval held on" in text


def test_the_backtest_shows_errors_and_ratios(app: typer.Typer, tmp_path: Path) -> None:
    text = said(app, *disk(tmp_path), "--backtest")
    for words in ("same day last week", "line over 56 days", "guide's linear rule (7 days)", "this forecast / it"):
        assert words in text


def test_json_is_the_whole_forecast(app: typer.Typer, tmp_path: Path) -> None:
    data = json.loads(said(app, *disk(tmp_path), "--limit", "1000", "--horizon", "14 days", "--format", "json"))
    assert len(data["days"]) == 14
    assert data["confidence"] == "normal"
    assert data["exhaustion"]["p10_days"] <= data["exhaustion"]["p50_days"] <= data["exhaustion"]["p90_days"]
    assert data["backtest"]["horizon"] == 14
    assert len(data["values"]) == 200


def test_fourteen_days_are_answered_with_insufficient_data(app: typer.Typer, tmp_path: Path) -> None:
    text = said(app, *disk(tmp_path, days=14), "--limit", "1000")
    assert "insufficient data: 14 days with a value; at least 21 are needed." in text
    assert "P50" not in text


def test_headroom_can_be_kept_free(app: typer.Typer, tmp_path: Path) -> None:
    assert "Reaches 600 of 1,000; now 705" in said(app, *disk(tmp_path), "--limit", "1000", "--keep-headroom")


def test_planned_events_come_from_a_file(app: typer.Typer, tmp_path: Path) -> None:
    events = tmp_path / "events.csv"
    events.write_text("first,last,factor,name\n2026-07-20,2026-07-21,2,Launch\n")
    plain = json.loads(said(app, *disk(tmp_path), "--format", "json"))["days"]
    seen = json.loads(said(app, *disk(tmp_path), "--events", str(events), "--format", "json"))["days"]
    assert [round(one["p50"] / other["p50"], 6) for one, other in zip(seen[:4], plain[:4], strict=True)] == [2, 2, 1, 1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "does not name planned events"),
        ("from,to\n2026-01-01,2026-01-02\n", "does not name planned events"),
        ("first,last\n2026-01-02,2026-01-01\n", "before it begins"),
        ("first,last\nsoon,2026-01-01\n", "where a day should be"),
        ("first,last,factor\n2026-01-01,2026-01-01,-3\n", "as its factor"),
        ("first,last,factor\n2026-01-01,2026-01-01,nan\n", "as its factor"),
        ("x" * 20_000, "too long after line 0"),
    ],
)
def test_events_that_make_no_sense(app: typer.Typer, tmp_path: Path, text: str, sentence: str) -> None:
    events = tmp_path / "events.csv"
    events.write_text(text)
    assert sentence in str(failed(app, *disk(tmp_path), "--events", str(events)))


def test_the_linear_rule_alone(app: typer.Typer) -> None:
    assert said(app, *LINEAR).startswith("CAPACITY_CRITICAL: resource: capacity exhaustion in 3.5 days")
    data = json.loads(said(app, *LINEAR, "--format", "json"))
    assert (data["days"], data["level"], data["alert"]) == (3.5, "critical", "CAPACITY_CRITICAL")


def test_growth_as_a_share_also_compounds(app: typer.Typer) -> None:
    text = said(app, "--current", "900", "--weekly-growth", "5%", "--limit", "1000")
    assert "15.5 days" in text
    assert "With compound growth: 15.1 days." in text


def test_units_are_read_where_the_resource_is_known(app: typer.Typer) -> None:
    words = ["--current", "900GB", "--weekly-growth", "20GB", "--limit", "1TB"]
    assert "storage: capacity exhaustion in 35 days, 900 GB of 1,000 GB used, 20 GB more" in " ".join(
        said(app, *words, "--resource", "storage").split()
    )
    assert "unit is read only when the resource is known" in str(failed(app, *words))
    assert isinstance(failed(app, *words, "--resource", "users"), UsageError)


def test_a_level_can_be_a_gate(app: typer.Typer, tmp_path: Path) -> None:
    assert isinstance(failed(app, *LINEAR, "--fail-on", "critical"), GateError)
    assert isinstance(failed(app, *disk(tmp_path), "--limit", "760", "--fail-on", "warning"), GateError)
    said(app, *disk(tmp_path), "--limit", "760", "--fail-on", "critical")


@pytest.mark.parametrize("limit", ["0", "-5", "nan", "inf", "lots", ""])
def test_limits_that_make_no_sense_exit_2(app: typer.Typer, tmp_path: Path, limit: str) -> None:
    assert failed(app, *disk(tmp_path), "--limit", limit).exit_code == 2
    assert failed(app, "--current", "1", "--weekly-growth", "1", "--limit", limit).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--csv", "a.csv", *LINEAR],
        ["--csv", "nowhere.csv", "--column", "used"],
        ["--csv", "nowhere.csv"],
        ["--csv", "/", "--column", "used"],
        ["--csv", "/dev/zero", "--column", "used"],
        ["--current", "900", "--limit", "1000"],
        ["--host", "app1"],
        ["--host", "app1", "--resource", "colour"],
        [*LINEAR, "--fail-on", "never"],
    ],
)
def test_calls_that_make_no_sense_exit_2(app: typer.Typer, tmp_path: Path, words: list[str]) -> None:
    assert failed(app, *words, "--state", str(tmp_path)).exit_code == 2


@pytest.mark.parametrize("horizon", ["0", "2 hours", "soon", "731", "-3"])
def test_horizons_that_make_no_sense_exit_2(app: typer.Typer, tmp_path: Path, horizon: str) -> None:
    assert failed(app, *disk(tmp_path), "--horizon", horizon).exit_code == 2


def test_the_nearest_column_is_suggested(app: typer.Typer, tmp_path: Path) -> None:
    words = disk(tmp_path)
    words[3] = "use"
    assert failed(app, *words).remedy == "did you mean used?"
