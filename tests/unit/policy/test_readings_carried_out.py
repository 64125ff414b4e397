"""What the guide leaves open is carried out as it is stated, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin

import pytest

from selextract_infra.assess.assessment import assess_measurements
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.samples import Samples
from selextract_infra.assess.scaling_inputs import samples_of
from selextract_infra.errors import PolicyError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.operations.watch.readings import readings_of
from selextract_infra.policy import Policy, load_policy
from selextract_infra.policy.section import PolicyReading, bound_annotations, row_of, section_in
from tests.unit.operations.watch.test_memory import rules, server, traffic
from tests.unit.seen import GB

NOW = datetime(2025, 3, 5, 12, tzinfo=UTC)


def readings(kind: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Each reading of the schema that is no row of a table, with the type of its value."""
    fields = (
        {name: field.annotation for name, field in Policy.model_fields.items()}
        if kind is Policy
        else bound_annotations(kind)
    )
    for name, annotation in fields.items():
        section = section_in(annotation)
        if section is PolicyReading:
            yield ".".join((*path, name)), get_args(annotation)[0]
        elif section is not None and row_of(annotation) is None:
            yield from readings(annotation, (*path, name))


FIXED = [
    (path, get_args(kind)[0])
    for path, kind in readings(Policy)
    if get_origin(kind) is Literal and len(get_args(kind)) == 1
]


def stating(path: str, value: Any) -> dict[str, Any]:
    stated: Any = {"stated": value}
    for name in reversed(path.split(".")):
        stated = {name: stated}
    return dict(stated)


def test_the_readings_of_which_one_alone_is_carried_out_are_these() -> None:
    assert [path for path, _ in FIXED] == [
        "growth.storage_basis",
        "balancing.health_check.prober",
        "balancing.analytics.with_no_replica",
        "emergency.single_flight",
        "sizing.memory_units",
    ]


@pytest.mark.parametrize(("path", "only"), FIXED)
def test_what_is_not_carried_out_is_refused_by_name(path: str, only: Any) -> None:
    load_policy(stating(path, only))
    with pytest.raises(PolicyError, match=rf'{path}.stated: "other" is not carried out; accepted: ') as refused:
        load_policy(stating(path, "other"))
    assert "\n" not in str(refused.value)


def test_a_maintenance_floor_is_refused_by_name() -> None:
    with pytest.raises(PolicyError, match=r"unknown key maintenance\.floor"):
        load_policy({"maintenance": {"floor": {"stated": "min_instances"}}})


def of_api(metric: str, value: float) -> Measurement:
    at = [NOW.timestamp() - 15 * step for step in range(40, -1, -1)]
    return Measurement(metric, "app1/api", Samples(tuple(at), (value,) * len(at)), "api")


def severity(policy: Policy, *measurements: Measurement) -> IncidentSeverity | None:
    response = assess_measurements(list(measurements), policy, NOW, source="test").response
    return response.severity if response else None


def test_one_condition_starts_the_emergency_or_all_of_them_as_the_policy_says() -> None:
    errors, slow = of_api("error_rate", 0.2), of_api("response_time_p95", 6.0)
    full = [of_api("cpu_usage", 0.97), of_api("memory_usage", 0.97)]
    together = load_policy(stating("emergency.combination", "all"))
    assert severity(load_policy(), errors) is IncidentSeverity.P1
    assert severity(together, errors, slow) is IncidentSeverity.P2
    assert severity(together, errors, slow, *full) is IncidentSeverity.P1


def test_the_criteria_of_a_severity_are_the_policy_s() -> None:
    criteria = {"P1": ["service down"], "P3": ["automatic trigger"]}
    policy = load_policy(stating("emergency.classification.criteria", criteria))
    assert severity(policy, of_api("error_rate", 0.2)) is IncidentSeverity.P3
    with pytest.raises(PolicyError, match='"bad mood" is not carried out'):
        load_policy(stating("emergency.classification.criteria", {"P1": ["bad mood"]}))


def test_pending_tasks_are_those_that_are_queued_with_or_without_those_that_are_held() -> None:
    busy = traffic()
    assert busy.redis is not None
    held = busy.model_copy(update={"redis": busy.redis.model_copy(update={"queued": 7, "reserved": 5})})
    there = server(traffic=held)
    for stated, count in ((None, 12.0), ("queued", 7.0)):
        policy = rules(**stating("scaling.worker.pending", stated))
        assert samples_of(there, policy)["worker"]["pending_tasks"] == count
        assert ("worker", "pending_tasks", count) in list(readings_of(there, policy))


def test_triggers_look_at_each_service_or_at_the_host_as_the_policy_says() -> None:
    there = server(cpu=1.0)
    there = there.model_copy(update={"facts": there.facts.model_copy(update={"memory_available": 64 * GB})})
    own = samples_of(there, rules())["api"]
    whole = samples_of(there, rules(**stating("trigger_rules.metric_scope", "host")))
    assert own["cpu_usage"] == 0.5
    assert whole["api"]["cpu_usage"] == whole["worker"]["cpu_usage"] == 7 / 64
    assert whole["api"]["memory_usage"] == 0.75
