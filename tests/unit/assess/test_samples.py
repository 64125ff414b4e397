from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.samples import Aggregate, Holds, Samples, highest_share, sustained, window_value


def every(seconds: float, values: list[float]) -> Samples:
    return Samples([seconds * (number + 1) for number in range(len(values))], values, seconds)


def test_a_window_is_half_open() -> None:
    samples = every(15, [1.0, 2.0, 3.0, 4.0])
    assert list(samples.within(60, 30)[1]) == [3.0, 4.0]


def test_an_average_covers_its_window() -> None:
    value = window_value(every(15, [1.0, 2.0, 3.0, 4.0]), 60, 60, Aggregate.MEAN)
    assert (value.value, value.coverage, value.samples) == (2.5, 1.0, 4)


def test_samples_in_the_same_slot_count_once() -> None:
    samples = Samples([58, 58.5, 59, 59.5, 60], [1.0] * 5, 15)
    assert window_value(samples, 60, 60, Aggregate.MEAN).coverage == 0.25


def test_one_sample_covers_no_window() -> None:
    assert window_value(Samples([60], [95.0]), 60, 300, Aggregate.MEAN).coverage == 0.0
    assert window_value(Samples([60], [95.0]), 60, 0, Aggregate.LAST).coverage == 1.0


def test_a_real_time_value_goes_stale() -> None:
    samples = every(15, [1.0, 2.0])
    assert window_value(samples, 59, 0, Aggregate.LAST).coverage == 1.0
    assert window_value(samples, 60, 0, Aggregate.LAST).coverage == 0.0


def test_no_samples_say_nothing() -> None:
    assert window_value(Samples([], []), 60, 60, Aggregate.MEAN).value is None
    assert window_value(Samples([], []), 60, 60, Aggregate.LAST).value is None


def test_p95_is_computed_over_the_window_not_averaged() -> None:
    fast, slow = [0.1] * 90, [2.0] * 10
    assert highest_share(fast + slow, 0.95) == 2.0
    assert highest_share([0.1] * 95 + [2.0] * 5, 0.95) == 0.1


@given(st.lists(st.lists(st.floats(0, 100), min_size=1, max_size=40), min_size=1, max_size=6))
def test_the_p95_of_a_window_is_never_above_the_highest_p95_of_its_parts(parts: list[list[float]]) -> None:
    whole = [value for part in parts for value in part]
    assert highest_share(whole, 0.95) <= max(highest_share(part, 0.95) for part in parts)


def holds(samples: Samples, now: float = 120, duration: float = 120, coarsest: float | None = 30) -> Holds:
    return sustained(samples, now, duration, lambda value: value > 0.95, minimum_coverage=0.8, coarsest=coarsest)


def since_0(seconds: float, values: list[float]) -> Samples:
    """Samples of which the first stands where a window that ends with the last one begins."""
    return Samples([seconds * number for number in range(len(values))], values, seconds)


def test_a_breach_holds_only_if_every_sample_breaches() -> None:
    assert holds(since_0(15, [0.96] * 9)) is Holds.YES
    assert holds(since_0(15, [0.96] * 8 + [0.95])) is Holds.NO
    assert holds(since_0(15, [0.96, 0.2] + [0.96] * 7)) is Holds.NO
    assert holds(since_0(15, [0.2] + [0.96] * 8)) is Holds.NO


def test_nothing_has_lasted_longer_than_there_are_samples() -> None:
    """80 % of 5 minutes are not 5 minutes: what may be missing is missing inside (TRG-06)."""
    for seconds in (100, 110, 119):
        assert holds(every(10, [0.96] * 50), now=seconds + 5, duration=120) is Holds.INCONCLUSIVE
    assert holds(every(10, [0.96] * 50), now=130, duration=120) is Holds.YES
    assert holds(Samples([300.0], [0.96], 300.0), now=300, duration=300, coarsest=None) is Holds.INCONCLUSIVE


def test_samples_from_before_a_gap_do_not_say_how_a_window_began() -> None:
    after_a_pause = Samples([-9000.0, *(15.0 * number for number in range(2, 9))], [0.96] * 8, 15)
    assert holds(after_a_pause) is Holds.INCONCLUSIVE


def test_a_gap_is_inconclusive_never_a_breach() -> None:
    samples = since_0(15, [0.96] * 9)
    with_gap = Samples([0, 15, 30, 45, 105, 120], [0.96] * 6, 15)
    assert holds(with_gap) is Holds.INCONCLUSIVE
    for missing in range(9):
        rest = [number for number in range(9) if number != missing]
        seven = Samples([samples.at[number] for number in rest], [0.96] * 8, 15)
        assert holds(seven) is (Holds.INCONCLUSIVE if missing == 0 else Holds.YES)
    assert holds(Samples([], [])) is Holds.INCONCLUSIVE


def test_samples_too_far_apart_are_inconclusive_for_an_emergency() -> None:
    assert holds(since_0(60, [0.96, 0.96, 0.97])) is Holds.INCONCLUSIVE
    assert holds(since_0(60, [0.96, 0.96, 0.97]), coarsest=None) is Holds.YES
    assert holds(since_0(60, [0.96, 0.96, 0.9])) is Holds.NO


def test_the_interval_is_estimated_where_it_is_not_declared() -> None:
    assert Samples([0, 15, 30, 45, 300], [1.0] * 5).spacing == 15
    assert Samples([0], [1.0]).spacing is None


@given(
    st.lists(st.tuples(st.floats(0, 600), st.floats(-10, 10)), max_size=60),
    st.floats(-10, 10),
    st.floats(0, 5),
    st.floats(0, 700),
)
def test_a_stricter_threshold_never_holds_where_a_laxer_one_does_not(
    points: list[tuple[float, float]], limit: float, more: float, now: float
) -> None:
    points.sort()
    samples = Samples([at for at, _ in points], [value for _, value in points], 15)
    lax = sustained(samples, now, 300, lambda value: value >= limit, minimum_coverage=0.8)
    strict = sustained(samples, now, 300, lambda value: value >= limit + more, minimum_coverage=0.8)
    assert not (strict is Holds.YES and lax is not Holds.YES)


@pytest.mark.parametrize("aggregate", list(Aggregate))
def test_coverage_stays_between_nothing_and_everything(aggregate: Aggregate) -> None:
    for spacing in (0.0, 1.0, 1000.0):
        value = window_value(Samples([1.0, 1.0, 2.0], [1.0, 2.0, 3.0], spacing), 2.0, 60, aggregate)
        assert 0.0 <= value.coverage <= 1.0
