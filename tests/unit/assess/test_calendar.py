from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.calendar import (
    Adjustment,
    Calendar,
    PlannedEvent,
    instance_target,
    planned_event,
    time_zone,
)
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.policy import default_policy, load_policy
from selextract_infra.policy.schema.operation import Season

BERLIN = ZoneInfo("Europe/Berlin")
POLICY = default_policy()
GUIDE = Calendar.of(POLICY, zone=BERLIN, cheaper=True)
BLACK_FRIDAY = {"black_friday": POLICY.seasons["black_friday"]}
SUMMER = {"summer": POLICY.seasons["summer"]}


def season(first: str, last: str, factor: float) -> Season:
    return Season.model_validate({"first": first, "last": last, "factor": factor})


def at(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=BERLIN)


def campaign(
    start: datetime, increase: float = 1.0, lead: timedelta = timedelta(0), unnamed_peak: bool = False
) -> PlannedEvent:
    return PlannedEvent("campaign", start, start + timedelta(hours=6), increase, lead, unnamed_peak)


@pytest.mark.parametrize(
    ("day", "multiplier"),
    [
        (date(2025, 11, 19), 1.0),
        (date(2025, 11, 20), 3.0),
        (date(2025, 11, 30), 3.0),  # a Sunday: the weekend rule is suspended
        (date(2025, 12, 1), 1.0),  # Cyber Monday 2025 is outside the season
        (date(2024, 12, 2), 1.0),
        (date(2025, 12, 31), 2.0),
        (date(2026, 1, 1), 1.0),
        (date(2025, 7, 1), 0.7),
        (date(2025, 7, 5), 0.5),  # a Saturday in the low season: the lower of 0.7 and 0.5, not 0.35
        (date(2025, 3, 1), 0.5),
        (date(2025, 3, 3), 1.0),
    ],
)
def test_seasons_include_both_their_days(day: date, multiplier: float) -> None:
    assert GUIDE.adjustment(datetime(day.year, day.month, day.day, 12, tzinfo=BERLIN)).multiplier == multiplier


def test_every_weekend_of_black_friday_2025_keeps_the_peak() -> None:
    for day in (22, 23, 29, 30):
        adjustment = GUIDE.adjustment(at(2025, 11, day))
        assert adjustment.multiplier == 3.0
        assert "weekend suspended by it" in adjustment.reasons


def test_the_day_is_the_one_of_the_time_zone() -> None:
    new_york = Calendar(ZoneInfo("America/New_York"), BLACK_FRIDAY)
    instant = datetime(2025, 11, 20, 2, tzinfo=UTC)
    assert new_york.adjustment(instant).multiplier == 1.0
    assert Calendar(ZoneInfo("Asia/Tokyo"), BLACK_FRIDAY).adjustment(instant).multiplier == 3.0


def test_overlapping_peaks_take_the_highest_never_the_product() -> None:
    calendar = Calendar(BERLIN, BLACK_FRIDAY, (campaign(at(2025, 11, 21)),))
    assert calendar.adjustment(at(2025, 11, 21, 13)).multiplier == 3.0


def test_an_unnamed_peak_yields_to_a_named_season_even_a_smaller_one() -> None:
    modest = {"modest": season("November 20", "November 30", 1.5)}
    unnamed = campaign(at(2025, 11, 21), 0.75, unnamed_peak=True)
    calendar = Calendar(BERLIN, modest, (unnamed,))
    assert calendar.adjustment(at(2025, 11, 21, 13)).multiplier == 1.5
    assert Calendar(BERLIN, {}, (unnamed,)).adjustment(at(2025, 11, 21, 13)).multiplier == 1.75


def test_an_event_raises_capacity_from_its_lead_until_it_ends() -> None:
    calendar = Calendar(BERLIN, {}, (campaign(at(2025, 3, 5), 1.0, lead=timedelta(hours=24)),))
    assert calendar.adjustment(at(2025, 3, 4, 11)).multiplier == 1.0
    assert calendar.adjustment(at(2025, 3, 4, 12)).multiplier == 2.0
    assert calendar.adjustment(at(2025, 3, 5, 17)).multiplier == 2.0
    assert calendar.adjustment(at(2025, 3, 5, 18)).multiplier == 1.0


def test_an_event_suspends_the_weekend_and_the_low_season() -> None:
    calendar = Calendar(BERLIN, SUMMER, (campaign(at(2025, 7, 5), 0.5),), weekend_factor=0.5)
    assert calendar.adjustment(at(2025, 7, 5, 13)).multiplier == 1.5


@pytest.mark.parametrize(
    ("incident", "multiplier"),
    [(IncidentSeverity.P1, 1.0), (IncidentSeverity.P2, 1.0), (IncidentSeverity.P3, 0.5), (IncidentSeverity.P4, 0.5)],
)
def test_an_open_p1_or_p2_suspends_the_weekend(incident: IncidentSeverity, multiplier: float) -> None:
    assert GUIDE.adjustment(at(2025, 3, 1), incident=incident).multiplier == multiplier


@pytest.mark.parametrize(
    ("base", "multiplier", "granted"),
    [(1, 0.5, 1), (3, 0.5, 2), (2, 3.0, 6), (10, 1.1, 10), (4, 1.1, 5), (3, 0.7, 3), (0, 3.0, 1), (5, 0.0, 1)],
)
def test_targets_round_up_and_stay_within_the_bounds(base: int, multiplier: float, granted: int) -> None:
    assert instance_target(base, Adjustment(multiplier), minimum=1, maximum=10).granted == granted


