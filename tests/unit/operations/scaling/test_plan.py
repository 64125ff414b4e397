from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.saved import rebuild, rebuild_unchanged
from selextract_infra.model.plan import Plan
from selextract_infra.model.traffic import BalancerObservation, EdgeObservation, TrafficObservation
from selextract_infra.operations.scaling.plan import scaled_project
from selextract_infra.operations.scaling.steps import scale_steps
from selextract_infra.plan import scale
from tests.unit.seen import GB, container, definition, host, observation, policy

BALANCED = TrafficObservation(balancer=BalancerObservation(project="selextract", service="api"))
POLICY = policy({"api": {"health": "http://127.0.0.1/health"}, "worker": {"longest_task": "100s"}})
OVERRIDES = ("X-09", "X-13")


def seen(api: int = 2, workers: int = 2, traffic: TrafficObservation = BALANCED, **more: Any) -> Any:
    """An app with so many instances, its API counted by ``scale`` and its workers by ``deploy.replicas``."""
    containers = [
        *(container("api", number=number, memory=GB, stop_grace_seconds=30.0) for number in range(1, api + 1)),
        *(container("worker", number=number, memory=GB, stop_grace_seconds=60.0) for number in range(1, workers + 1)),
    ]
    said = [definition("api", count_form="service"), definition("worker", count_form="deploy")]
    return observation(host(containers, definitions=said, traffic=traffic, **more))


def values(plan: Plan, step: int = 0) -> dict[str, Any]:
    """What the playbook reads for the only host."""
    return plan.steps[step].values["app1"]


def test_instances_come_one_by_one_and_the_count_is_written_in_the_apps_form() -> None:
    plan = scale(seen(), POLICY, {"api": 4, "worker": 3}, overrides=OVERRIDES)
    assert [step.id for step in plan.steps] == ["scale-app1-api", "scale-app1-worker"]
    assert values(plan)["targets"] == [3, 4]
    assert values(plan)["leaving"] == []
    assert values(plan)["capacity"] == {"services": {"api": {"scale": 4}}}
    both = {"api": {"scale": 4}, "worker": {"deploy": {"replicas": 3}}}
    assert values(plan, 1)["capacity"] == {"services": both}
    assert values(plan)["health"] == ["http://127.0.0.1/health"]
    assert not plan.disrupts


def test_an_emergency_may_create_them_together() -> None:
    plan = scale(seen(), POLICY, {"worker": 7}, overrides=OVERRIDES)
    projects = {"app1": scaled_project(seen().hosts[0], POLICY)}
    targets = [scale_steps(plan.decisions, projects, POLICY, at_once=n)[0].values["app1"]["targets"] for n in (1, 2, 9)]
    assert targets == [[3, 4, 5, 6, 7], [4, 6, 7], [7]]


def test_the_newest_leave_first_and_what_is_broken_before_them() -> None:
    plan = scale(seen(api=4), POLICY, {"api": 2}, overrides=OVERRIDES)
    assert values(plan)["leaving"] == ["selextract-api-4", "selextract-api-3"]
    assert values(plan)["targets"] == []
    there = seen(api=4).hosts[0]
    containers = tuple(
        one.model_copy(
            update={"state": "exited"} if one.number == 1 else {"health": "unhealthy"} if one.number == 2 else {}
        )
        for one in there.containers
    )
    sick = observation(there.model_copy(update={"containers": containers}))
    leaving = values(scale(sick, POLICY, {"api": 2}, overrides=OVERRIDES))["leaving"]
    assert leaving == ["selextract-api-1", "selextract-api-2"]


def test_what_leaves_has_time_for_its_longest_request_or_task() -> None:
    api = values(scale(seen(api=4), POLICY, {"api": 2}, overrides=OVERRIDES))
    assert api["stop_grace"] >= POLICY.balancing.proxy.answer
    assert api["drain_seconds"] == POLICY.balancing.proxy.drain
    worker = scale(seen(workers=4), POLICY, {"worker": 2}, overrides=OVERRIDES)
    assert values(worker)["stop_grace"] == pytest.approx(100 * (1 + POLICY.workers.grace_margin))
    assert worker.steps[0].timeout_seconds > values(worker)["stop_grace"]


