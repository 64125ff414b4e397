"""The backtest sees no future, chooses what earned it, and its intervals come from its own errors."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from selextract_infra.planning.forecast.backtest import NAMES, Backtest, Rules, origins_of, percentage_errors, roll
from selextract_infra.planning.forecast.candidates import DRIFT, LAST_WEEK, LINE
from selextract_infra.planning.forecast.days import ForecastEvent, fit_days
from selextract_infra.planning.forecast.intervals import intervals
from selextract_infra.planning.forecast.series import Series
from selextract_infra.planning.forecast.shifts import level_shifts

Days = NDArray[np.float64]
RULES = Rules(horizon=30, fit=56, judged_over=120)


def weeks(seed: int, days: int = 200, noise: float = 0.05) -> Days:
    make = np.random.default_rng(seed)
    shape = np.tile([1.0, 1.1, 1.1, 1.0, 1.0, 0.6, 0.5], days // 7 + 1)[:days]
    return np.asarray(1000 * shape * np.exp(make.normal(0, noise, days)))


def rolled(days: Days) -> Backtest:
    return roll(days, np.ones(len(days), dtype=bool), level_shifts(days, change=0.15, lasting=14), RULES)


@pytest.mark.parametrize("days", [14, 21, 100, 400, 730])
def test_origins_end_today_are_not_too_many_and_not_always_the_same_weekday(days: int) -> None:
    origins = origins_of(days)
    assert origins[-1] == days
    assert origins[0] >= 14
    assert len(origins) <= 270
    if len(origins) > 7:
        assert len(set(origins % 7)) == 7


def test_what_was_forecast_does_not_depend_on_what_came_after() -> None:
    days = weeks(1)
    other = days.copy()
    other[150:] *= np.random.default_rng(2).uniform(0.9, 1.1, 50)
    first, second = rolled(days), rolled(other)
    past = first.origins <= 150
    assert past.sum() > 50
    np.testing.assert_array_equal(first.chosen[past], second.chosen[past])
    assert not np.array_equal(first.chosen[~past], second.chosen[~past])


def test_the_weights_are_shares() -> None:
    weights = rolled(weeks(3)).weights
    assert weights.min() >= 0
    assert weights.sum(axis=1) == pytest.approx(1)


def test_noisy_weeks_are_better_averaged_than_repeated() -> None:
    test = rolled(weeks(4, noise=0.2))
    assert test.weights[-1, NAMES.index(LAST_WEEK)] < 0.3
    assert not test.trend[-1]


def test_who_does_not_win_clearly_is_not_used() -> None:
    test = rolled(weeks(4, noise=0))
    assert test.weights[-1, NAMES.index(LAST_WEEK)] == 1


def test_a_noisy_line_stays_with_the_line() -> None:
    days = 100 + 3.0 * np.arange(200) + np.random.default_rng(5).normal(0, 8, 200)
    test = rolled(days)
    assert test.trend[-1]
    assert test.weights[-1, NAMES.index(LINE)] > 0.95


def test_what_piles_up_unevenly_goes_on_from_its_last_day() -> None:
    days = 500 + np.cumsum(np.random.default_rng(3).normal(3, 4, 240))
    test = rolled(days)
    assert test.trend[-1]
    assert test.weights[-1, NAMES.index(DRIFT)] > 0.9


def test_a_line_that_explains_little_is_no_trend() -> None:
    """Traffic with weak weeks that goes up and down: whatever slope it last had is no reason to go on with it."""
    make = np.random.default_rng(2)
    level = np.exp(0.6 * np.sin(np.arange(260) / 8) + make.normal(0, 0.25, 260))
    assert not rolled(weeks(2, 260, noise=0.02) ** 0.2 * level).trend[50:].any()


def test_days_taken_out_are_not_scored() -> None:
    days = weeks(6)
    real = np.ones(len(days), dtype=bool)
    real[100:110] = False
    test = roll(days, real, (), RULES)
    row = int(np.flatnonzero(test.origins >= 95)[0])
    assert np.isnan(test.actual[row, 100 - int(test.origins[row])])


def test_errors_on_nearly_empty_days_count_against_a_share_of_the_mean() -> None:
    missed = percentage_errors(np.array([10.0]), np.array([0.0]), 50.0)
    assert missed.tolist() == [0.2]


def test_intervals_hold_as_often_as_they_say() -> None:
    held = []
    for seed in range(8):
        days = weeks(seed, 240)
        test = rolled(days)
        bounds = intervals(test, days, 0.8, 365)
        judged = np.isfinite(bounds.low) & np.isfinite(test.actual) & (test.origins >= 56)[:, None]
        held.append(((test.actual >= bounds.low) & (test.actual <= bounds.high))[judged].mean())
    assert 0.75 <= np.mean(held) <= 0.85


def test_intervals_reach_as_far_up_as_down() -> None:
    days = weeks(2, 240)
    test = rolled(days)
    bounds = intervals(test, days, 0.8, 365)
    inner = bounds.low > 0
    np.testing.assert_allclose((bounds.high - test.chosen)[inner], (test.chosen - bounds.low)[inner])


def test_wider_intervals_hold_more_often() -> None:
    days = weeks(1, 240)
    test = rolled(days)
    narrow, wide = (intervals(test, days, share, 365) for share in (0.5, 0.9))
    assert np.nanmean(wide.high - wide.low) > 1.5 * np.nanmean(narrow.high - narrow.low)


def test_shifts_are_found_where_they_are_and_only_after_they_lasted() -> None:
    days = weeks(2, 200)
    days[120:] *= 1.5
    (shift,) = level_shifts(days, change=0.15, lasting=14)
    assert abs(shift.day - 120) <= 1
    assert shift.known_after == shift.day + 14
    assert level_shifts(days[:130], change=0.15, lasting=14) == ()


def test_a_holiday_a_slow_rise_and_noise_are_no_shift() -> None:
    holiday = weeks(3)
    holiday[100:104] *= 0.3
    rise = weeks(3) * np.linspace(1, 2, 200)
    assert level_shifts(holiday, change=0.15, lasting=14) == ()
    assert level_shifts(rise, change=0.15, lasting=14) == ()
    assert sum(len(level_shifts(weeks(seed), change=0.15, lasting=14)) for seed in range(20)) == 0


def test_holes_are_filled_between_the_same_weekdays() -> None:
    values = np.tile([7.0, 6, 5, 4, 3, 2, 1], 4) + np.repeat([0.0, 10, 20, 30], 7)
    values[9] = np.nan
    found = fit_days(Series("use", date(2026, 1, 5), values), [], history=730, longest_gap=28)
    assert found.values[9] == pytest.approx(15)
    assert found.real.sum() == 27


def test_planned_days_and_old_days_are_not_looked_at() -> None:
    event = ForecastEvent(date(2026, 1, 7), date(2026, 1, 8), 3.0, "Launch")
    found = fit_days(Series("use", date(2026, 1, 5), np.arange(40.0)), [event], history=730, longest_gap=28)
    assert np.flatnonzero(~found.real).tolist() == [2, 3]
    recent = fit_days(Series("use", date(2026, 1, 5), np.arange(40.0)), [event], history=30, longest_gap=28)
    assert (recent.start, len(recent.values)) == (date(2026, 1, 15), 30)


def test_an_event_of_ten_thousand_years_is_no_work() -> None:
    forever = ForecastEvent(date.min, date.max)
    found = fit_days(Series("use", date(2026, 1, 5), np.arange(40.0)), [forever] * 1000, history=730, longest_gap=28)
    assert len(found.values) == 0
