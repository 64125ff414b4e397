"""``assess``, ``growth``, ``cost``, ``roadmap`` and ``report`` on the command line."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from selextract_infra.cli import build
from selextract_infra.errors import GateError, SelextractError, UsageError
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.hosts.observe.recorded import save_observation
from tests.unit.seen import container, host, observation, one


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SELEXTRACT_INVENTORY", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


def run(*words: str) -> Result:
    return CliRunner().invoke(build(), list(words))


def answer(*words: str) -> Any:
    ended = run(*words, "--format", "json")
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


@pytest.fixture
def metrics(tmp_path: Path) -> str:
    rows = [f"{1_763_600_000 + 15 * number},api,{50 + number},0.02" for number in range(41)]
    file = tmp_path / "metrics.csv"
    file.write_text("at,service,cpu_usage_percent,error_rate\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("command", ["growth", "cost", "roadmap"])
def test_planning_needs_no_host_and_no_inventory(command: str) -> None:
    ended = run(command, *(["--start", "2025-02-01", "--today", "2025-06-15"] if command == "roadmap" else []))
    assert ended.exit_code == 0
    assert max(len(line) for line in ended.stdout.splitlines()) <= 80
    assert "\x1b[" not in ended.stdout


def test_growth_as_the_design_writes_it() -> None:
    found = answer("growth", "--scenario", "moderate", "--host", "8c/32GB/1TB/1Gbps", "--today", "2025-10-20")
    assert found["cost_required"] == 870
    assert [one["name"] for one in found["seasons"]] == ["black_friday", "year_end"]
    assert found["phases"] == ["VP1", "VP2", "VP4"]


def test_cost_in_json_has_both_sources() -> None:
    found = answer("cost")
    assert [one["quoted"] for one in found["phases"]] == [200, 300, 100, 500]
    assert [one["by_unit_price"] for one in found["phases"]] == [160, 200, 50, 450]


def test_the_cost_of_other_hardware_and_the_day_it_lasts_until() -> None:
    found = answer("cost", "--after", "8c/32GB/2TB/1Gbps", "--growing", "storage=900GB+20GB")
    assert found["cost"]["realised"] == 50
    assert found["exhaustion"][0]["days_before"] == 35
    assert found["exhaustion"][0]["days_after"] == 385


def test_the_roadmap_with_dates() -> None:
    found = answer("roadmap", "--start", "2025-02-01", "--today", "2025-06-15", "--done", "rp1-m1")
    status = {one["id"]: one["status"] for one in found["milestones"]}
    assert (status["RP1-M1"], status["RP1-M2"], status["RP1-M5"]) == ("done", "overdue", "due")


def test_findings_say_what_is_wrong_before_their_figures() -> None:
    words = " ".join(run("roadmap", "--start", "2025-02-01", "--today", "2025-06-15").stdout.split())
    assert "upgrades without a milestone: the roadmap has no month" in words


def test_one_phase_by_its_qualified_name() -> None:
    found = answer("roadmap", "vertical.cpu", "--start", "2025-02-01", "--today", "2025-06-15")
    assert [one["id"] for one in found["phases"]] == ["VP2"]
    assert [one["id"] for one in found["milestones"]] == ["RP1-M5"]


def test_metrics_from_a_file(metrics: str) -> None:
    found = answer("assess", "--csv", metrics)
    items = {one["item"]: one["level"] for one in found["judgements"]}
    assert (items["MON-01"], items["MON-06"]) == ("warning", "warning")
    assert found["response"]["severity"] == "P3"


@pytest.mark.parametrize(("percent", "severity"), [(95, "P2"), (95.001, "P1")])
def test_a_limit_of_an_emergency_is_met_above_it(tmp_path: Path, percent: float, severity: str) -> None:
    rows = "".join(f"{1_763_600_000 + 15 * number},api,{percent}\n" for number in range(41))
    file = tmp_path / "metrics.csv"
    file.write_text("at,service,cpu_usage_percent\n" + rows, encoding="utf-8")
    found = answer("assess", "--csv", str(file))
    assert found["response"]["severity"] == severity
    sentences = [one["sentence"] for one in found["judgements"] if one["item"] == "EMC-03"]
    assert sentences == (["95.001 % > 95 % for 2 min"] if severity == "P1" else [])


def test_a_p95_just_above_its_limit_is_written_with_the_digits_that_make_it_true(tmp_path: Path) -> None:
    rows = "".join(f"{1_763_600_000 + 15 * number},api,5001\n" for number in range(41))
    file = tmp_path / "metrics.csv"
    file.write_text("at,service,response_time_p95_ms\n" + rows, encoding="utf-8")
    found = answer("assess", "--csv", str(file))
    assert "5.001 s > 5 s" in {one["sentence"] for one in found["judgements"]}


@pytest.mark.parametrize(("minutes", "severity"), [(1.75, "P2"), (2.25, "P1")])
def test_nothing_lasts_longer_than_its_file(tmp_path: Path, minutes: float, severity: str) -> None:
    rows = "".join(f"{1_763_600_000 + 15 * number},api,99\n" for number in range(int(minutes * 4) + 1))
    file = tmp_path / "metrics.csv"
    file.write_text("at,service,cpu_usage_percent\n" + rows, encoding="utf-8")
    assert (answer("assess", "--csv", str(file))["response"] or {"severity": "P2"})["severity"] == severity


def test_the_review_is_overdue_the_day_after(tmp_path: Path) -> None:
    for today, overdue in (("2025-04-30", False), ("2025-05-01", True)):
        assert answer("roadmap", "--start", "2025-02-01", "--today", today)["review_overdue"] is overdue


def test_a_file_as_of_an_earlier_time(metrics: str) -> None:
    found = answer("assess", "--csv", metrics, "--at", "2025-11-20T00:58:20Z")
    assert found["at"].startswith("2025-11-20T00:58:20")


def test_the_table_of_an_assessment_has_a_trend(metrics: str) -> None:
    shown = run("assess", "--csv", metrics, "--all").stdout
    assert "▁▂▃▄▅▆▇█" in shown
    assert "MON-01" in shown
    assert all(" warning " in line for line in shown.splitlines() if "MON-0" in line)
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_a_gate_ends_with_ten(metrics: str) -> None:
    passed = run("assess", "--csv", metrics, "--fail-on", "major")
    assert passed.exit_code == 0
    failed = run("assess", "--csv", metrics, "--fail-on", "minor")
    assert isinstance(failed.exception, GateError)
    growth = run("growth", "--fail-on", "breaking")
    assert isinstance(growth.exception, GateError)


def test_a_saved_observation_and_the_journal_give_the_same(tmp_path: Path) -> None:
    seen = one("api", cpu=1.9)
    file = tmp_path / "seen.json"
    save_observation(seen, file)
    from_file = answer("assess", "--observation", str(file))
    with Journal(tmp_path / "journal") as journal:
        journal.record_observation(seen)
    recalled = answer("assess", "--journal", "--state", str(tmp_path / "journal"))
    assert recalled["judgements"] == from_file["judgements"]
    assert (from_file["source"], recalled["source"]) == ("seen.json", "journal")


def test_an_empty_journal_says_what_to_do(tmp_path: Path) -> None:
    ended = run("assess", "--journal", "--state", str(tmp_path / "journal"))
    assert isinstance(ended.exception, UsageError)
    assert ended.exception.remedy == "selextract-infra observe"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = "[bold]x[/bold]\x1b[31m{{ 7*7 }}"
    file = tmp_path / "seen.json"
    save_observation(observation(host([container(name, cpu_use=1.9)])), file)
    shown = run("assess", "--observation", str(file), "--all").stdout
    assert "[bold]" in shown
    assert "\x1b" not in shown


def test_the_report_is_one_page(tmp_path: Path, metrics: str) -> None:
    file = tmp_path / "out.html"
    found = answer("report", "--html", str(file), "--csv", metrics, "--start", "2025-02-01", "--today", "2025-10-20")
    assert found["file"] == str(file)
    assert "<h2>Roadmap</h2>" in file.read_text(encoding="utf-8")


def test_the_report_forecasts_a_file_too(tmp_path: Path) -> None:
    days = [f"{date(2025, 7, 1) + timedelta(number)},{400 + 2 * number}" for number in range(90)]
    (tmp_path / "disk.csv").write_text("\n".join(("time,used", *days)) + "\n", encoding="utf-8")
    file = tmp_path / "out.html"
    found = answer("report", "--html", str(file), "--forecast", f"{tmp_path / 'disk.csv'}:used:640")
    assert [one["exhaustion"]["p50_days"] for one in found["forecasts"]] == [31]
    assert "Forecast of used" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["growth", "--scenario", "wild"], "no growth scenario"),
        (["growth", "--host", "big"], "is not a host"),
        (["growth", "--month", "99"], "0 to 24 months"),
        (["growth", "--today", "soon"], "takes a day"),
        (["cost", "--host", "8c/32GB/1TB"], "is not a host"),
        (["cost", "--growing", "storage=1GB+1GB"], "before and after"),
        (["cost", "--after", "8c/32GB/1TB/1Gbps", "--growing", "moon=1+1"], "not a growing resource"),
        (["roadmap", "phase 2"], "ambiguous"),
        (["roadmap", "--start", "2025-02-30"], "takes a day"),
        (["roadmap", "--done", "RP9"], "no phase and no milestone"),
        (["roadmap", "MR2"], "never executed"),
        (["assess", "--csv", "/nonexistent.csv"], "cannot be read"),
        (["report", "--html", "out.html", "--forecast", "disk.csv"], "FILE:COLUMN:LIMIT"),
        (["report", "--html", "out.html", "--forecast", "/nonexistent.csv:used:1"], "cannot be read"),
        (["assess", "--csv", "a", "--journal"], "One thing"),
        (["assess", "--at", "2025-01-01T00:00Z"], "there is no --csv"),
        (["report", "--html", "/nonexistent/x.html"], "cannot be written"),
        (["growth", "--inventory", "/nonexistent"], ""),
    ],
)
def test_what_makes_no_sense_is_one_sentence(words: list[str], sentence: str) -> None:
    ended = run(*words)
    assert isinstance(ended.exception, SelextractError)
    assert sentence in str(ended.exception)
    assert "\n" not in str(ended.exception)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["growth", "cost", "roadmap"]),
    st.lists(
        st.tuples(
            st.sampled_from(
                ["--host", "--scenario", "--month", "--start", "--today", "--done", "--after", "--growing"]
            ),
            st.text(max_size=12),
        ),
        max_size=3,
    ),
)
def test_no_words_make_a_traceback(command: str, options: list[tuple[str, str]]) -> None:
    ended = run(command, *(f"{name}={value}" for name, value in options))
    assert ended.exception is None or isinstance(ended.exception, SelextractError | SystemExit)
