"""Forecasts of simulated series: as good as promised, honest where they cannot be, and never a number from nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import ArrayLike, NDArray

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Level
from selextract_infra.model.forecast import BacktestSummary, Confidence, Forecast, SeriesKind
from selextract_infra.planning.forecast.days import ForecastEvent
from selextract_infra.planning.forecast.forecast import forecast
from selextract_infra.planning.forecast.series import Series
from selextract_infra.policy import default_policy

POLICY = default_policy()
START = date(2025, 1, 6)
Days = NDArray[np.float64]


def series(values: ArrayLike) -> Series:
    return Series("use", START, np.asarray(values, dtype=float), "UTC")


def traffic(seed: int, days: int = 240) -> Days:
    """Weeks, a drifting level, and noise that lasts."""
    make = np.random.default_rng(seed)
    places = np.arange(days)
    week = np.array([0, 0.02, 0.03, 0.02, -0.02, -1, -1.1]) * make.uniform(0.1, 0.4)
    noise = np.zeros(days)
    for day in range(1, days):
        noise[day] = 0.4 * noise[day - 1] + make.normal(0, 0.05)
    level = np.exp(make.uniform(-0.2, 0.6) * places / 365 + np.cumsum(make.normal(0, 0.005, days)))
    return np.asarray(1000 * level * (1.2 + week[places % 7]) * np.exp(noise))


def storage(seed: int, days: int = 240) -> Days:
    """Something added every day, now more, now less."""
    make = np.random.default_rng(seed)
    return np.asarray(300 + np.cumsum(make.normal(2, 1, days).clip(0)) + make.normal(0, 1, days))


def backtests(make: Callable[[int], Days], seeds: range) -> list[BacktestSummary]:
    found = [forecast(series(make(seed)), POLICY).backtest for seed in seeds]
    return [one for one in found if one is not None]


def test_weeks_are_as_good_as_last_week_far_better_than_the_rule_and_intervals_hold() -> None:
    tests = backtests(traffic, range(12))
    against_week = [test.error / test.last_week_error for test in tests]
    assert np.median(against_week) <= 1.0
    assert np.mean([ratio <= 1.02 for ratio in against_week]) >= 0.9
    assert max(test.error / test.rule_error for test in tests) <= 0.6
    assert 0.75 <= np.mean([test.coverage for test in tests if test.coverage is not None]) <= 0.85


def test_trends_are_as_good_as_their_line_and_intervals_hold() -> None:
    tests = backtests(storage, range(12))
    against_line = [test.error / test.line_error for test in tests]
    assert np.median(against_line) <= 1.0
    assert np.mean([ratio <= 1.05 for ratio in against_line]) >= 0.9
    assert 0.75 <= np.mean([test.coverage for test in tests if test.coverage is not None]) <= 0.87


def test_the_backtest_compares_what_it_says() -> None:
    test = forecast(series(traffic(1)), POLICY).backtest
    assert test is not None
    assert (test.horizon, test.fit, test.interval) == (30, 56, 0.8)
    assert test.vs_last_week == pytest.approx(test.error / test.last_week_error)
    assert test.vs_line == pytest.approx(test.error / test.line_error)
    assert test.vs_rule == pytest.approx(test.error / test.rule_error)
    assert test.first >= START + timedelta(days=56)
    assert test.last <= START + timedelta(days=240 - 30)


@pytest.mark.parametrize("days", [1, 7, 14, 20])
def test_too_few_days_are_said_and_no_number_is_given(days: int) -> None:
    seen = forecast(series(traffic(1, days)), POLICY, limit=5000)
    assert seen.confidence is Confidence.INSUFFICIENT
    assert f"at least {21} are needed" in seen.reason
    assert (seen.days, seen.exhaustion, seen.rule, seen.backtest, seen.method) == ((), None, None, None, ())


def test_a_series_without_any_value_is_insufficient() -> None:
    seen = forecast(series([float("nan")] * 50), POLICY, limit=5)
    assert seen.confidence is Confidence.INSUFFICIENT


@pytest.mark.parametrize(("days", "expected"), [(21, "low confidence"), (41, "low confidence"), (42, "normal")])
def test_confidence_follows_from_the_days_known(days: int, expected: str) -> None:
    assert forecast(series(traffic(1, days)), POLICY).confidence == expected


def test_weekly_values_are_no_daily_series() -> None:
    values = np.full(400, np.nan)
    values[::7] = 5
    seen = forecast(series(values), POLICY)
    assert seen.confidence is Confidence.INSUFFICIENT
    assert "Only 14.5 %" in seen.reason


def test_days_before_a_long_gap_are_given_up() -> None:
    values = traffic(2, 200)
    values[80:140] = np.nan
    seen = forecast(series(values), POLICY)
    assert seen.restart == START + timedelta(days=140)
    values[140:185] = np.nan
    assert forecast(series(values), POLICY).confidence is Confidence.INSUFFICIENT


def test_single_missing_days_change_little() -> None:
    values = traffic(3)
    whole = forecast(series(values), POLICY)
    values[[50, 90, 91, 200]] = np.nan
    holed = forecast(series(values), POLICY)
    assert holed.days_known == 236
    assert holed.days[10].p50 == pytest.approx(whole.days[10].p50, rel=0.1)


def test_storage_is_a_trend_and_traffic_is_weeks_and_a_level() -> None:
    kinds = [forecast(series(make(5)), POLICY).kind for make in (storage, traffic)]
    assert kinds == [SeriesKind.TREND, SeriesKind.WEEK_AND_LEVEL]


def test_a_level_shift_restarts_the_fit() -> None:
    values = traffic(4)
    values[150:] *= 2
    seen = forecast(series(values), POLICY)
    assert [shift.day for shift in seen.shifts] == [START + timedelta(days=150)]
    assert seen.shifts[0].change == pytest.approx(1, abs=0.3)
    assert seen.restart == START + timedelta(days=150)
    assert np.mean([day.p50 for day in seen.days]) == pytest.approx(values[-28:].mean(), rel=0.2)


def test_a_recent_shift_lowers_the_confidence_with_its_reason() -> None:
    values = traffic(4)
    values[215:] *= 2
    seen = forecast(series(values), POLICY)
    assert seen.confidence is Confidence.LOW
    assert "shifted 25 days ago" in seen.reason


def test_a_slow_trend_is_no_shift() -> None:
    assert forecast(series(storage(1)), POLICY).shifts == ()


def test_planned_events_are_taken_out_of_the_fit() -> None:
    values = traffic(6)
    calm = forecast(series(values), POLICY)
    values[226:240] *= 4
    event = ForecastEvent(START + timedelta(days=226), START + timedelta(days=239))
    seen = forecast(series(values), POLICY, events=[event])
    upset = forecast(series(values), POLICY)
    assert seen.days[9].p50 == pytest.approx(calm.days[9].p50, rel=0.15)
    assert upset.days[9].p50 > 2 * calm.days[9].p50


def test_events_to_come_are_put_on_top_and_overlaps_take_the_largest() -> None:
    values = traffic(6)
    end = START + timedelta(days=239)
    plain = forecast(series(values), POLICY, limit=1e6)
    events = [
        ForecastEvent(end + timedelta(days=3), end + timedelta(days=4), 3.0),
        ForecastEvent(end + timedelta(days=4), end + timedelta(days=5), 2.0),
    ]
    seen = forecast(series(values), POLICY, limit=1e6, events=events)
    ratios = [after.p50 / before.p50 for after, before in zip(seen.days, plain.days, strict=True)]
    assert ratios[:6] == pytest.approx([1, 1, 3, 3, 2, 1])


def test_a_trend_is_dated_early_middle_and_late() -> None:
    values = 100 + 3 * np.arange(200) + np.random.default_rng(1).normal(0, 4, 200)
    dates = forecast(series(values), POLICY, limit=1000).exhaustion
    assert dates is not None
    assert dates.p10_days is not None
    assert dates.p50_days == pytest.approx((1000 - 697) / 3, abs=4)
    assert dates.p90_days is not None
    assert dates.p10_days <= 101 <= dates.p90_days
    assert dates.p50 == START + timedelta(days=199 + (dates.p50_days or 0))


def test_dates_count_against_the_usable_capacity() -> None:
    values = 100 + 3.0 * np.arange(200)
    dates = forecast(series(values), POLICY, limit=1000, usable=1000 * POLICY.sizing.utilisation).exhaustion
    assert dates is not None
    assert (dates.usable, dates.p50_days, dates.level) == (600, 0, Level.CRITICAL)


@pytest.mark.parametrize(
    ("left", "level", "alert"),
    [(17, Level.CRITICAL, "CAPACITY_CRITICAL"), (60, Level.WARNING, "CAPACITY_WARNING"), (200, Level.OK, None)],
)
def test_the_level_follows_from_the_middle_date(left: float, level: Level, alert: str | None) -> None:
    values = 100 + 3.0 * np.arange(200)
    dates = forecast(series(values), POLICY, limit=values[-1] + left).exhaustion
    assert dates is not None
    assert (dates.level, dates.alert) == (level, alert)


def test_no_date_is_later_than_the_day_on_which_its_bound_is_that_high() -> None:
    for seed in range(4):
        seen = forecast(series(traffic(seed)), POLICY)
        limit = max(day.p90 or 0 for day in seen.days[:7]) * 0.99
        dates = forecast(series(traffic(seed)), POLICY, limit=limit).exhaustion
        assert dates is not None
        assert dates.p10_days is not None
        assert dates.p10_days <= 7


def test_what_never_gets_there_has_no_date() -> None:
    seen = forecast(series([5.0] * 100), POLICY, limit=10)
    assert seen.exhaustion is not None
    assert (seen.exhaustion.p10_days, seen.exhaustion.p90_days, seen.exhaustion.level) == (None, None, Level.OK)
    assert seen.rule is not None
    assert seen.rule.days is None


def test_the_guides_rule_stands_beside_it() -> None:
    values = 100 + 3.0 * np.arange(200)
    seen = forecast(series(values), POLICY, limit=1000)
    assert seen.rule is not None
    assert seen.rule.weekly_growth == pytest.approx(21)
    assert seen.rule.days == pytest.approx(101)


def test_most_true_dates_lie_between_early_and_late() -> None:
    inside = []
    for seed in range(20):
        values = storage(seed, 400)
        usable = values[200 + 4 * seed]
        if values[:200].max() >= usable:
            continue
        true = int(np.argmax(values[200:] >= usable)) + 1
        dates = forecast(series(values[:200]), POLICY, limit=usable).exhaustion
        assert dates is not None
        inside.append((dates.p10_days or 999) <= true <= (dates.p90_days or 999))
    assert len(inside) >= 15
    assert np.mean(inside) >= 0.7


def test_an_old_series_says_so() -> None:
    seen = forecast(series(traffic(1)), POLICY, today=START + timedelta(days=339))
    assert "The series ends 100 days ago; days count from its end." in seen.notes
    assert forecast(series(traffic(1)), POLICY, today=START + timedelta(days=240)).notes == ()


@pytest.mark.parametrize(("limit", "usable"), [(0, None), (-5, None), (float("nan"), None), (10, 0), (10, -1)])
def test_limits_that_make_no_sense(limit: float, usable: float | None) -> None:
    with pytest.raises(UsageError, match="must be above 0"):
        forecast(series(traffic(1)), POLICY, limit=limit, usable=usable)


@pytest.mark.parametrize("horizon", [0, -1, 731])
def test_horizons_that_make_no_sense(horizon: int) -> None:
    with pytest.raises(UsageError, match="1 to 730 days ahead"):
        forecast(series(traffic(1)), POLICY, horizon=horizon)


@pytest.mark.parametrize("horizon", [1, 7, 45, 200, 730])
def test_any_other_horizon_is_answered(horizon: int) -> None:
    assert len(forecast(series(traffic(1)), POLICY, horizon=horizon).days) == horizon


def test_the_same_series_gives_the_same_forecast() -> None:
    first, second = (forecast(series(traffic(8)), POLICY, limit=9000) for _ in range(2))
    assert first == second
    assert Forecast.model_validate_json(first.model_dump_json()) == first


VALUES = arrays(
    np.float64,
    st.integers(1, 90),
    elements=st.one_of(
        st.floats(0, 1e30, allow_nan=False), st.floats(0, 10), st.just(0.0), st.just(float("nan")), st.just(7.0)
    ),
    fill=st.nothing(),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(VALUES, st.floats(1e-6, 1e30))
def test_no_series_breaks_it_and_days_are_never_negative_nor_out_of_order(values: Days, limit: float) -> None:
    seen = forecast(series(values), POLICY, limit=limit)
    assert (seen.confidence is Confidence.INSUFFICIENT) == (not seen.days)
    for day in seen.days:
        assert np.isfinite(day.p50)
        assert day.p50 >= 0
        assert day.p10 is None or 0 <= day.p10 <= day.p50
        assert day.p90 is None or day.p90 >= day.p50
    if seen.exhaustion is not None:
        dates = seen.exhaustion
        early, middle, late = (
            dates.farthest + 1 if days is None else days for days in (dates.p10_days, dates.p50_days, dates.p90_days)
        )
        assert 0 <= early <= middle <= late
    assert seen.rule is None or seen.rule.days is None or seen.rule.days >= 0
