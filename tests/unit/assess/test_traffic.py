from __future__ import annotations

import pytest

from selextract_infra.assess.traffic import traffic_measurements
from selextract_infra.flow.assess import assess_seen
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.observation import Observation
from selextract_infra.model.traffic import BalancerObservation, TrafficObservation, TrafficWindow
from tests.unit.seen import container, host, observation, policy


def seen(failed: int, *, p95: float = 0.2, covered: float = 300.0) -> Observation:
    windows = tuple(
        TrafficWindow(seconds=one, covered=min(one, covered), requests=1000, failed=failed, p95=p95)
        for one in (60.0, 120.0, 300.0)
    )
    balancer = BalancerObservation(project="selextract", service="api", windows=windows)
    return observation(host([container("api")], traffic=TrafficObservation(balancer=balancer)))


@pytest.mark.parametrize(
    ("failed", "p95", "severity"),
    [
        (101, 0.2, IncidentSeverity.P1),  # > 10 %
        (100, 0.2, IncidentSeverity.P2),  # exactly 10 % is above 5 % and not above 10 % (X-15)
        (51, 0.2, IncidentSeverity.P2),
        (0, 5.001, IncidentSeverity.P1),
        (0, 2.5, IncidentSeverity.P2),
        (0, 0.2, None),
    ],
)
def test_one_look_at_the_log_is_enough_for_a_severity(
    failed: int, p95: float, severity: IncidentSeverity | None
) -> None:
    response = assess_seen(seen(failed, p95=p95), policy()).assessment.response
    assert (response.severity if response else None) is severity


def test_a_log_that_does_not_reach_back_says_nothing() -> None:
    assert traffic_measurements(seen(900, covered=20.0), policy()) == ()


def test_each_time_has_the_shortest_window_that_covers_it() -> None:
    found = {one.metric: one.samples for one in traffic_measurements(seen(0), policy())}
    assert found["requests_per_second"].values == (
        *[1000 / 300] * 6,
        *[1000 / 120] * 2,
        *[1000 / 60] * 2,
    )
