"""Each candidate does what its name says, on series whose continuation is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from selextract_infra.planning.forecast.backtest import NAMES
from selextract_infra.planning.forecast.candidates import (
    LAST_WEEK,
    LEVEL_CANDIDATES,
    LINE,
    MEDIAN,
    TREND_CANDIDATES,
    all_paths,
    guide_rule,
    steepness,
    structure,
    theil_sen,
)

Days = NDArray[np.float64]
WEEK = np.array([10.0, 12, 11, 10, 9, 4, 3])


def rising(start: float, slope: float, days: int) -> Days:
    return np.asarray(start + slope * np.arange(days), dtype=np.float64)


@pytest.mark.parametrize("name", LEVEL_CANDIDATES)
def test_steady_weeks_go_on(name: str) -> None:
    days = np.tile(WEEK, 9)
    path = LEVEL_CANDIDATES[name](days, 16, 56)
    assert path == pytest.approx(np.tile(WEEK, 3)[:16])


@pytest.mark.parametrize("name", [*TREND_CANDIDATES, "weekday factors x level and slope"])
def test_a_straight_line_goes_on(name: str) -> None:
    candidate = (LEVEL_CANDIDATES | TREND_CANDIDATES)[name]
    days = rising(1000, 2, 80)
    assert candidate(days, 30, 56) == pytest.approx(1000 + 2.0 * np.arange(80, 110), rel=0.01)


def test_last_week_is_repeated() -> None:
    assert LEVEL_CANDIDATES[LAST_WEEK](np.arange(20.0), 9, 56).tolist() == [13, 14, 15, 16, 17, 18, 19, 13, 14]


def test_one_odd_day_of_last_week_is_not_repeated() -> None:
    days = np.tile(WEEK, 9)
    days[-3] *= 10
    path = LEVEL_CANDIDATES["weekday factors x level of last week"](days, 7, 56)
    assert path == pytest.approx(WEEK)


def test_the_median_is_that_of_week_level_and_slope() -> None:
    days = np.random.default_rng(1).uniform(5, 10, 80)
    paths = dict(zip(NAMES, all_paths(days, 9, 56), strict=True))
    assert paths[MEDIAN] == pytest.approx(np.median([paths[name] for name in LEVEL_CANDIDATES], axis=0))


def test_the_guides_rule_looks_at_seven_days() -> None:
    days = np.concatenate([np.full(50, 500.0), 100 + 5.0 * np.arange(7)])
    assert guide_rule(days, 2) == pytest.approx([135, 140])
    assert guide_rule(days[::-1].copy(), 3).tolist() == pytest.approx([500, 500, 500])


def test_a_third_of_outliers_does_not_turn_a_theil_sen_slope() -> None:
    values = rising(0, 3, 30)
    values[::4] = 900
    assert theil_sen(values) == pytest.approx(3, abs=0.5)


def test_a_lasting_slope_needs_eight_weeks() -> None:
    days = rising(100, 2, 70)
    assert steepness(days) == pytest.approx(2)
    assert steepness(days[:55]) == 0


def test_a_line_and_weeks_are_told_apart() -> None:
    of_line, _ = structure(rising(0, 5, 56), 56)
    _, of_weeks = structure(np.tile(WEEK, 8), 56)
    assert of_line == pytest.approx(1)
    assert of_weeks == pytest.approx(1, abs=0.05)
    assert structure(np.full(56, 3.0), 56) == (0, 0)


@given(arrays(np.float64, st.integers(7, 70), elements=st.floats(0, 1e30)), st.integers(1, 40))
def test_every_path_is_finite_and_not_negative(days: Days, horizon: int) -> None:
    paths = all_paths(days, horizon, 56)
    assert paths.shape == (len(NAMES), horizon)
    assert np.isfinite(paths).all()
    assert (paths >= 0).all()
    assert LINE in NAMES
