"""Whatever the samples: bounds, hosts and cooldowns hold, and the quick look never hides an action."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selextract_infra.assess.scaled_service import SampleRing
from selextract_infra.model.scaling import Direction
from tests.unit.operations.scaling.scaled import GB, INTERVAL, WEDNESDAY, autoscaler, service

LEVELS = st.sampled_from([0.1, 0.3, 0.5, 0.69, 0.7, 0.9, 1.0])
PHASE = st.fixed_dictionaries(
    {
        "ticks": st.integers(4, 90),
        "cpu_usage": LEVELS,
        "memory_usage": LEVELS,
        "response_time_p95": st.sampled_from([0.2, 0.9, 1.0, 4.0]),
        "requests_per_second": st.integers(0, 2500),
        "pending_tasks": st.sampled_from([0, 10, 11, 60, 100, 900]),
        "lost": st.sampled_from(["", "", "cpu_usage", "pending_tasks", "response_time_p95"]),
    }
)
SCALER, SMALL = autoscaler(), autoscaler(host="16c/40GB/1TB/1Gbps")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PHASE, min_size=1, max_size=6), st.sampled_from(["api", "worker"]), st.booleans())
def test_a_course_of_load(phases: list[dict[str, Any]], role: str, small: bool) -> None:
    scaler, one = (SMALL if small else SCALER), service(role, keep=1200)
    rules, at = scaler.rules_of(one), WEDNESDAY
    actions: list[tuple[Direction, float]] = []
    for phase in phases:
        for _ in range(int(phase["ticks"])):
            at += INTERVAL
            for metric in rules.metrics:
                if metric != phase["lost"]:
                    one.record(metric, at, float(phase[metric]))
            decision = scaler.decide([one], at)[0]
            assert decision.why
            if not decision.changes:
                assert decision.granted == one.count
                continue
            assert scaler.may_act(one, at)
            assert decision.direction is not None
            assert decision.granted is not None
            count = int(decision.granted)
            assert rules.minimum <= count <= rules.maximum
            assert (count > one.count) == (decision.direction is Direction.OUT)
            assert decision.direction is Direction.OUT or count == one.count - 1
            if small and count > one.count:
                assert 4.5 * GB + count * (one.memory or 0) <= 36 * GB
            one.acted(decision.direction, count, at)
            actions.append((decision.direction, at))
    additions = [when for direction, when in actions if direction is Direction.OUT]
    assert all(later - earlier >= 300 for earlier, later in pairwise(additions)), "a cooldown is of one direction"
    assert all(later - earlier >= 900 for (_, earlier), (way, later) in pairwise(actions) if way is Direction.IN)
    removals = [when for direction, when in actions if direction is Direction.IN]
    assert all(later - earlier >= 1800 for earlier, later in pairwise(removals))


@given(st.integers(1, 10), st.integers(0, 3000))
def test_the_count_by_load_carries_the_load(count: int, total: int) -> None:
    one = service(count=max(2, count))
    for step in range(40, -1, -1):
        one.record("requests_per_second", WEDNESDAY - step * INTERVAL, total)
    granted = SCALER.decide([one], WEDNESDAY)[0].granted
    assert granted is not None
    assert granted == 10 or granted * 150 >= total


@given(st.lists(st.tuples(st.floats(0.5, 400), st.floats(0, 1)), max_size=400), st.floats(10, 2000))
def test_a_ring_keeps_all_of_its_window_and_little_more(samples: list[tuple[float, float]], keep: float) -> None:
    ring, at, everything = SampleRing(keep), 0.0, []
    for step, value in samples:
        at += step
        assert ring.add(at, value)
        everything.append(at)
    wanted = [stamp for stamp in everything if stamp > at - keep]
    assert ring.at[len(ring.at) - len(wanted) :] == wanted
    assert len(ring.at) <= max(64, 2 * max(_within(everything, keep), default=0))


def _within(stamps: list[float], keep: float) -> list[int]:
    return [sum(end - keep < stamp <= end for stamp in stamps) for end in stamps]
