"""The Plan of tuning workers and API: variables that are mapped, one instance at a time, nothing unmapped."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.saved import rebuild_unchanged
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.traffic import BalancerObservation, TrafficObservation, TrafficWindow
from selextract_infra.plan import tune_workers
from selextract_infra.policy import Policy
from tests.unit.seen import GB, container, host, observation, policy

MAPPED = {
    "worker": {
        "environment": {"concurrency": "CELERY_CONCURRENCY", "prefetch": "PREFETCH", "task_memory": "TASK_MEMORY"},
        "longest_task": "40s",
    },
    "api": {"runtime": "python", "environment": {"concurrency": "WEB_CONCURRENCY", "dsn": "DATABASE_URL"}},
}
POLICY = policy(MAPPED)


def seen(*concurrency: float, grace: float = 60, **project: Any) -> Observation:
    """Workers with these numbers of tasks at once, and one instance of the API."""
    workers = [
        container("worker", number=number, memory=3 * GB, numbers={"CELERY_CONCURRENCY": value, "PREFETCH": 1,
                  "TASK_MEMORY": 262144}, stop_grace_seconds=grace)
        for number, value in enumerate(concurrency, 1)
    ]  # fmt: skip
    return observation(host([*workers, container("api", numbers={"WEB_CONCURRENCY": 4})], project=project))


def decided(plan: Plan, service: str = "worker") -> dict[str, Decision]:
    return {one.resource: one for one in plan.decisions if one.service == service}


def test_what_differs_is_written_and_every_instance_is_replaced() -> None:
    plan = tune_workers(seen(2, 2), POLICY)
    concurrency = decided(plan)["concurrency"]
    assert (concurrency.current, concurrency.granted, concurrency.verdict) == (2, 3, Verdict.RAISE)
    (step,) = plan.steps
    values = step.values["app1"]
    assert values["capacity"]["services"] == {"worker": {"environment": {"CELERY_CONCURRENCY": 3}}}
    assert values["settle"][0]["containers"] == ["selextract-worker-1", "selextract-worker-2"]
    assert not step.disrupts
    assert [(one.resource, one.before, one.after) for one in step.changes] == [("concurrency", 2, 3)]


def test_a_second_run_has_nothing_to_do() -> None:
    assert tune_workers(seen(3, 3), POLICY).empty


def test_one_instance_that_differs_is_enough() -> None:
    assert len(tune_workers(seen(3, 2), POLICY).steps) == 1


def test_processes_that_may_open_too_many_connections_are_a_finding() -> None:
    crowded = observation(
        host([container("api", number=number, cpus=2.0, numbers={"WEB_CONCURRENCY": 1}) for number in range(1, 6)])
    )
    (finding,) = [one for one in tune_workers(crowded, POLICY).findings if one.rule == "X-13"]
    assert "4 processes of 5 instances of api may open 400 connections where 197 can be" in finding.sentence
    assert not [one for one in tune_workers(seen(2, 2), POLICY).findings if one.rule == "X-13"]


def test_a_single_instance_disrupts() -> None:
    assert tune_workers(seen(2), POLICY).disrupts


def test_an_instance_gets_the_time_that_its_longest_task_needs() -> None:
    (step,) = tune_workers(seen(2, 2, grace=10), POLICY).steps
    assert step.values["app1"]["settle"][0]["stop_grace"] == 48
    findings = tune_workers(seen(2, 2, grace=10), POLICY).findings
    assert any("killed 10 s after" in one.sentence and "48s" in one.resolution for one in findings)
    longer = tune_workers(seen(2, 2), POLICY, longest_task=100).steps[0]
    assert longer.values["app1"]["settle"][0]["stop_grace"] == 120


def test_what_is_not_mapped_is_refused_by_name() -> None:
    plan = tune_workers(seen(3, 3), POLICY)
    browsers = decided(plan)["browser_instances"]
    assert browsers.verdict is Verdict.REFUSED
    assert browsers.why_less is not None
    assert "names no variable" in browsers.why_less
    assert decided(plan, "api")["max_requests"].verdict is Verdict.REFUSED


def test_other_settings_of_ours_stay_in_the_file() -> None:
    ours = {"services": {"api": {"mem_limit": 1}, "worker": {"cpus": 1.5, "environment": {"OTHER": "x"}}}}
    (step,) = tune_workers(seen(2, 2, capacity_file=ours), POLICY).steps
    assert step.values["app1"]["capacity"]["services"] == {
        "api": {"mem_limit": 1},
        "worker": {"cpus": 1.5, "environment": {"OTHER": "x", "CELERY_CONCURRENCY": 3}},
    }


def test_a_later_service_keeps_what_an_earlier_one_wrote() -> None:
    rules = policy({**MAPPED, "api": {**MAPPED["api"], "environment": {"concurrency": "WEB", "max_requests": "REQS"}}})
    first, second = tune_workers(seen(2, 2), rules).steps
    assert set(first.values["app1"]["capacity"]["services"]) == {"worker"}
    assert set(second.values["app1"]["capacity"]["services"]) == {"worker", "api"}


def test_a_service_can_be_named_and_has_to_be_a_tuned_one() -> None:
    assert {one.service for one in tune_workers(seen(2, 2), POLICY, service="api").decisions} == {"api"}
    with pytest.raises(UsageError, match="redis is not mapped as a worker or an API"):
        tune_workers(seen(2, 2), POLICY, service="redis")


def test_a_worker_without_room_for_one_task_is_refused_by_name() -> None:
    small = observation(host([container("worker", memory=GB // 2)]))
    with pytest.raises(RefusedError, match="worker on app1: One task with its browser needs"):
        tune_workers(small, POLICY)


@pytest.mark.parametrize("pool", ["threads", "gevent", "eventlet", "solo", "our.pool:TaskPool"])
def test_a_worker_whose_pool_has_no_processes_is_refused_by_name_and_never_cut_without_a_word(pool: str) -> None:
    other = observation(host([container("worker", worker_pool=pool, numbers={"CELERY_CONCURRENCY": 100.0})]))
    with pytest.raises(RefusedError, match=f"worker on app1: Its Celery pool is {pool}, "):
        tune_workers(other, POLICY)


@pytest.mark.parametrize("pool", [None, "prefork", "processes"])
def test_a_pool_of_processes_is_tuned(pool: str | None) -> None:
    found = observation(host([container("worker", worker_pool=pool)]))
    assert any(one.changes for one in tune_workers(found, POLICY).decisions)


def test_where_nothing_runs_that_is_said() -> None:
    with pytest.raises(RefusedError, match="mapped as a worker or an API"):
        tune_workers(observation(host([container("redis")])), POLICY)


def test_a_saved_plan_gives_the_same_steps_again() -> None:
    plan = tune_workers(seen(2, 2), POLICY)
    assert rebuild_unchanged(Plan.model_validate_json(plan.model_dump_json()), POLICY) == plan


@pytest.mark.parametrize(
    "update",
    [
        {"numbers": {"variable": "PATH", "wanted": 3}}, {"granted": 0}, {"resource": "browser_instances"},
        {"service": "redis"}, {"host": "app9"},
    ],
)  # fmt: skip
def test_decisions_that_tuning_never_makes_are_refused(update: dict[str, Any]) -> None:
    plan = tune_workers(seen(2, 2), POLICY)
    edited = tuple(
        one.model_copy(update=update) if one.resource == "concurrency" and one.service == "worker" else one
        for one in plan.decisions
    )
    with pytest.raises(RefusedError, match="tuning never does"):
        rebuild_unchanged(plan.model_copy(update={"decisions": edited}), POLICY)


def test_foreign_keys_and_foreign_parameters_are_refused() -> None:
    plan = tune_workers(seen(2, 2), POLICY)
    projects = {"app1": {**plan.parameters["projects"]["app1"], "capacity": {"api": {"privileged": True}}}}
    with pytest.raises(RefusedError, match="not ours"):
        rebuild_unchanged(plan.model_copy(update={"parameters": {"projects": projects}}), POLICY)
    with pytest.raises(UsageError, match="do not fit tuning"):
        rebuild_unchanged(plan.model_copy(update={"parameters": {}}), POLICY)


def test_the_mapping_is_the_only_source_of_names() -> None:
    unmapped: Policy = policy({"worker": {"longest_task": "40s"}})
    plan = tune_workers(seen(2, 2), unmapped)
    assert plan.empty
    assert decided(plan)["concurrency"].verdict is Verdict.REFUSED


def busy(rate: float) -> Observation:
    """An API whose balancer has seen that many requests per second for ten minutes."""
    window = TrafficWindow(seconds=600, covered=600, requests=round(rate * 600))
    balancer = BalancerObservation(project="selextract", service="api", windows=(window,))
    return observation(host([container("api")], traffic=TrafficObservation(balancer=balancer)))


def rules(plan: Plan) -> dict[str, str]:
    """The sentences of the findings by their rules."""
    return {finding.rule: finding.sentence for finding in plan.findings}


def test_on_a_system_of_ones_own_the_measured_rate_is_reckoned_with_and_the_guides_never() -> None:
    own = policy(MAPPED, profile="own")
    assert "X-18" not in rules(tune_workers(busy(2), own))
    assert "At 300 requests/s" in rules(tune_workers(busy(300), own))["X-18"]
    assert "X-18" not in rules(tune_workers(seen(3), own))
    assert "At 200 requests/s" in rules(tune_workers(busy(2), POLICY))["X-18"]


def test_a_measured_rate_beats_what_the_team_assumes_and_the_difference_is_a_finding() -> None:
    assumed = {"api": {"throughput": {"low": "150/second", "high": "200/second"}}}
    own = policy(MAPPED, profile="own", baseline=assumed)
    found = rules(tune_workers(busy(2), own))
    assert found["baseline.api.throughput"] == "2 requests/s are measured, and the policy assumes 150 to 200."
    assert "X-18" not in found
    assert "baseline.api.throughput" not in rules(tune_workers(busy(180), own))
    assert "baseline.api.throughput" not in rules(tune_workers(seen(3), own))
