"""Maintenance windows over clock changes, month ends, leap days, overlaps and blackouts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import UsageError
from selextract_infra.flow.windows import Windows, occurrences
from selextract_infra.policy import load_policy
from selextract_infra.policy.schema.windows import Period

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def period(rrule: str | None, start: str, duration: str, zone: str = BERLIN) -> dict[str, Any]:
    return {"rrule": rrule, "start": start, "duration": duration, "time_zone": zone}


def windows(blackouts: dict[str, Any] | None = None, /, **named: dict[str, Any]) -> Windows:
    return Windows.of(load_policy({"windows": named, "blackouts": blackouts or {}}))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(found: Windows, start: str, end: str) -> list[tuple[str, str]]:
    return [
        (f"{one.starts_at:%m-%d %H:%M}", f"{one.ends_at:%m-%d %H:%M}")
        for one in found.openings(utc(start), utc(end))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "start", "duration", "day", "begins", "ends"),
    [
        # Berlin springs from 02:00 CET to 03:00 CEST on 29 March 2026, at 01:00 UTC
        (BERLIN, "01:00", "3h", "2026-03-29", "00:00", "03:00"),
        (BERLIN, "02:00", "3h", "2026-03-29", "01:00", "04:00"),
        (BERLIN, "02:30", "30 minutes", "2026-03-29", "01:30", "02:00"),
        (BERLIN, "03:00", "1h", "2026-03-29", "01:00", "02:00"),
        # and falls back from 03:00 CEST to 02:00 CET on 25 October, at 01:00 UTC: 02:30 comes twice, the first counts
        (BERLIN, "02:30", "30 minutes", "2026-10-25", "00:30", "01:00"),
        (BERLIN, "02:00", "3h", "2026-10-25", "00:00", "03:00"),
        (BERLIN, "03:00", "1h", "2026-10-25", "02:00", "03:00"),
        # New York springs at 07:00 UTC on 8 March and falls back at 06:00 UTC on 1 November
        (NEW_YORK, "02:30", "1h", "2026-03-08", "07:30", "08:30"),
        (NEW_YORK, "01:30", "2h", "2026-03-08", "06:30", "08:30"),
        (NEW_YORK, "01:30", "1h", "2026-11-01", "05:30", "06:30"),
        (NEW_YORK, "02:00", "1h", "2026-11-01", "07:00", "08:00"),
    ],
)
def test_hours_that_the_clocks_skip_or_repeat(
    zone: str, start: str, duration: str, day: str, begins: str, ends: str
) -> None:
    found = windows(night=period("FREQ=DAILY", start, duration, zone))
    one = next(iter(found.openings(utc(f"{day} {begins}"), utc(f"{day} {ends}"))))
    assert (f"{one.starts_at:%H:%M}", f"{one.ends_at:%H:%M}") == (begins, ends)
    assert f"{one.starts_at:%Y-%m-%d}" == day


@pytest.mark.parametrize(
    ("first", "hours"), [("2026-03-28", 47), ("2026-10-24", 49), ("2026-06-01", 48)], ids=["spring", "fall", "summer"]
)
def test_whole_days_are_days_of_the_calendar(first: str, hours: int) -> None:
    found = windows(move=period(None, f"{first} 12:00", "2 days"))
    (one,) = found.openings(utc(f"{first} 00:00"), utc(f"{first} 23:00"))
    assert one.seconds == hours * 3600
    assert one.ends_at.astimezone(ZoneInfo(BERLIN)).hour == 12


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=MONTHLY;BYMONTHDAY=-1", ["01-31", "02-28", "03-31", "04-30"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", ["01-31", "03-31", "05-31"]),
        ("FREQ=MONTHLY;BYDAY=1SA", ["01-03", "02-07", "03-07"]),
        ("FREQ=MONTHLY;BYDAY=-1SU", ["01-25", "02-22", "03-29"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["01-30", "02-27", "03-31"]),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31", ["12-31"]),
        ("FREQ=YEARLY;BYYEARDAY=60", ["03-01"]),
        ("RRULE:FREQ=WEEKLY;BYDAY=SU,WE", ["01-04", "01-07", "01-11"]),
    ],
)
def test_rules_name_the_days_they_say(rule: str, days: list[str]) -> None:
    found = windows(w=period(rule, "12:00", "1h", "UTC"))
    assert [f"{one.starts_at:%m-%d}" for one in found.upcoming(utc("2026-01-01"), len(days))] == days


@pytest.mark.parametrize(
    ("asked", "leap_days"),
    [("2026-01-01", ["2028-02-29", "2032-02-29"]), ("2097-01-01", ["2104-02-29", "2108-02-29"])],
)
def test_a_leap_day_is_found_however_far_it_is(asked: str, leap_days: list[str]) -> None:
    found = windows(leap=period("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "02:00", "1h"))
    assert [f"{one.starts_at:%Y-%m-%d}" for one in found.upcoming(utc(asked), 2)] == leap_days


def test_every_second_week_counts_from_its_first_day() -> None:
    found = windows(w=period("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", "2026-01-04 02:00", "1h", "UTC"))
    days = [f"{one.starts_at:%m-%d}" for one in found.upcoming(utc("2025-06-01"), 3)]
    assert days == ["01-04", "01-18", "02-01"]
    assert f"{found.upcoming(utc('2026-06-01'))[0].starts_at:%m-%d}" == "06-07"


def test_until_is_the_last_day_in_the_windows_own_zone() -> None:
    for until in ("20260118", "20260118T020000", "20260118T010000Z"):
        found = windows(w=period(f"FREQ=WEEKLY;BYDAY=SU;UNTIL={until}", "02:00", "1h"))
        assert len(found.upcoming(utc("2026-01-01"), 9)) == 3, until


def test_windows_that_overlap_or_touch_are_one() -> None:
    found = windows(
        a=period("FREQ=DAILY", "01:00", "2h", "UTC"),
        b=period("FREQ=DAILY", "02:00", "2h", "UTC"),
        c=period("FREQ=DAILY", "04:00", "1h", "UTC"),
        d=period("FREQ=DAILY", "06:00", "1h", "UTC"),
    )
    first, second = found.openings(utc("2026-01-01"), utc("2026-01-02"))
    assert (first.windows, first.seconds) == (("a", "b", "c"), 4 * 3600)
    assert second.windows == ("d",)


def test_blackouts_are_taken_out() -> None:
    found = windows(
        {
            "start": period(None, "2026-01-01 00:00", "90 minutes", "UTC"),
            "middle": period("FREQ=DAILY", "03:00", "1h", "UTC"),
            "whole": period(None, "2026-01-02 00:00", "1 day", "UTC"),
        },
        night=period("FREQ=DAILY", "01:00", "4h", "UTC"),
    )
    assert spans(found, "2026-01-01", "2026-01-03 23:00") == [
        ("01-01 01:30", "01-01 03:00"),
        ("01-01 04:00", "01-01 05:00"),
        ("01-03 01:00", "01-03 03:00"),
        ("01-03 04:00", "01-03 05:00"),
    ]


def test_an_opening_is_half_open() -> None:
    found = windows(night=period("FREQ=DAILY", "02:00", "1h", "UTC"))
    assert found.current(utc("2026-01-01 01:59:59")) is None
    assert found.current(utc("2026-01-01 02:00")) is not None
    assert found.current(utc("2026-01-01 02:59:59")) is not None
    assert found.current(utc("2026-01-01 03:00")) is None


def test_work_must_fit_into_what_is_left() -> None:
    found = windows(
        short=period("FREQ=WEEKLY;BYDAY=SU", "02:00", "1h", "UTC"),
        long=period("FREQ=MONTHLY;BYMONTHDAY=15", "02:00", "4h", "UTC"),
    )
    sunday = utc("2026-01-04 02:00")
    assert found.check(sunday, 3600).fits
    late = found.check(sunday + timedelta(seconds=1), 3600)
    assert not late.fits
    assert late.next_fitting is not None
    assert f"{late.next_fitting.starts_at:%m-%d}" == "01-11"
    needs_more = found.check(sunday, 3601)
    assert needs_more.next_fitting is not None
    assert needs_more.next_fitting.windows == ("long",)
    assert "the next is long, Thu 2026-01-15 02:00 to 06:00 UTC (4 h)" in needs_more.sentence
    never = found.check(sunday, 5 * 3600)
    assert never.next_fitting is None
    assert "no window that is there ever lasts 5 h" in never.sentence


def test_nothing_fits_where_there_is_no_window() -> None:
    check = windows().check(utc("2026-01-01"), 0)
    assert not check.fits
    assert check.sentence == "The policy has no maintenance window."


def test_a_window_is_shown_with_both_offsets_on_the_night_the_clocks_change() -> None:
    found = windows(night=period("FREQ=DAILY", "01:00", "3h"))
    assert str(found.openings(utc("2026-03-29 00:00"), utc("2026-03-29 01:00"))[0]) == (
        "night, Sun 2026-03-29 01:00 CET to 05:00 CEST (3 h)"
    )
    assert str(found.upcoming(utc("2026-03-29 12:00"))[0]) == "night, Mon 2026-03-30 01:00 to 04:00 CEST (3 h)"


def test_only_one_windows_openings_can_be_asked_for() -> None:
    found = windows(a=period("FREQ=DAILY", "01:00", "1h"), b=period("FREQ=DAILY", "02:00", "1h"))
    assert found.upcoming(utc("2026-01-01"), name="b")[0].windows == ("b",)
    with pytest.raises(UsageError, match="There is no maintenance window 'c' in the policy; there are a, b"):
        found.upcoming(utc("2026-01-01"), name="c")


def test_an_instant_needs_a_time_zone() -> None:
    with pytest.raises(UsageError, match="no time zone"):
        windows().current(datetime.fromisoformat("2026-01-01"))


RULES = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=SU",
        "FREQ=WEEKLY;BYDAY=MO,WE,FR",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=MONTHLY;BYMONTHDAY=29,30,31",
        "FREQ=MONTHLY;BYDAY=-1SU",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    ]
)
PERIODS = st.builds(
    lambda rule, hour, minute, minutes, zone: Period.model_validate(
        period(rule, f"{hour:02}:{minute:02}", f"{minutes} minutes", zone)
    ),
    RULES,
    st.integers(0, 23),
    st.sampled_from([0, 15, 30, 59]),
    st.integers(1, 3 * 24 * 60),
    st.sampled_from([BERLIN, NEW_YORK, "UTC", "Australia/Lord_Howe"]),
)
CLOCK_CHANGES = st.sampled_from(["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01", "2028-02-29", "2026-12-31"])
INSTANTS = st.builds(
    lambda day, minutes: utc(day) + timedelta(minutes=minutes), CLOCK_CHANGES, st.integers(-3000, 3000)
)
TABLES = st.lists(PERIODS, max_size=3).map(lambda found: {f"p{number}": one for number, one in enumerate(found)})


def covered(periods: dict[str, Period], at: datetime) -> bool:
    return any(
        begins <= at < ends
        for one in periods.values()
        for begins, ends in occurrences(one, at, at + timedelta(microseconds=1))
    )


@given(TABLES, TABLES, INSTANTS)
def test_work_may_run_exactly_where_a_window_is_and_no_blackout(
    named: dict[str, Period], closed: dict[str, Period], at: datetime
) -> None:
    assert (Windows(named, closed).current(at) is not None) == (covered(named, at) and not covered(closed, at))


@given(TABLES, TABLES, INSTANTS)
def test_openings_are_in_order_apart_and_each_lasts(
    named: dict[str, Period], closed: dict[str, Period], start: datetime
) -> None:
    found = Windows(named, closed).openings(start, start + timedelta(days=40))
    assert all(one.starts_at < one.ends_at for one in found)
    assert all(first.ends_at < second.starts_at or closed for first, second in pairwise(found))
    assert all(first.ends_at <= second.starts_at for first, second in pairwise(found))


@given(PERIODS, INSTANTS)
def test_hours_and_minutes_are_counted_by_the_clock(one: Period, start: datetime) -> None:
    days, rest = divmod(one.duration, 86400)
    for begins, ends in occurrences(one, start, start + timedelta(days=40)):
        lasts = (ends - begins).total_seconds()
        assert abs(lasts - one.duration) <= (3600 if days else 0)
        if not rest:
            zone = ZoneInfo(one.time_zone)
            assert abs((ends.astimezone(zone).hour - begins.astimezone(zone).hour) % 24) in (0, 1, 23)


@given(PERIODS, INSTANTS)
def test_the_zone_in_which_one_asks_does_not_matter(one: Period, at: datetime) -> None:
    found = Windows({"w": one}, {})
    for zone in (BERLIN, NEW_YORK):
        assert found.current(at.astimezone(ZoneInfo(zone))) == found.current(at)


@given(PERIODS, INSTANTS, st.integers(0, 4 * 3600))
def test_what_fits_now_ends_before_the_window_does(one: Period, at: datetime, needed: int) -> None:
    check = Windows({"w": one}, {}).check(at, needed)
    if check.fits:
        assert check.opening is not None
        assert at + timedelta(seconds=needed) <= check.opening.ends_at
    elif check.next_fitting is not None:
        assert check.next_fitting.starts_at > at
        assert check.next_fitting.seconds >= needed
