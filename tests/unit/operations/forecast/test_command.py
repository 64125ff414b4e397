"""``forecast`` as a person or a script calls it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
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


def storage(path: Path, values: Sequence[float | str]) -> list[str]:
    """Days of use from 2026-01-01 on, as a file."""
    file = path / "storage.csv"
    lines = [f"{date(2026, 1, 1) + timedelta(days=day)},{value}" for day, value in enumerate(values)]
    file.write_text("day,used\n" + "\n".join(lines) + "\n")
    return ["--csv", str(file), "--column", "used", "--today", "2026-01-01"]


FLAT = [500.0] * 100


def test_a_trend_that_begins_is_seen_in_its_first_week(app: typer.Typer, tmp_path: Path) -> None:
    """Flat for 100 days, then 20 a day: at 980 of 1,000 it was "not within 730 days", with 884 for tomorrow."""
    full = storage(tmp_path, [*FLAT, *(500 + 20 * day for day in range(1, 25))])
    data = json.loads(said(app, *full, "--limit", "1000", "--format", "json"))
    assert (data["exhaustion"]["p50_days"], data["exhaustion"]["level"]) == (1, "critical")
    assert data["days"][0]["p50"] == pytest.approx(1000)
    assert "Use rises by 20 a day" in " ".join(data["notes"])
    assert isinstance(failed(app, *full, "--limit", "1000", "--fail-on", "critical"), GateError)


@pytest.mark.parametrize("added", [10, 20, 40])
def test_it_is_never_warned_of_later_than_by_the_lines_over_7_and_28_days(
    app: typer.Typer, tmp_path: Path, added: int
) -> None:
    values = [*FLAT, *(500 + added * day for day in range(1, 460 // added))]
    for known in range(104, len(values), 5):
        file = storage(tmp_path, values[:known])
        p50 = json.loads(said(app, *file, "--limit", "1000", "--format", "json"))["exhaustion"]["p50_days"]
        past = np.asarray(values[:known])
        lines = [np.polyfit(np.arange(days), past[-days:], 1)[0] for days in (7, 28)]
        assert p50 <= math.ceil((1000 - past[-1]) / max(lines) + 1e-6)


def test_what_follows_a_clean_up_does_not_depend_on_what_was_before(app: typer.Typer, tmp_path: Path) -> None:
    after = [400.0 + 5 * day for day in range(25)]
    for values in ([900.0] * 100 + after, after):
        data = json.loads(said(app, *storage(tmp_path, values), "--limit", "1000", "--format", "json"))
        assert data["exhaustion"]["p50_days"] == pytest.approx(96, abs=2)


def test_what_is_used_up_is_critical_without_any_history(app: typer.Typer, tmp_path: Path) -> None:
    """X-20: 20 days and 1,090 of 1,000 used were "insufficient data" and exit 0."""
    full = storage(tmp_path, [1000 + 4.5 * day for day in range(21 - 1)])
    data = json.loads(said(app, *full, "--limit", "1000", "--format", "json"))
    assert (data["confidence"], data["exhaustion"]["level"]) == ("insufficient data", "critical")
    assert isinstance(failed(app, *full, "--limit", "1000", "--fail-on", "critical"), GateError)


def test_with_little_history_the_guides_line_speaks_with_low_confidence(app: typer.Typer, tmp_path: Path) -> None:
    rising = storage(tmp_path, [800.0 + 10 * day for day in range(15)])
    assert "guide's linear rule" in said(app, *rising, "--limit", "1000")
    problem = failed(app, *rising, "--limit", "1000", "--fail-on", "critical")
    assert isinstance(problem, GateError)
    assert "low confidence" in str(problem)


def test_an_empty_cell_is_a_gap_and_is_counted(app: typer.Typer, tmp_path: Path) -> None:
    values: list[float | str] = [*FLAT]
    values[20] = values[40] = ""
    values[60] = "NaN"
    data = json.loads(said(app, *storage(tmp_path, values), "--format", "json"))
    assert "3 cells of used without a value, which are gaps." in data["notes"]
    assert data["days_known"] == 97


@pytest.mark.parametrize(("written", "limit", "top"), [("{}GB", "1TB", 1e12), ("{}%", "90%", 90.0), ("{}", "90", 90.0)])
def test_units_are_read(app: typer.Typer, tmp_path: Path, written: str, limit: str, top: float) -> None:
    values = [written.format(40 + day % 3) for day in range(60)]
    data = json.loads(said(app, *storage(tmp_path, values), "--limit", limit, "--format", "json"))
    assert data["exhaustion"]["limit"] == top


def test_a_limit_in_another_unit_than_the_column_is_refused(app: typer.Typer, tmp_path: Path) -> None:
    assert isinstance(failed(app, *storage(tmp_path, FLAT), "--limit", "1TB"), UsageError)


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
