"""The guide's linear rule, made right: PRE-01 to PRE-03, X-19, X-20."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Level
from selextract_infra.model.forecast import Exhaustion
from selextract_infra.planning.exhaustion import days_left, days_text, exact, level_of, linear_exhaustion, notify
from selextract_infra.policy import default_policy

POLICY = default_policy()


def rule(current: float | str, growth: float | str, limit: float | str, *, share: bool = False) -> Exhaustion:
    return linear_exhaustion("storage", current=current, weekly_growth=growth, limit=limit, policy=POLICY, share=share)


@pytest.mark.parametrize(
    ("current", "growth", "limit", "days", "level", "alert"),
    [
        (900, 200, 1000, 3.5, Level.CRITICAL, "CAPACITY_CRITICAL"),
        (900, 0, 1000, None, Level.OK, None),
        (900, -20, 1000, None, Level.OK, None),
        (1100, 50, 1000, 0, Level.CRITICAL, "CAPACITY_CRITICAL"),
        (1000, 50, 1000, 0, Level.CRITICAL, "CAPACITY_CRITICAL"),
        (1000, 0, 1000, 0, Level.CRITICAL, "CAPACITY_CRITICAL"),
        (900, 50, 1000, 14, Level.WARNING, "CAPACITY_WARNING"),
        (990, "0.05", 1000, 1400, Level.OK, None),
        (900, 45, 1000, 100 * 7 / 45, Level.WARNING, "CAPACITY_WARNING"),
        (0, 1, 10, 70, Level.OK, None),
    ],
)
def test_the_worked_examples_of_the_defects(
    current: float, growth: float | str, limit: float, days: float | None, level: Level, alert: str | None
) -> None:
    seen = rule(current, growth, limit)
    assert (seen.days, seen.level, seen.alert) == (days, level, alert)


@pytest.mark.parametrize("left", range(1, 400))
def test_seven_days_are_seven_days_for_every_growth(left: int) -> None:
    seen = rule(1000 - left, left, 1000)
    assert (seen.days, seen.level) == (7.0, Level.WARNING)


def test_both_thresholds_are_strict_and_critical_is_reached() -> None:
    assert [level_of(days, POLICY) for days in (0, Fraction(699, 100), 7, 29, 30, None)] == [
        Level.CRITICAL,
        Level.CRITICAL,
        Level.WARNING,
        Level.WARNING,
        Level.OK,
        Level.OK,
    ]


def test_growth_as_a_share_is_given_with_compound_interest_too() -> None:
    seen = rule(900, "0.05", 1000, share=True)
    assert seen.days == pytest.approx(15.6, abs=0.05)
    assert seen.compound_days == pytest.approx(15.1, abs=0.05)


def test_a_full_resource_is_full_now_at_compound_growth_too() -> None:
    assert rule(1000, "0.05", 1000, share=True).compound_days == 0


def test_days_are_rounded_down_and_the_resource_is_named() -> None:
    assert days_text(Fraction(698, 100)) == "6.9 days"
    assert days_text(1) == "1 day"
    assert rule(900, 200, 1000).sentence == (
        "storage: capacity exhaustion in 3.5 days, 900 of 1,000 used, 200 more each week."
    )


@pytest.mark.parametrize(
    ("current", "growth", "limit", "sentence"),
    [
        (1, 1, 0, "limit must be above 0"),
        (1, 1, -5, "limit must be above 0, not -5"),
        (-1, 1, 5, "cannot be below 0"),
        (float("nan"), 1, 5, "current use is .nan"),
        (1, float("inf"), 5, "growth in a week is .inf"),
        (1, 1, "1e400", "beyond anything"),
        (1, 1, "1e999999999999", "beyond anything"),
        ("", 1, 1, "not a number"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    current: float | str, growth: float | str, limit: float | str, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        rule(current, growth, limit)


AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=3)


@given(current=AMOUNTS.filter(lambda one: one >= 0), growth=AMOUNTS, limit=AMOUNTS.filter(lambda one: one > 0))
def test_days_are_never_negative_and_a_full_resource_has_none(current: object, growth: object, limit: object) -> None:
    seen = rule(str(current), str(growth), str(limit))
    assert seen.days is None or seen.days >= 0
    assert (seen.days == 0) == (exact(str(current), "") >= exact(str(limit), ""))
    assert (seen.alert is None) == (seen.level is Level.OK)


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**6))
def test_more_growth_never_lasts_longer(current: int, limit: int, growth: int, more: int) -> None:
    slow = days_left(Fraction(current), Fraction(growth), Fraction(limit))
    fast = days_left(Fraction(current), Fraction(growth + more), Fraction(limit))
    assert slow is not None
    assert fast is not None
    assert fast <= slow


def test_an_alert_is_told_once_until_its_level_changes() -> None:
    warning, critical, over = rule(900, 50, 1000), rule(900, 200, 1000), rule(900, 0, 1000)
    told, alerts = notify({}, [warning])
    assert [one.alert for one in told] == ["CAPACITY_WARNING"]
    told, alerts = notify(alerts, [warning])
    assert told == ()
    told, alerts = notify(alerts, [critical])
    assert [one.alert for one in told] == ["CAPACITY_CRITICAL"]
    told, alerts = notify(alerts, [])
    assert (told, alerts) == ((), {"storage": Level.CRITICAL})
    told, alerts = notify(alerts, [over])
    assert [one.level for one in told] == [Level.OK]
    assert alerts == {}
    assert notify(alerts, [over]) == ((), {})


LEVELS = st.sampled_from([(900, 50), (900, 200), (900, 0)])


@given(st.lists(LEVELS, max_size=20))
def test_neighbouring_notifications_never_repeat_a_level(course: list[tuple[int, int]]) -> None:
    alerts: dict[str, Level] = {}
    levels = []
    for current, growth in course:
        told, alerts = notify(alerts, [rule(current, growth, 1000)])
        levels += [one.level for one in told]
        assert len(alerts) <= 1
    assert all(first is not second for first, second in pairwise(levels))
