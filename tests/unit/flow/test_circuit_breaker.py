"""The breaker opens after failures in a row, lets one call through, asks for help once, and hides no error (X-21)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import CircuitOpenError
from selextract_infra.flow.circuit_breaker import BreakerState, CircuitBreaker
from selextract_infra.policy import load_policy


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class BrokenError(Exception):
    pass


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(BrokenError), breaker:
            raise BrokenError


def opened(on_open: Callable[[], object] | None = None) -> tuple[CircuitBreaker, Clock]:
    clock = Clock()
    breaker = CircuitBreaker("api", on_open=on_open, clock=clock)
    fail(breaker, 5)
    return breaker, clock


def test_five_failures_in_a_row_open_it_and_the_caller_sees_its_own_error() -> None:
    breaker, _ = opened()
    assert breaker.state is BreakerState.OPEN
    with pytest.raises(CircuitOpenError) as refused, breaker:
        raise AssertionError("the call was made")
    assert (refused.value.exit_code, refused.value.rule, refused.value.retry_after) == (3, "CB-03", 300)


def test_a_success_ends_the_row() -> None:
    breaker = CircuitBreaker("api", clock=Clock())
    fail(breaker, 4)
    with breaker:
        pass
    fail(breaker, 4)
    assert (breaker.state, breaker.failures) == (BreakerState.CLOSED, 4)


def test_ten_refused_calls_ask_for_help_once() -> None:
    asked: list[int] = []
    breaker, _ = opened(lambda: asked.append(1))
    for _ in range(10):
        with pytest.raises(CircuitOpenError), breaker:
            pass
    assert asked == [1]


def test_it_stays_open_until_the_recovery_time_is_over() -> None:
    breaker, clock = opened()
    clock.now += 300
    with pytest.raises(CircuitOpenError), breaker:
        pass
    clock.now += 0.001
    with breaker:
        assert breaker.state is BreakerState.HALF_OPEN
    assert (breaker.state, breaker.failures) == (BreakerState.CLOSED, 0)


def test_a_failed_probe_starts_the_recovery_time_again_and_asks_nobody() -> None:
    asked: list[int] = []
    breaker, clock = opened(lambda: asked.append(1))
    clock.now += 301
    fail(breaker)
    assert breaker.state is BreakerState.OPEN
    clock.now += 300
    with pytest.raises(CircuitOpenError), breaker:
        pass
    assert asked == [1]


def test_an_outage_that_outlasts_the_emergency_asks_again() -> None:
    asked: list[float] = []
    clock = Clock()
    breaker = CircuitBreaker("api", on_open=lambda: asked.append(clock.now), clock=clock)
    fail(breaker, 5)
    for _ in range(13):
        clock.now += 301
        fail(breaker)
    assert asked == [1_000, 1_000 + 12 * 301]


def test_each_opening_asks_once() -> None:
    asked: list[int] = []
    breaker, clock = opened(lambda: asked.append(1))
    clock.now += 301
    with breaker:
        pass
    fail(breaker, 5)
    assert asked == [1, 1]


def test_what_fails_while_it_asks_for_help_hides_no_error(caplog: pytest.LogCaptureFixture) -> None:
    def unable() -> None:
        raise RuntimeError("no host")

    breaker, _ = opened(unable)
    assert breaker.state is BreakerState.OPEN
    assert "api" in caplog.text
    assert "no host" in caplog.text


def test_only_one_call_is_let_through_and_the_lock_is_free_meanwhile() -> None:
    breaker, clock = opened()
    clock.now += 301
    inside, leave = threading.Event(), threading.Event()

    def probe() -> None:
        with breaker:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=probe)
    thread.start()
    assert inside.wait(10)
    for _ in range(3):
        with pytest.raises(CircuitOpenError), breaker:
            pass
    leave.set()
    thread.join(10)
    assert breaker.state is BreakerState.CLOSED


def test_an_interrupted_probe_leaves_room_for_another() -> None:
    breaker, clock = opened()
    clock.now += 301
    with pytest.raises(KeyboardInterrupt), breaker:
        raise KeyboardInterrupt
    with breaker:
        pass
    assert breaker.state is BreakerState.CLOSED


def test_a_late_answer_from_before_it_opened_changes_nothing() -> None:
    clock = Clock()
    breaker = CircuitBreaker("api", clock=clock)
    inside, leave = threading.Event(), threading.Event()

    def slow() -> None:
        with breaker:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=slow)
    thread.start()
    assert inside.wait(10)
    fail(breaker, 5)
    leave.set()
    thread.join(10)
    assert breaker.state is BreakerState.OPEN


def test_twenty_threads_open_it_once() -> None:
    asked: list[int] = []
    breaker = CircuitBreaker("api", on_open=lambda: asked.append(1), clock=Clock())
    start = threading.Barrier(20)
    calls: list[str] = []

    @breaker
    def call() -> None:
        calls.append("made")
        raise BrokenError

    def many() -> tuple[int, int]:
        start.wait(10)
        broken = refused = 0
        for _ in range(50):
            try:
                call()
            except BrokenError:
                broken += 1
            except CircuitOpenError:
                refused += 1
        return broken, refused

    with ThreadPoolExecutor(20) as pool:
        counts = [future.result(30) for future in [pool.submit(many) for _ in range(20)]]
    assert asked == [1]
    assert sum(broken for broken, _ in counts) == len(calls)
    assert 5 <= len(calls) <= 5 + 19
    assert sum(map(sum, counts)) == 20 * 50


def test_twenty_threads_share_one_probe() -> None:
    breaker, clock = opened()
    clock.now += 301
    start, leave, made = threading.Barrier(21), threading.Event(), []

    def once() -> bool:
        start.wait(10)
        try:
            with breaker:
                made.append(1)
                leave.wait(10)
        except CircuitOpenError:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        answers = as_completed([pool.submit(once) for _ in range(20)], timeout=30)
        start.wait(10)
        refused = [next(answers).result() for _ in range(19)]
        leave.set()
        passed = next(answers).result()
    assert (refused, passed, made) == ([False] * 19, True, [1])


def test_a_decorated_coroutine_is_judged_by_its_outcome() -> None:
    breaker = CircuitBreaker("api", clock=Clock())

    @breaker
    async def call() -> None:
        await asyncio.sleep(0)
        raise BrokenError

    async def several() -> list[BaseException | None]:
        return await asyncio.gather(*(call() for _ in range(6)), return_exceptions=True)

    assert [type(each) for each in asyncio.run(several())] == [BrokenError] * 6
    assert breaker.state is BreakerState.OPEN


def test_breakers_may_be_nested() -> None:
    outer, inner = CircuitBreaker("outer", clock=Clock()), CircuitBreaker("inner", clock=Clock())
    for _ in range(5):
        with outer, pytest.raises(BrokenError), inner:
            raise BrokenError
    assert (outer.state, inner.state) == (BreakerState.CLOSED, BreakerState.OPEN)


def test_the_policy_sets_the_thresholds() -> None:
    policy = load_policy({"emergency": {"breaker": {"thresholds": {"failures": 2, "recovery": "10 seconds"}}}})
    clock, states = Clock(), []
    breaker = CircuitBreaker("api", policy=policy, clock=clock)
    fail(breaker, 2)
    states.append(breaker.state)
    clock.now += 11
    with breaker:
        states.append(breaker.state)
    assert [*states, breaker.state] == ["open", "half_open", "closed"]


def test_errors_that_are_no_failures_do_not_count() -> None:
    breaker = CircuitBreaker("api", counts=(ConnectionError,), clock=Clock())
    fail(breaker, 9)
    assert (breaker.state, breaker.failures) == (BreakerState.CLOSED, 0)


def _end(well: bool) -> None:
    if not well:
        raise BrokenError


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 400)), max_size=60))
def test_it_is_open_exactly_after_five_failures_in_a_row(calls: list[tuple[bool, int]]) -> None:
    clock, asked = Clock(), []
    breaker = CircuitBreaker("api", on_open=lambda: asked.append(1), clock=clock)
    row, open_since = 0, None
    for succeeds, seconds in calls:
        clock.now += seconds
        refuses = open_since is not None and clock.now - open_since <= 300
        try:
            with breaker:
                assert not refuses
                _end(succeeds)
        except CircuitOpenError:
            assert refuses
            continue
        except BrokenError:
            row += 1
            if open_since is not None or row >= 5:
                open_since = clock.now
        else:
            row, open_since = 0, None
        assert (breaker.state is BreakerState.OPEN) == (open_since is not None)
