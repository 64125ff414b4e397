"""Windows and blackouts as a team writes them: what is wrong is said with file and line."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.errors import PolicyError
from selextract_infra.policy import default_policy, load_policy
from selextract_infra.policy.show import shown

GOOD = {"rrule": "FREQ=WEEKLY;BYDAY=SU", "start": "02:00", "duration": "3h", "time_zone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"time_zone": None}, "time_zone"),
        ({"time_zone": "Berlin"}, '"Berlin" is no time zone'),
        ({"rrule": "every sunday"}, "is no recurrence rule"),
        ({"rrule": "FREQ=HOURLY"}, "FREQ must be one of DAILY"),
        ({"rrule": "BYDAY=SU"}, "FREQ must be one of DAILY"),
        ({"rrule": "FREQ=DAILY;BYHOUR=3"}, "the time of day is said by start"),
        ({"rrule": "FREQ=DAILY;COUNT=3"}, "UNTIL says how long"),
        ({"rrule": "FREQ=DAILY;FREQ=DAILY"}, "says something twice"),
        ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "INTERVAL=0 is no distance"),
        ({"rrule": "FREQ=DAILY;UNTIL=NEVER"}, "UNTIL=NEVER is no day"),
        ({"rrule": "FREQ=DAILY;BYSECOND=3"}, "the time of day is said by start"),
        ({"rrule": "FREQ=DAILY;SOMETIMES=3"}, "SOMETIMES is no part of a rule"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=1SU"}, "FREQ must be MONTHLY or YEARLY"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=XX"}, "XX"),
        ({"rrule": "FREQ=WEEKLY"}, "write start as 2026-01-04 02:00"),
        ({"rrule": "FREQ=YEARLY;BYMONTH=5"}, "write start as 2026-01-04 02:00"),
        ({"rrule": "FREQ=DAILY;INTERVAL=2"}, "write start as 2026-01-04 02:00"),
        ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "names no day that there is"),
        ({"rrule": None}, "start needs its day"),
        ({"start": 1350}, 'write "22:30"'),
        ({"start": "25:00"}, '"25:00" is no time of day'),
        ({"start": "2026-02-30 02:00"}, "is not a date"),
        ({"start": datetime.fromisoformat("2026-02-03 02:00:00+01:00")}, "the zone is said by time_zone"),
        ({"duration": 3}, "is not a duration"),
        ({"duration": "0s"}, "it is nothing"),
        ({"lasts": "3h"}, "unknown key windows.night.lasts"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PolicyError, match=r"windows\.night") as refused:
        load_policy({"windows": {"night": GOOD | wrong}})
    assert complaint in str(refused.value)


def test_a_window_without_a_time_zone_is_refused_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "team.yml"
    file.write_text('windows:\n  night:\n    rrule: FREQ=DAILY\n    start: "02:00"\n    duration: 3h\n')
    with pytest.raises(PolicyError) as refused:
        load_policy(files=[file])
    assert str(refused.value) == f"{file}:2: windows.night.time_zone is missing"


@pytest.mark.parametrize(
    "start", ["2026-01-04 02:00", "2026-01-04T02:00", datetime.fromisoformat("2026-01-04 02:00:00"), date(2026, 1, 4)]
)
def test_a_period_that_is_there_once_needs_no_rule(start: Any) -> None:
    policy = load_policy({"blackouts": {"move": GOOD | {"rrule": None, "start": start}}})
    assert str(policy.blackouts["move"].start) in ("2026-01-04 02:00", "2026-01-04 00:00")


def test_windows_are_shown_as_they_are_written() -> None:
    policy = load_policy({"windows": {"night": GOOD}})
    assert {value.path.removeprefix("windows.night."): value.text for value in shown(policy, "windows")} == {
        "rrule": "FREQ=WEEKLY;BYDAY=SU",
        "start": "02:00",
        "duration": "3 hours",
        "time_zone": "Europe/Berlin",
    }


def test_a_plan_stays_valid_when_windows_change() -> None:
    assert load_policy({"windows": {"night": GOOD}, "blackouts": {"day": GOOD}}).digest == default_policy().digest


def test_a_plan_stays_valid_when_other_people_are_notified() -> None:
    channels = {"channels": {"slack": "${SELEXTRACT_SLACK_URL}"}}
    assert load_policy({"emergency": {"notifications": channels}}).digest == default_policy().digest
    assert load_policy({"emergency": {"actions": {"api": {"factor": "3x"}}}}).digest != default_policy().digest


def test_a_window_of_one_file_is_taken_away_by_the_next(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yml", tmp_path / "b.yml"
    first.write_text('windows: {w: {rrule: FREQ=DAILY, start: "02:00", duration: 3h, time_zone: UTC}}\n')
    second.write_text("windows: {w: null}\n")
    assert load_policy(files=[first, second]).windows == {}