def test_that_streams_are_cut_is_said_before() -> None:
    edge = EdgeObservation(project="selextract", service="nginx", folder="/srv", answer=300.0)
    traffic = BALANCED.model_copy(update={"edge": edge})
    fewer = scale(seen(api=4, traffic=traffic), POLICY, {"api": 2}, overrides=OVERRIDES).steps[0]
    assert fewer.title.endswith(
        "streams and downloads that still go on after 70 s are cut, and their clients connect again"
    )
    assert fewer.timeout_seconds >= POLICY.scaling.instance.timeout + 300
    more = scale(seen(api=2, traffic=traffic), POLICY, {"api": 3}, overrides=OVERRIDES).steps[0]
    assert "cut" not in more.title


def test_other_keys_of_our_file_stay() -> None:
    held = {"capacity_file": {"services": {"api": {"mem_limit": GB}, "redis": {"cpus": 0.5}}}}
    plan = scale(seen(project=held), POLICY, {"api": 3}, overrides=OVERRIDES)
    assert values(plan)["capacity"]["services"] == {"api": {"mem_limit": GB, "scale": 3}, "redis": {"cpus": 0.5}}


def test_the_same_counts_are_an_empty_plan() -> None:
    plan = scale(seen(), POLICY, {"api": 2, "worker": 2}, overrides=OVERRIDES)
    assert plan.empty
    assert plan.overrides == ()


def test_a_saved_plan_gives_the_same_steps() -> None:
    plan = scale(seen(api=4), POLICY, {"api": 2, "worker": 5}, overrides=OVERRIDES)
    saved = Plan.model_validate_json(plan.model_dump_json())
    assert rebuild_unchanged(saved, POLICY).digest == plan.digest


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"granted": 0}, "no service can have that many"),
        ({"granted": 100_000}, "no service can have that many"),
        ({"granted": None}, "no service can have that many"),
        ({"service": "postgres"}, "its instances are not counted"),
        ({"host": "app9"}, "its instances are not counted"),
        ({"resource": "memory"}, "scaling does not change that"),
        ({"current": 9}, "it does not have as many as the plan says"),
    ],
)
def test_decisions_that_scaling_never_makes_are_refused(update: dict[str, Any], reason: str) -> None:
    plan = scale(seen(), POLICY, {"api": 3}, overrides=OVERRIDES)
    edited = plan.model_copy(update={"decisions": (plan.decisions[0].model_copy(update=update),)})
    with pytest.raises(RefusedError, match=reason):
        rebuild(edited, POLICY)


def test_parameters_that_do_not_fit_are_a_usage_error_and_foreign_keys_are_refused() -> None:
    plan = scale(seen(), POLICY, {"api": 3}, overrides=OVERRIDES)
    with pytest.raises(UsageError, match="do not fit scaling"):
        rebuild(plan.model_copy(update={"parameters": {"projects": []}}), POLICY)
    projects = {"app1": {**plan.parameters["projects"]["app1"], "capacity": {"api": {"privileged": True}}}}
    with pytest.raises(RefusedError, match="what is not ours"):
        rebuild(plan.model_copy(update={"parameters": {"projects": projects}}), POLICY)


def test_stopped_instances_are_started_before_any_is_created_and_leave_before_any_that_runs() -> None:
    running = [container("worker", number=number, memory=GB) for number in (1, 2)]
    stopped = [container("worker", number=number, memory=GB, state="exited", use=None) for number in (3, 4)]
    shown = observation(host([*running, *stopped]))
    (more,) = scale(shown, policy(), {"worker": 5}, overrides=("X-09", "X-13")).steps
    assert more.values["app1"]["targets"] == [4, 5]  # below four Compose would remove one of its own choice
    (fewer,) = scale(shown, policy(), {"worker": 1}, overrides=("HWRK-01",)).steps
    assert fewer.values["app1"]["leaving"] == ["selextract-worker-3", "selextract-worker-4", "selextract-worker-2"]