def test_rounding_up_is_exact() -> None:
    assert instance_target(10, Adjustment(1.1), minimum=1, maximum=99).granted == 11


def test_a_target_says_what_made_it_less() -> None:
    target = instance_target(6, Adjustment(3.0, ("season Black Friday",)), minimum=2, maximum=10)
    assert (target.requested, target.granted, target.why_less) == (18, 10, "the maximum is 10")
    assert "Black Friday" in target.why


def test_changes_list_the_edges_of_events_and_days() -> None:
    calendar = Calendar(BERLIN, BLACK_FRIDAY, (campaign(at(2025, 11, 18)),))
    changes = calendar.changes(at(2025, 11, 17), at(2025, 12, 3))
    assert [(when.day, when.hour, adjustment.multiplier) for when, adjustment in changes] == [
        (17, 12, 1.0),
        (18, 12, 2.0),
        (18, 18, 1.0),
        (20, 0, 3.0),
        (1, 0, 1.0),
    ]


def test_a_season_may_run_over_new_year() -> None:
    holidays = season("December 20", "January 6", 2.0)
    assert holidays.covers(date(2025, 12, 31))
    assert holidays.covers(date(2026, 1, 6))
    assert not holidays.covers(date(2026, 1, 7))


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="no time zone"):
        GUIDE.adjustment(at(2025, 11, 20).replace(tzinfo=None))
    with pytest.raises(UsageError, match="no time zone"):
        PlannedEvent("x", at(2025, 1, 1).replace(tzinfo=None), at(2025, 1, 2), 1.0)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "a\0b"])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="Unknown time zone"):
        time_zone(name)


def test_events_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="ends before"):
        PlannedEvent("x", at(2025, 1, 2), at(2025, 1, 1), 1.0)
    with pytest.raises(UsageError, match="must add capacity"):
        PlannedEvent("x", at(2025, 1, 1), at(2025, 1, 2), -0.5)
    with pytest.raises(UsageError, match="make no sense"):
        instance_target(1, Adjustment(1.0), minimum=3, maximum=2)


@given(
    base=st.integers(0, 200),
    minimum=st.integers(0, 50),
    room=st.integers(0, 50),
    when=st.integers(1_600_000_000, 2_000_000_000).map(lambda stamp: datetime.fromtimestamp(stamp, BERLIN)),
    factor=st.floats(0, 1),
    multipliers=st.lists(st.integers(0, 2000).map(lambda hundredths: hundredths / 100), max_size=4),
    increase=st.floats(0, 20),
)
def test_no_season_pushes_a_service_out_of_its_bounds(
    base: int,
    minimum: int,
    room: int,
    when: datetime,
    factor: float,
    multipliers: list[float],
    increase: float,
) -> None:
    seasons = {f"s{n}": season("January 1", "December 31", value) for n, value in enumerate(multipliers)}
    calendar = Calendar(BERLIN, seasons, (campaign(when, increase),), weekend_factor=factor)
    adjustment = calendar.adjustment(when)
    target = instance_target(base, adjustment, minimum=minimum, maximum=minimum + room)
    assert minimum <= target.granted <= minimum + room
    assert adjustment.multiplier <= max([1.0, 1 + increase, *multipliers]) * (1 + 1e-12)
    assert adjustment.multiplier >= min([1.0, factor, *multipliers])


def test_the_team_may_state_products_instead() -> None:
    stated = {
        "season_rules": {
            "overlapping": {"stated": "product"},
            "weekend_in_peak": {"stated": "product"},
            "weekend_in_low": {"stated": "product"},
        }
    }
    calendar = Calendar.of(load_policy(stated), zone=BERLIN, cheaper=True)
    assert calendar.adjustment(at(2025, 11, 22)).multiplier == 1.5
    assert calendar.adjustment(at(2025, 7, 5)).multiplier == 0.35
    both = Calendar(BERLIN, BLACK_FRIDAY, (campaign(at(2025, 11, 21)),), multiply_peaks=True)
    assert both.adjustment(at(2025, 11, 21, 13)).multiplier == 6.0


def test_kinds_of_events_come_from_the_policy() -> None:
    event = planned_event(POLICY, "marketing_campaign", "Spring", at(2025, 3, 5), at(2025, 3, 6))
    assert (event.increase, event.prepares_at) == (1.0, at(2025, 3, 4))
    launch = planned_event(POLICY, "feature_launch", "v2", at(2025, 3, 5), at(2025, 3, 6))
    assert (launch.increase, launch.prepares_at) == (0.5, at(2025, 3, 5, 0))
    peak = planned_event(POLICY, "peak_season", "Fair", at(2025, 3, 5), at(2025, 3, 6))
    assert (peak.increase, peak.lead, peak.unnamed_peak) == (0.75, timedelta(0), True)
    with pytest.raises(UsageError, match="not a kind"):
        planned_event(POLICY, "eclipse", "x", at(2025, 3, 5), at(2025, 3, 6))


def test_weekends_are_halved_only_in_the_cheaper_profile() -> None:
    assert Calendar.of(POLICY).adjustment(at(2025, 3, 1)).multiplier == 1.0
    assert Calendar.of(POLICY, cheaper=True).adjustment(at(2025, 3, 1)).multiplier == 0.5
