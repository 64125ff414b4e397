from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selextract_infra.errors import UsageError
from selextract_infra.hosts.observe.metrics_csv import KEPT_SECONDS, RecordedMetrics, load_metrics
from selextract_infra.policy.units import DURATION, PERCENT

WIDE = """at,service,cpu_usage_percent,error_rate,response_time_p95_ms
2025-03-03T10:00:00Z,api,70,0.01,534
2025-03-03T10:00:15Z,api,85,2%,890
2025-03-03T10:00:15Z,worker,90,,
"""


def load(folder: Path, text: str | bytes, **options: object) -> RecordedMetrics:
    file = folder / "metrics.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    zone, until = options.get("zone"), options.get("until")
    assert zone is None or isinstance(zone, ZoneInfo)
    assert until is None or isinstance(until, datetime)
    return load_metrics(file, zone=zone, until=until)


def values(found: RecordedMetrics) -> dict[tuple[str, str], list[float]]:
    return {(one.subject, one.metric): [round(v, 9) for v in one.samples.values] for one in found.measurements}


def test_wide_files_have_a_column_for_each_metric(tmp_path: Path) -> None:
    found = load(tmp_path, WIDE)
    assert values(found) == {
        ("api", "cpu_usage"): [0.7, 0.85],
        ("api", "error_rate"): [0.01, 0.02],
        ("api", "response_time_p95"): [0.534, 0.89],
        ("worker", "cpu_usage"): [0.9],
    }
    assert (found.rows, found.at) == (3, datetime(2025, 3, 3, 10, 0, 15, tzinfo=UTC))


def test_long_files_have_a_row_for_each_reading(tmp_path: Path) -> None:
    found = load(tmp_path, "time;metric;value\n1741000000;queue_length;120\n1741000015;queue_length;130\n")
    assert values(found) == {("all", "pending_tasks"): [120, 130]}
    assert found.measurements[0].samples.interval == 15


def test_columns_that_are_no_metric_are_named(tmp_path: Path) -> None:
    assert load(tmp_path, "at,cpu_usage,comment\n2025-03-03T10:00Z,0.5,hello\n").ignored == ("comment",)


def test_a_percentage_is_what_the_policy_reads_it_as(tmp_path: Path) -> None:
    """95 * 0.01 is more than 0.95: it was "95 % > 95 %", a P1, and 35 never reached a threshold of 35."""
    rows = "\n".join(f"{1_735_689_600 + second},{second},{second}%,{second}" for second in range(1, 101))
    text = f"at,cpu_usage_percent,error_rate,response_time_p95_ms\n{rows}\n"
    found = {one.metric: one.samples.values for one in load(tmp_path, text).measurements}
    exact = [PERCENT.parse(f"{number}%") for number in range(1, 101)]
    assert list(found["cpu_usage"]) == exact
    assert list(found["error_rate"]) == exact
    assert list(found["response_time_p95"]) == [DURATION.parse(f"{number}ms") for number in range(1, 101)]


def test_a_gap_is_no_reading(tmp_path: Path) -> None:
    cells = [("00", "0.5"), ("15", "NaN"), ("30", ""), ("45", "0.6")]
    text = "at,cpu_usage\n" + "".join(f"2025-03-03T10:00:{second}Z,{cell}\n" for second, cell in cells)
    assert values(load(tmp_path, text)) == {("all", "cpu_usage"): [0.5, 0.6]}


def test_rows_after_the_asked_time_are_left_out(tmp_path: Path) -> None:
    found = load(tmp_path, WIDE, until=datetime(2025, 3, 3, 10, 0, 5, tzinfo=UTC))
    assert (found.rows, values(found)[("api", "cpu_usage")]) == (1, [0.7])


def test_times_without_a_zone_need_one(tmp_path: Path) -> None:
    text = "at,cpu_usage\n2025-03-03 10:00:00,0.5\n"
    with pytest.raises(UsageError, match="without a time zone"):
        load(tmp_path, text)
    assert load(tmp_path, text, zone=ZoneInfo("Europe/Berlin")).at == datetime(2025, 3, 3, 9, tzinfo=UTC)


def test_different_offsets_are_the_same_clock(tmp_path: Path) -> None:
    text = "at,cpu_usage\n2025-03-03T10:00:00+01:00,0.5\n2025-03-03T09:00:15Z,0.6\n"
    assert values(load(tmp_path, text)) == {("all", "cpu_usage"): [0.5, 0.6]}


def test_the_same_reading_twice_counts_once(tmp_path: Path) -> None:
    text = "at,cpu_usage\n2025-03-03T10:00:00Z,0.5\n2025-03-03T10:00:00Z,0.5\n"
    assert values(load(tmp_path, text)) == {("all", "cpu_usage"): [0.5]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("\n\n", "no column for the time"),
        ("at,cpu_usage\n", "no readings"),
        ("cpu_usage\n0.5\n", "no column for the time"),
        ("at,temperature\n2025-03-03T10:00Z,30\n", "no column of a known metric"),
        ("at,cpu_usage\n2025-03-03T10:00Z,high\n", "Line 2 .*'high' where a number"),
        ("at,cpu_usage\n2025-03-03T10:00Z,inf\n", "Line 2 .* no reading of cpu_usage"),
        ("at,cpu_usage\n2025-03-03T10:00Z,-1\n", "Line 2 .* no reading of cpu_usage"),
        ("at,cpu_usage\nyesterday,0.5\n", "Line 2 .* where a time"),
        ("at,cpu_usage\n2025-03-03T10:00Z,0.5,0.6\n", "Line 2 .* has 3 columns"),
        ("at,cpu_usage\n2025-03-03T10:01Z,0.5\n2025-03-03T10:00Z,0.5\n", "Line 3 .* goes back in time"),
        ("at,cpu_usage\n2025-03-03T10:00Z,0.5\n2025-03-03T10:00Z,0.6\n", "Line 3 .* another value for the same time"),
        ("at,cpu_usage\n2025-03-03T10:00Z,0.5\n2025-03-03T10:01,0.6\n", "Line 3 .* mixes times"),
        ("at,metric,value\n2025-03-03T10:00Z,temperature,30\n", "not a metric"),
        (b"at,cpu_usage\n\xff\xfe\x00,1\n", "not text in UTF-8"),
        ("at,cpu_usage\n" + "9" * (1 << 21), "Line 2 .* longer than a megabyte"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        load(tmp_path, text)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_metrics(tmp_path / "none.csv")


def test_only_the_last_stretch_of_a_long_file_is_kept(tmp_path: Path) -> None:
    rows = "".join(f"{1_741_000_000 + 15 * number},0.5\n" for number in range(5000))
    found = load(tmp_path, "at,cpu_usage\n" + rows)
    assert found.rows == 5000
    assert len(found.measurements[0].samples.at) == KEPT_SECONDS / 15 + 1


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: f"at,cpu_usage\n{text}".encode())))
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    with contextlib.suppress(UsageError):
        assert load(tmp_path, content).measurements
