from __future__ import annotations

from datetime import timedelta

from selextract_infra.assess.assessment import assess
from selextract_infra.assess.emergency_effect import drill_findings, kept_readings, validated
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.samples import Samples
from selextract_infra.model.assessment import Assessment
from selextract_infra.model.emergency import Validation
from selextract_infra.model.observation import Observation
from tests.unit.assess.test_incident import server
from tests.unit.seen import AT, host, observation, policy

HOUR = 3600.0


def measured(seen: Observation, **values: float) -> Assessment:
    """An Assessment with a minute of samples of some metrics besides what was seen."""
    subjects = {"database_connections": "app1/postgres"}
    stamps = tuple(AT.timestamp() - 60 + step * 5 for step in range(13))
    more = [
        Measurement(metric, subjects.get(metric, "app1/api"), Samples(stamps, (value,) * 13, 5.0))
        for metric, value in values.items()
    ]
    return assess(seen, policy(), more=more)


def verdict(before: dict[str, float], after: dict[str, float], seen: Observation | None = None) -> Validation:
    calm = observation(server())
    then = kept_readings(measured(calm, **before).judgements)
    return validated(then, measured(seen or calm, **after), seen or calm, policy(), at=AT)


def test_readings_are_compared_by_metric_and_subject() -> None:
    found = verdict({"error_rate": 0.12, "response_time_p95": 6.0}, {"error_rate": 0.002, "response_time_p95": 0.4})
    told = {one.metric: (one.before, one.after, one.better) for one in found.effect if one.subject == "app1/api"}
    assert told["error_rate"] == (0.12, 0.002, True)
    assert told["response_time_p95"] == (6.0, 0.4, True)
    assert found.recovered


def test_more_requests_are_better_and_fewer_are_not() -> None:
    found = verdict({"requests_per_second": 100.0}, {"requests_per_second": 60.0})
    assert [one.better for one in found.effect if one.metric == "requests_per_second"] == [False]


def test_what_was_not_measured_before_is_neither_better_nor_worse() -> None:
    found = verdict({}, {"error_rate": 0.0})
    assert [one.better for one in found.effect if one.metric == "error_rate"] == [None]


def test_a_difference_that_nobody_can_see_in_the_figures_is_no_improvement() -> None:
    found = verdict({"response_time_p95": 0.4003}, {"response_time_p95": 0.4001})
    assert [one.better for one in found.effect if one.metric == "response_time_p95"] == [None]
    assert found.sentence.startswith("0 of ")


def test_an_error_rate_that_stays_critical_has_not_recovered() -> None:
    found = verdict({"error_rate": 0.12}, {"error_rate": 0.08})
    assert not found.recovered
    assert any("error_rate" in reason for reason in found.unrecovered)


def test_a_container_that_is_not_healthy_has_not_recovered() -> None:
    there = [
        one.model_copy(update={"health": "starting"}) if one.name == "selextract-api-2" else one
        for one in server().containers
    ]
    found = verdict({}, {}, observation(host(there)))
    assert found.unrecovered == ("selextract-api-2 is starting",)


def test_connections_that_run_out_since_are_a_cascade() -> None:
    found = verdict({"database_connections": 20.0}, {"database_connections": 198.0})
    assert [(one.rule, one.subject) for one in found.cascades] == [("EPB-3.3", "app1/postgres")]


def test_what_was_bad_before_is_no_cascade() -> None:
    assert verdict({"database_connections": 198.0}, {"database_connections": 198.0}).cascades == ()


def test_a_drill_counts_for_its_time_and_is_then_overdue() -> None:
    every = timedelta(seconds=policy().emergency.drill_every)
    assert every == timedelta(days=90)
    assert drill_findings(AT - every, policy(), AT) == ()
    (overdue,) = drill_findings(AT - every - timedelta(seconds=1), policy(), AT)
    assert (overdue.rule, "2025-12-01" in overdue.sentence) == ("REC-05", True)
    assert "never" in drill_findings(None, policy(), AT)[0].sentence
