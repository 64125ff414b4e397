"""A lower limit that somebody insisted on goes back only where its memory stays nearly full (X-06)."""

from __future__ import annotations

import pytest

from plugins.module_utils.docker.memory_watch import SustainedUse

LIMIT = 1000


def ending(*uses: int, duration: float = 180.0, pause: float = 20.0) -> tuple[str, float]:
    """How a watch ends, and after how many seconds, where one container uses so much at each look and then the last."""
    use = SustainedUse(0.8, duration, 0.0)
    for number in range(1000):
        now = number * pause
        full = use.seen({"shop-api-1": (uses[min(number, len(uses) - 1)], LIMIT)}, now)
        if full:
            return f"{full} is full", now
        if use.over(now):
            return "fits", now
    raise AssertionError("it never ends")


@pytest.mark.parametrize(
    ("uses", "end"),
    [
        ((500,), ("fits", 180.0)),
        ((799,), ("fits", 180.0)),
        ((800,), ("shop-api-1 is full", 180.0)),
        ((900, 900, 900, 700), ("fits", 180.0)),
        ((700, 700, 700, 900), ("shop-api-1 is full", 240.0)),
        ((900,) * 5 + (700,) + (900,) * 100, ("shop-api-1 is full", 300.0)),
        ((700,) * 8 + (900, 900, 700), ("fits", 200.0)),
        ((900, 900, 700) * 100, ("fits", 220.0)),
        ((900,) * 8 + (700,) + (900,) * 8 + (700,) + (900,) * 8, ("fits", 340.0)),
    ],
)
def test_it_goes_back_only_where_it_stays_at_four_fifths_for_the_whole_time(
    uses: tuple[int, ...], end: tuple[str, float]
) -> None:
    assert ending(*uses) == end


def test_each_container_counts_by_itself() -> None:
    use = SustainedUse(0.8, 60.0, 0.0)
    for now in (0.0, 30.0):
        assert use.seen({"a": (900, LIMIT), "b": (100, LIMIT)}, now) is None
    assert use.seen({"a": (100, LIMIT), "b": (900, LIMIT)}, 60.0) is None
    assert use.seen({"b": (900, LIMIT)}, 120.0) == "b"


def test_what_goes_up_and_down_for_ever_is_left_to_the_autoscaler_in_the_end() -> None:
    use = SustainedUse(0.8, 60.0, 0.0)
    for now in range(0, 120, 10):
        use.seen({"a": (900 if now % 50 else 100, LIMIT)}, float(now))
        assert not use.over(float(now)) or not use.since
    assert use.over(120.0)
