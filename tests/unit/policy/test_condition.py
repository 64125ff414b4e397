"""Conditions are read as the guide writes them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.policy.condition import METRICS, Condition


@pytest.mark.parametrize(
    ("text", "metric", "operator", "limit", "duration"),
    [
        ("cpu_usage > 95% for 2 minutes", "cpu_usage", ">", 0.95, 120.0),
        ("memory_usage > 95% for 1 minute", "memory_usage", ">", 0.95, 60.0),
        ("error_rate > 10%", "error_rate", ">", 0.1, None),
        ("response_time_p95 > 5000ms", "response_time_p95", ">", 5.0, None),
        ("read_queries_per_second > 500", "read_queries_per_second", ">", 500.0, None),
        ("pending_tasks <= 10", "pending_tasks", "<=", 10.0, None),
    ],
)
def test_the_parts_of_a_condition(text: str, metric: str, operator: str, limit: float, duration: float | None) -> None:
    condition = Condition.model_validate(text)
    assert dict(condition) == {"metric": metric, "operator": operator, "limit": limit, "duration": duration}
    assert Condition.model_validate(str(condition)) == condition


@pytest.mark.parametrize(
    "text",
    [
        "cpu_usage > 95",
        "cpu_usage > 95% for 2 fortnights",
        "cpu_usage => 95%",
        "cpu > 95%",
        "95% < cpu_usage",
        "error_rate > 5s",
        "",
    ],
)
def test_anything_else_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(ValueError, match=r"accepted|there are"):
        Condition.model_validate(text)


@given(value=st.floats(0, 2), limit=st.floats(0, 2))
def test_operators_mean_what_they_say(value: float, limit: float) -> None:
    held = {o: Condition(metric="cpu_usage", operator=o, limit=limit).holds(value) for o in (">", ">=", "<", "<=")}
    assert held == {">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit}


@given(st.text(max_size=40))
def test_no_text_makes_a_traceback(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert Condition.model_validate(text).metric in METRICS
