from __future__ import annotations

import pytest

from selextract_infra.assess.bottleneck import bottlenecks, signatures_of
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.samples import Samples
from selextract_infra.policy import default_policy, load_policy

SIGNATURES = signatures_of(default_policy())


def series(metric: str, values: list[float], role: str | None = None) -> Measurement:
    return Measurement(metric, role or "app1", Samples([15.0 * n for n in range(1, len(values) + 1)], values, 15), role)


def test_the_six_signatures_of_the_guide() -> None:
    assert [one.item for one in SIGNATURES] == [f"BOT-0{number}" for number in range(1, 7)]
    assert [one.kind for one in SIGNATURES] == ["primary"] * 3 + ["secondary"] * 3


def test_the_most_pressed_comes_first() -> None:
    found = bottlenecks(
        [
            series("cpu_usage", [0.7] * 8, "worker"),
            series("database_connections", [29] * 8),
            series("response_time_p95", [0.534] * 8),
            series("network_bandwidth", [0.35] * 8),
        ],
        SIGNATURES,
        120,
        120,
    )
    assert [(one.rank, one.item, round(one.pressure, 3)) for one in found] == [
        (1, "BOT-03", 1.068),
        (2, "BOT-01", 1.0),
        (3, "BOT-02", 0.967),
        (4, "BOT-06", 0.5),
    ]


def test_a_peak_of_ninety_percent_is_a_bottleneck_at_a_low_average() -> None:
    found = bottlenecks([series("cpu_usage", [0.3] * 7 + [0.9], "worker")], SIGNATURES, 120, 120)
    assert found[0].pressure == pytest.approx(1.0)
    assert (found[0].value, found[0].threshold) == (0.9, 0.9)


def test_another_role_is_not_the_workers_bottleneck() -> None:
    assert bottlenecks([series("cpu_usage", [0.99] * 8, "api")], SIGNATURES, 120, 120) == ()
    assert bottlenecks([series("cpu_usage", [0.99] * 8)], SIGNATURES, 120, 120) == ()


def test_at_equal_pressure_the_primary_one_comes_first() -> None:
    found = bottlenecks(
        [series("network_bandwidth", [0.7] * 8), series("database_connections", [30] * 8)], SIGNATURES, 120, 120
    )
    assert [one.kind for one in found] == ["primary", "secondary"]


def test_the_threshold_follows_the_policy() -> None:
    policy = load_policy({"limits": {"soft": {"database_connections": {"limit": "60 connections"}}}})
    found = bottlenecks([series("database_connections", [30] * 8)], signatures_of(policy), 120, 120)
    assert found[0].pressure == pytest.approx(0.5)
