from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.rules import rules_of
from selextract_infra.assess.samples import Samples
from selextract_infra.assess.severity import Signals, classify, respond, step_clock
from selextract_infra.assess.thresholds import judge_all
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.policy import default_policy, load_policy

POLICY = default_policy()
RULES = rules_of(POLICY)
AT = datetime(2025, 11, 20, 2, 0, tzinfo=UTC)
NOW = AT.timestamp()


def severity_of(*readings: tuple[str, float], signals: Signals | None = None) -> IncidentSeverity | None:
    at = [NOW - 15 * (39 - number) for number in range(40)]
    measurements = [Measurement(metric, "api", Samples(at, [value] * 40, 15)) for metric, value in readings]
    found = classify(judge_all(measurements, RULES, NOW, baseline=205.76), POLICY, signals)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    ("readings", "severity"),
    [
        ([("cpu_usage", 0.5)], None),
        ([("cpu_usage", 0.75)], IncidentSeverity.P3),
        ([("cpu_usage", 0.86)], IncidentSeverity.P2),
        ([("cpu_usage", 0.96)], IncidentSeverity.P1),
        ([("memory_usage", 0.96)], IncidentSeverity.P1),
        ([("error_rate", 0.05)], IncidentSeverity.P3),
        ([("error_rate", 0.06)], IncidentSeverity.P2),
        ([("error_rate", 0.11)], IncidentSeverity.P1),
        ([("response_time_p95", 5.1)], IncidentSeverity.P1),
        ([("concurrent_users", 2000.0)], None),  # a limit of planning, not an incident
        ([("requests_per_second", 1000.0)], None),
        ([("pending_tasks", 500.0)], IncidentSeverity.P2),
        ([("requests_per_second", 50.0)], None),  # low throughput alone: every night
        ([("requests_per_second", 50.0), ("error_rate", 0.02)], IncidentSeverity.P2),
        ([("requests_per_second", 50.0), ("cpu_usage", 0.75)], IncidentSeverity.P3),
    ],
)
def test_readings_make_a_severity(readings: list[tuple[str, float]], severity: IncidentSeverity | None) -> None:
    assert severity_of(*readings) is severity


def test_what_two_thresholds_say_of_one_reading_is_said_once() -> None:
    at = [NOW - 15 * (39 - number) for number in range(40)]
    twice = [Measurement("cpu_usage", "api", Samples(at, [0.86] * 40, 15))] * 2
    found = classify(judge_all(twice, RULES, NOW, baseline=205.76), POLICY)
    assert found is not None
    assert len(set(found[1])) == len(found[1])


@pytest.mark.parametrize(
    ("signals", "severity"),
    [
        (Signals(down=("api",)), IncidentSeverity.P1),
        (Signals(breaker_open=("api",)), IncidentSeverity.P1),
        (Signals(days_left={"storage": 6.9}), IncidentSeverity.P3),
        (Signals(days_left={"storage": 7.0}), IncidentSeverity.P4),
        (Signals(days_left={"storage": 29.9}), IncidentSeverity.P4),
        (Signals(days_left={"storage": 30.0}), None),
    ],
)
def test_signals_make_a_severity(signals: Signals, severity: IncidentSeverity | None) -> None:
    assert severity_of(signals=signals) is severity


@pytest.mark.parametrize("use", [0.8, 0.99, 1.0, 1.5])
def test_a_single_reading_wakes_nobody(use: float) -> None:
    single = Measurement("cpu_usage", "app1", Samples([NOW], [use]))
    assert classify(judge_all([single], RULES, NOW), POLICY) is None


@pytest.mark.parametrize(
    ("severity", "minutes", "channels", "action"),
    [
        (IncidentSeverity.P1, 5, ("page",), "emergency scale-out"),
        (IncidentSeverity.P2, 15, ("slack", "email"), "urgent scale-out"),
        (IncidentSeverity.P3, 60, ("email",), "planned scale-out"),
        (IncidentSeverity.P4, 240, ("ticket",), "scheduled scale-out"),
    ],
)
def test_deadlines_count_from_detection(
    severity: IncidentSeverity, minutes: int, channels: tuple[str, ...], action: str
) -> None:
    response = respond(severity, ("because",), AT, POLICY)
    assert response.respond_by - AT == timedelta(minutes=minutes)
    assert response.channels == channels
    assert response.action == action


def test_only_p1_escalates_after_fifteen_minutes() -> None:
    assert respond(IncidentSeverity.P1, (), AT, POLICY).escalate_at == AT + timedelta(minutes=15)
    assert respond(IncidentSeverity.P2, (), AT, POLICY).escalate_at is None


def test_the_playbook_by_the_clock() -> None:
    minutes = [
        (step.starts_at - AT, None if step.ends_at is None else step.ends_at - AT) for step in step_clock(AT, POLICY)
    ]
    assert minutes == [
        (timedelta(0), timedelta(minutes=5)),
        (timedelta(minutes=5), timedelta(minutes=15)),
        (timedelta(minutes=15), timedelta(minutes=30)),
        (timedelta(minutes=30), None),
    ]


def test_a_detection_without_a_time_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="time zone"):
        respond(IncidentSeverity.P1, (), AT.replace(tzinfo=None), POLICY)


def test_the_policy_sets_the_deadline() -> None:
    policy = load_policy({"emergency": {"severities": {"P1": {"respond": "2 minutes"}}}})
    assert respond(IncidentSeverity.P1, (), AT, policy).respond_by == AT + timedelta(minutes=2)
