"""Local times of the night in which clocks go back: the order of the lines says which, or a remedy is named."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from selextract_infra.errors import UsageError
from selextract_infra.hosts.observe.csv_file import Clock
from selextract_infra.hosts.observe.metrics_csv import load_metrics
from selextract_infra.hosts.observe.series_csv import read_series
from selextract_infra.planning.forecast.series import DailyUse

BERLIN = ZoneInfo("Europe/Berlin")
QUARTERS = ("00", "15", "30", "45")
BEFORE = [f"2025-10-26 01:{minute}" for minute in QUARTERS]
TWICE = [f"2025-10-26 02:{minute}" for minute in QUARTERS]
AFTER = [f"2025-10-26 03:{minute}" for minute in QUARTERS]
NIGHT = [*BEFORE, *TWICE, *TWICE, *AFTER]
MOMENTS = [
    *(datetime(2025, 10, 25, 23, int(minute), tzinfo=UTC) for minute in QUARTERS),
    *(datetime(2025, 10, 26, hour, int(minute), tzinfo=UTC) for hour in range(3) for minute in QUARTERS),
]


def moments(times: Iterable[str]) -> list[datetime]:
    clock = Clock(BERLIN)
    return [clock.read(text, f"Line {number}") for number, text in enumerate(times, start=2)]


def test_the_order_of_the_lines_says_which_hour_is_meant() -> None:
    assert moments(NIGHT) == MOMENTS


def test_hourly_lines_come_to_the_hour_twice_or_once() -> None:
    hours = ["2025-10-26 01:30", "2025-10-26 02:30", "2025-10-26 02:30", "2025-10-26 03:30"]
    assert [moment.hour for moment in moments(hours)] == [23, 0, 1, 2]
    assert [moment.hour for moment in moments(["2025-10-25 02:30", "2025-10-26 02:30", "2025-10-27 02:30"])] == [
        0,
        0,
        1,
    ]


@pytest.mark.parametrize("times", [sorted(NIGHT), [*BEFORE, *TWICE, *AFTER], [*BEFORE, *TWICE, *TWICE, *TWICE]])
def test_what_the_order_does_not_say_is_refused_with_a_remedy_that_helps(times: list[str]) -> None:
    with pytest.raises(UsageError, match=r"Line \d+ ") as refused:
        moments(times)
    assert refused.value.remedy == "export the times in UTC"


def test_each_series_of_a_file_has_its_own_order() -> None:
    clock = Clock(BERLIN)
    beside = [[clock.read(text, "", name) for name in ("api", "worker")] for text in NIGHT]
    assert beside == [[moment, moment] for moment in MOMENTS]
    clock = Clock(BERLIN)
    assert [clock.read(text, "", name) for name in ("api", "worker") for text in NIGHT] == [*MOMENTS, *MOMENTS]


def test_the_hour_that_clocks_leave_out_stops_nothing() -> None:
    spring = ["2025-03-30 01:45", "2025-03-30 02:15", "2025-03-30 03:15", "2025-03-30 03:30"]
    assert [(moment.hour, moment.minute) for moment in moments(spring)][-2:] == [(1, 15), (1, 30)]


def test_metrics_are_read_through_the_night(tmp_path: Path) -> None:
    file = tmp_path / "night.csv"
    file.write_text("Time,cpu_usage_percent\n" + "".join(f"{text},{60 + n}\n" for n, text in enumerate(NIGHT)))
    recorded = load_metrics(file, zone=BERLIN)
    assert recorded.rows == len(NIGHT)
    assert recorded.at == MOMENTS[-1]
    assert list(recorded.measurements[0].samples.at) == [moment.timestamp() for moment in MOMENTS[-5:]]


@pytest.mark.parametrize("times", [NIGHT, [moment.isoformat() for moment in MOMENTS]], ids=["local", "UTC"])
def test_a_day_of_25_hours_has_all_its_values(times: list[str]) -> None:
    text = "time,use\n" + "".join(f"{time},1\n" for time in times)
    series = read_series(
        io.StringIO(text), "use", file="night.csv", minimum_coverage=0.1, use=DailyUse.SUM, zone=BERLIN
    )
    assert (series.start, series.values.tolist()) == (date(2025, 10, 26), [float(len(NIGHT))])
