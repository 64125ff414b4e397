from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.workers import (
    expected_wait,
    slots_needed,
    tasks_per_hour,
    worker_capacity,
    workers_needed,
)
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Level

TASK = 25.0


def test_three_to_four_browsers_do_432_to_576_tasks_an_hour() -> None:
    assert tasks_per_hour(3, TASK) == 432
    assert tasks_per_hour(4, TASK) == 576


def test_the_claimed_throughput_needs_5_6_to_8_3_slots() -> None:
    assert slots_needed(800, TASK) == pytest.approx(5.556, abs=0.001)
    assert slots_needed(1000, TASK) == pytest.approx(6.944, abs=0.001)
    assert slots_needed(1200, TASK) == pytest.approx(8.333, abs=0.001)


def test_two_workers_of_four_slots_do_1152_tasks_an_hour() -> None:
    capacity = worker_capacity(2, 4, TASK, demand=1000)
    assert (capacity.slots, capacity.capacity) == (8, 1152)


@pytest.mark.parametrize(
    ("demand", "utilisation", "workers"),
    [(10_000, 1.0, 18), (10_000, 0.7, 25), (10_000, 0.6, 29), (5_000, 1.0, 9), (5_000, 0.7, 13), (5_000, 0.6, 15)],
)
def test_long_term_targets_need_more_workers_than_the_cap(demand: float, utilisation: float, workers: int) -> None:
    assert workers_needed(demand, TASK, 4, utilisation=utilisation) == workers


def test_the_cap_of_15_workers_ends_at_8640_tasks() -> None:
    assert worker_capacity(15, 4, TASK).capacity == 8640


@pytest.mark.parametrize(("queued", "seconds"), [(10, 36), (50, 180), (100, 360), (500, 1800)])
def test_queue_thresholds_as_waiting_time(queued: float, seconds: float) -> None:
    assert expected_wait(queued, 1000) == seconds


def test_five_seconds_of_queue_are_less_than_two_tasks() -> None:
    one, two = expected_wait(1, 1000), expected_wait(2, 1000)
    assert one is not None
    assert two is not None
    assert one < 5 < two


@pytest.mark.parametrize(
    ("demand", "level"),
    [
        (None, Level.UNKNOWN),
        (600, Level.OK),
        (691, Level.OK),
        (692, Level.WARNING),
        (1152, Level.WARNING),
        (1153, Level.CRITICAL),
    ],
)
def test_demand_is_judged_against_capacity_and_headroom(demand: float | None, level: Level) -> None:
    assert worker_capacity(2, 4, TASK, demand=demand, headroom=0.4).level is level


def test_no_workers_never_finish_a_queue() -> None:
    capacity = worker_capacity(0, 4, TASK, demand=10, queued=10)
    assert capacity.wait_seconds is None
    assert capacity.level is Level.CRITICAL


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_duration_that_makes_no_sense_is_refused(seconds: float) -> None:
    with pytest.raises(UsageError, match="duration of a task"):
        tasks_per_hour(4, seconds)


@given(st.floats(0, 1e6), st.floats(0.1, 1e4), st.integers(1, 64), st.floats(0.05, 1))
def test_the_workers_that_are_needed_are_enough_and_not_too_many(
    demand: float, seconds: float, concurrency: int, utilisation: float
) -> None:
    count = workers_needed(demand, seconds, concurrency, utilisation=utilisation)
    busy = slots_needed(demand, seconds)
    assert busy <= count * concurrency * utilisation + 1e-6 * (1 + busy)
    assert count == 0 or busy > (count - 1) * concurrency * utilisation - 1e-6
