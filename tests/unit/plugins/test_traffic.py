from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.haproxy.haproxy import Server
from plugins.module_utils.haproxy.traffic import _reaches_back_to, present, window_of

NOW = 1_000_000.0


def line(ago: float, took: int, status: int = 200, how: str = "--") -> str:
    """A line of the balancer's log for a request that ended that many seconds ago."""
    return f"{int((NOW - ago) * 1000)} {status} {took} {how} GET"


def test_percentiles_are_of_all_requests_of_the_window_and_no_others() -> None:
    lines = [line(70, 9000), *(line(59 - number / 10, number) for number in range(1, 101))]
    window = window_of(lines, 60, NOW, NOW - 3600)
    assert (window["requests"], window["covered"]) == (100, 60.0)
    assert (window["p50"], window["p95"], window["p99"]) == (0.050, 0.095, 0.099)
    assert window_of(lines, 300, NOW, NOW - 3600)["requests"] == 101


def test_who_hung_up_himself_is_no_failure_of_ours() -> None:
    lines = [line(1, 5, 503, "SC"), line(1, 5, -1, "CH"), line(1, 5, 500), line(1, 5, 429), line(1, 5, -1, "SH")]
    window = window_of(lines, 60, NOW, NOW - 3600)
    assert (window["requests"], window["failed"]) == (5, 3)


def test_a_young_log_covers_less() -> None:
    window = window_of([line(1, 5)], 300, NOW, NOW - 20)
    assert window["covered"] == 20.0
    nothing = window_of([], 60, NOW, NOW + 1)
    assert (nothing["covered"], nothing["requests"], nothing["p95"]) == (0.0, 0, None)


def test_lines_that_are_none_are_left_out() -> None:
    assert window_of(["", "garbage", "a b c d e", line(1, 5)], 60, NOW, NOW - 60)["requests"] == 1


def test_a_full_log_reaches_back_to_its_oldest_line() -> None:
    config = "global\n\nring requests\n    format raw\n    maxlen 128\n    size 200\n\nresolvers x\n    size 9\n"
    lines = [line(50 - number, 5) for number in range(10)]
    assert _reaches_back_to(lines, NOW - 3600, config) == NOW - 50
    assert _reaches_back_to(lines[:2], NOW - 3600, config) == NOW - 3600
    assert _reaches_back_to([], NOW - 3600, "") == NOW - 3600


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=200))
def test_percentiles_are_requests_that_were_seen_and_in_order(times: list[int]) -> None:
    window = window_of([line(1, took) for took in times], 60, NOW, NOW - 60)
    seen = {took / 1000 for took in times}
    assert window["p50"] <= window["p95"] <= window["p99"] <= max(seen)
    assert {window["p50"], window["p95"], window["p99"]} <= seen


def test_an_instance_that_left_is_not_there_because_the_balancer_still_knows_its_name() -> None:
    known = [
        Server("api-1", "UP", 0, "10.0.0.1"),
        Server("api-2", "DOWN", 0, "10.0.0.2"),
        Server("api-3", "DRAIN", 2, "10.0.0.3"),
        Server("api-4", "MAINT (resolution)", 0, ""),
        Server("api-5", "UP 1/3", 0, "10.0.0.5"),
    ]
    assert [one.name for one in present(known, ["api-1", "api-2"])] == ["api-1", "api-2", "api-3", "api-5"]
