from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.traffic import TimeOfWeek, usual_throughput
from selextract_infra.errors import PolicyError
from selextract_infra.policy import default_policy, load_policy

MONDAY = datetime.fromisoformat("2025-03-03T00:00")


@pytest.mark.parametrize(
    ("text", "hours", "covered"),
    [
        ("mon-fri 08:00-20:00", 8, True),
        ("mon-fri 08:00-20:00", 20, False),
        ("mon-fri 08:00-20:00", 24 * 5 + 9, False),
        ("sat-sun 00:00-24:00", 24 * 6 + 23, True),
        ("sat-sun 00:00-24:00", 23, False),
        ("fri-mon 08:00-20:00", 9, True),
        ("sun 22:00-06:00", 5, True),
        ("sun 22:00-06:00", 6, False),
        ("sun 22:00-06:00", 24 * 6 + 22, True),
    ],
)
def test_hours_of_the_week(text: str, hours: int, covered: bool) -> None:
    assert TimeOfWeek.parse(text).covers(MONDAY + timedelta(hours=hours)) is covered


@pytest.mark.parametrize("text", ["", "weekdays", "mon-fri", "mon 25:00-26:00", "xyz 08:00-09:00", "mon 8-9"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(PolicyError, match="accepted"):
        TimeOfWeek.parse(text)


def test_the_load_test_is_no_usual_throughput() -> None:
    assert usual_throughput(default_policy(), MONDAY) is None


def test_the_first_hours_that_cover_the_time_count_then_the_stated_baseline() -> None:
    policy = load_policy(
        {
            "monitoring": {
                "throughput_hours": {"mon-fri 08:00-20:00": "205.76/second", "sat-sun 00:00-24:00": "60/second"},
                "throughput_baseline": {"stated": "30/second"},
            }
        }
    )
    assert usual_throughput(policy, MONDAY + timedelta(hours=9)) == 205.76
    assert usual_throughput(policy, MONDAY + timedelta(hours=9), multiplier=3.0) == pytest.approx(617.28)
    assert usual_throughput(policy, MONDAY + timedelta(days=5)) == 60
    assert usual_throughput(policy, MONDAY + timedelta(hours=3)) == 30


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(PolicyError):
        assert TimeOfWeek.parse(text).days
