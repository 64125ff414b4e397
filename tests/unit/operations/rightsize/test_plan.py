from __future__ import annotations

from typing import Any

import pytest

import selextract_infra as sx
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.limit_steps import settle_values
from selextract_infra.hosts.steps import acts_of
from selextract_infra.model.observation import Observation, SamplerStatus
from selextract_infra.model.plan import Plan
from selextract_infra.plan import rightsize
from tests.unit.seen import AT, GB, MB, container, definition, history, host, observation, one, policy

HEALTHY = policy({"api": {"health": "http://127.0.0.1:8080/api/v1/health"}, "nginx": {"health": "http://127.0.0.1/"}})


def twins(**more: Any) -> Observation:
    """Two instances of the API, far too large, behind Nginx, which is right."""
    containers = [container("api", number=number, stop_grace_seconds=30.0) for number in (1, 2)]
    histories = [history("api", memory=600 * MB, cpu=0.3), history("nginx", memory=1220 * MB, cpu=1.2)]
    definitions = [definition("api", replicas=2), definition("nginx")]
    return observation(host([*containers, container("nginx")], histories, definitions=definitions, **more))


def test_the_library_offers_it() -> None:
    plan = sx.plan.rightsize(twins(), HEALTHY)
    assert isinstance(plan, Plan)
    assert (plan.operation, plan.made_at, plan.made_by) == ("rightsize", AT, "")
    assert plan.hosts == ("app1",)
    assert plan.host_digests == twins().host_digests
    assert plan.policy_digest == HEALTHY.digest


def test_one_step_in_place_says_exactly_what_the_host_is_given() -> None:
    (step,) = rightsize(twins(), HEALTHY).steps
    assert (step.id, step.playbook, step.hosts) == ("rightsize", "selextract.infra.rightsize", ("app1",))
    assert step.values == {
        "app1": {
            "project": "selextract",
            "directory": "/opt/selextract",
            "health": ["http://127.0.0.1:8080/api/v1/health", "http://127.0.0.1/"],
            "answering": ["api", "nginx"],
            "settling_seconds": 10.0,
            "gate_seconds": 60.0,
            "shrink_margin": 0.1,
            "policy_digest": HEALTHY.digest,
            "services": {"api": {"cpus": 0.5, "memory": 1008 * MB, "swap": 1008 * MB, "form": "service"}},
            "recreated": {},
            "capacity": {
                "services": {"api": {"memswap_limit": 1008 * MB, "mem_limit": 1008 * MB, "cpus": 0.5}},
            },
        }
    }
    assert [(change.resource, change.before, change.after) for change in step.changes] == [
        ("memory", 2 * GB, 1008 * MB),
        ("cpus", 2.0, 0.5),
    ]
    assert not step.disrupts
    assert (step.estimate_seconds, step.rollback_seconds, step.timeout_seconds) == (30.0, 30.0, 300.0)


def test_an_overridden_limit_is_watched_for_as_long_as_the_memory_trigger_waits() -> None:
    asked: dict[str, Any] = {"service": "api", "memory": 900 * MB}
    (step,) = rightsize(twins(), HEALTHY, **asked, overrides=["X-06"]).steps
    assert step.values["app1"]["watched"] == {"services": ["api"], "share": 0.8, "seconds": 180.0}
    assert "watched for 3 min, because X-06 is overridden: where 80 % of its limit" in step.verification
    assert (step.estimate_seconds, step.timeout_seconds) == (210.0, 660.0)
    acts = [act.name for act in acts_of(step.playbook, step.values["app1"])]
    assert acts == ["container_limits", "capacity_file", "memory_watch", "health_gate"]


def test_an_overridden_limit_that_only_a_new_container_can_have_is_watched_once_that_runs() -> None:
    containers = [container("api", number=number, limits={"memory": None, "cpus": 1.0}) for number in (1, 2)]
    definitions = [definition("api", replicas=2)]
    seen = observation(host(containers, [history("api", memory=850 * MB, cpu=0.3)], definitions=definitions))
    asked: dict[str, Any] = {"service": "api", "memory": 900 * MB, "settle": True}
    written, settled = rightsize(seen, HEALTHY, **asked, overrides=["X-06"]).steps
    assert "watched" not in written.values["app1"]
    assert "watched" not in written.verification
    assert settled.values["app1"]["watched"]["services"] == ["api"]
    acts = [act.name for act in acts_of(settled.playbook, settled.values["app1"])]
    assert acts == ["replace_instance", "replace_instance", "memory_watch", "health_gate"]


def test_the_file_keeps_the_apps_form_and_everything_else_of_ours() -> None:
    before = {"services": {"api": {"scale": 2}, "worker": {"mem_limit": 5 * MB, "environment": {"CONCURRENCY": "4"}}}}
    seen = observation(
        host(
            [container("api")], [history("api", memory=600 * MB, cpu=1.2)],
            definitions=[definition("api", limit_form="deploy")], project={"capacity_file": before},
        )
    )  # fmt: skip
    (step,) = rightsize(seen, HEALTHY).steps
    assert step.values["app1"]["capacity"]["services"] == {
        "api": {
            "scale": 2,
            "memswap_limit": 1008 * MB,
            "deploy": {"resources": {"limits": {"memory": str(1008 * MB)}}},
        },
        "worker": before["services"]["worker"],
    }


@pytest.mark.parametrize(("swap", "after"), [(2 * GB, 1008 * MB), (4 * GB, 2016 * MB), (None, -1)])
def test_swap_follows_memory_in_the_same_ratio(swap: int | None, after: int) -> None:
    (step,) = rightsize(one("api", peak=600 * MB, swap=swap), HEALTHY).steps
    assert step.values["app1"]["services"]["api"]["swap"] == after


def test_nothing_to_do_is_an_empty_plan() -> None:
    plan = rightsize(one("api", peak=round(2 * GB * 0.6), cpu=1.2), HEALTHY)
    assert plan.empty
    assert plan.cost.sentence == "Nothing changes, so neither does the bill."


def test_the_saving_is_what_limits_are_worth_and_the_bill_stays() -> None:
    plan = rightsize(one("api", peak=900 * MB), HEALTHY, service="api", memory=1536 * MB)
    assert (plan.cost.claimed, plan.cost.realised) == (-2.5, 0.0)
    assert plan.cost.sentence.startswith("At $5 per GB and $25 per core the limits are worth $2.50 a month less;")
    assert "The guide claims $100 a month for this (X-55)." in plan.cost.sentence
    assert plan.parameters["memory"] == 1536 * MB


def test_where_nobody_states_a_price_the_worth_is_unknown_and_no_claim_of_the_guide_is_cited() -> None:
    own = policy(profile="own")
    plan = rightsize(one("api", peak=900 * MB), own, service="api", memory=1536 * MB)
    assert plan.cost.sentence.startswith("What the limits are worth is unknown: nobody states cost.prices.")
    assert not any("saving_dollars" in decision.numbers for decision in plan.decisions)
    priced = policy(profile="own", cost={"prices": {"per_gb_memory": "$4/month", "per_core": "$9/month"}})
    sentence = rightsize(one("api", peak=900 * MB), priced, service="api", memory=1536 * MB).cost.sentence
    assert "$4 per GB" in sentence
    assert "guide" not in sentence


def test_services_changed_in_place_are_announced_as_recreated_by_the_next_up() -> None:
    plan = rightsize(twins(), HEALTHY)
    assert [(one.host, one.service) for one in plan.pending_recreations] == [("app1", "api")]


def test_services_whose_configuration_differs_already_are_announced_too() -> None:
    seen = observation(host([container("mailer", current=False), container("api")], [history("api")]))
    assert {one.service for one in rightsize(seen, HEALTHY).pending_recreations} == {"api", "mailer"}


def test_settle_recreates_after_the_limits_and_announces_nothing_more() -> None:
    plan = rightsize(twins(), HEALTHY, settle=True)
    in_place, settle = plan.steps
    assert in_place.id == "rightsize"
    assert (settle.id, settle.playbook, settle.hosts) == ("settle-app1-api", "selextract.infra.settle", ("app1",))
    assert settle.values["app1"]["settle"] == [
        {
            "service": "api",
            "containers": ["selextract-api-1", "selextract-api-2"],
            "stop_grace": 30.0,
            "variables": [],
            "replicable": True,
        }
    ]
    assert settle.values["app1"]["services"] == {
        "api": {"cpus": 0.5, "memory": 1008 * MB, "swap": 1008 * MB, "form": "service"}
    }
    assert (settle.estimate_seconds, settle.timeout_seconds) == (90.0, 660.0)
    assert not settle.disrupts
    assert plan.pending_recreations == ()


def test_settle_leaves_a_container_whose_network_another_one_shares_to_the_teams_next_up() -> None:
    api = container("api")
    sidecar = container("exporter").model_copy(update={"joined": (api.id,)})
    seen = observation(host([api, sidecar], [history("api", memory=600 * MB, cpu=0.3)]))
    plan = rightsize(seen, HEALTHY, settle=True)
    assert [step.id for step in plan.steps] == ["rightsize"]
    assert [pending.service for pending in plan.pending_recreations] == ["api"]


def test_settle_of_one_instance_or_without_a_health_check_disrupts() -> None:
    single = rightsize(one("api", peak=600 * MB), HEALTHY, settle=True)
    assert [step.disrupts for step in single.steps] == [False, True]
    blind = observation(
        host(
            [container("api", number=number) for number in (1, 2)], [history("api")],
            definitions=[definition("api", replicas=2, has_healthcheck=False)],
        )
    )  # fmt: skip
    assert rightsize(blind, HEALTHY, settle=True).disrupts


def test_only_mapped_variables_may_be_others_in_instances_that_are_made_anew() -> None:
    environment = {"dsn": "DATABASE_URL", "concurrency": "WEB_CONCURRENCY", "prefetch": "DATABASE_URL"}
    mapped = policy({"api": {"environment": environment}})
    assert settle_values("api", ["shop-api-1"], 30.0, mapped)["variables"] == ["DATABASE_URL", "WEB_CONCURRENCY"]
    assert settle_values("other", ["shop-other-1"], None, mapped)["variables"] == []


def test_where_the_app_team_changed_its_limits_no_others_are_expected_of_new_instances() -> None:
    seen = one("api", peak=round(2 * GB * 0.6), cpu=1.2, current=False)
    (step,) = rightsize(seen, HEALTHY, settle=True).steps
    assert step.values["app1"]["services"] == {"api": {}}


def test_settle_after_a_change_in_place_recreates_what_is_pending() -> None:
    seen = one("api", peak=round(2 * GB * 0.6), cpu=1.2, current=False)
    assert rightsize(seen, HEALTHY).empty
    (step,) = rightsize(seen, HEALTHY, settle=True).steps
    assert step.id == "settle-app1-api"
    assert rightsize(one("api", peak=round(2 * GB * 0.6), cpu=1.2), HEALTHY, settle=True).empty


def test_a_container_without_limits_gets_them_in_place_and_in_our_file() -> None:
    plan = rightsize(one("api", peak=600 * MB, memory=None, cpu=1.2), HEALTHY)
    (in_place,) = plan.steps
    assert in_place.values["app1"]["services"]["api"]["memory"] == 1200 * MB
    assert in_place.values["app1"]["capacity"]["services"]["api"]["mem_limit"] == 1200 * MB


def test_several_hosts_are_one_step_and_each_gets_its_own_values() -> None:
    first = host([container("api")], [history("api", memory=600 * MB, cpu=1.2)])
    second = host([container("api")], [history("api", memory=300 * MB, cpu=1.2)], name="app2")
    plan = rightsize(observation(first, second), HEALTHY)
    (step,) = plan.steps
    assert step.hosts == ("app1", "app2")
    assert [step.values[name]["services"]["api"]["memory"] // MB for name in step.hosts] == [1008, 512]
    only = rightsize(observation(first, second), HEALTHY, hosts=["app2"])
    assert (only.hosts, only.steps[0].hosts) == (("app2",), ("app2",))


def test_a_plan_survives_json_with_the_same_digest() -> None:
    plan = rightsize(twins(), HEALTHY, settle=True)
    assert Plan.model_validate_json(plan.model_dump_json()).digest == plan.digest


def test_hostile_names_are_data() -> None:
    name = "{{ lookup('pipe', 'id') }}\x1b[2J: $(id)"
    seen = observation(
        host([container("api", name=name), container(name, name="x")], [history("api", memory=600 * MB)])
    )
    plan = rightsize(seen, HEALTHY, settle=True)
    assert plan.steps[-1].values["app1"]["settle"][0]["containers"] == [name]
    assert Plan.model_validate_json(plan.model_dump_json()).digest == plan.digest


def test_refusals_and_usage_errors_come_through() -> None:
    with pytest.raises(RefusedError, match="X-06"):
        rightsize(one("api", peak=round(2 * GB * 0.6)), HEALTHY, service="api", memory=1536 * MB)
    with pytest.raises(UsageError, match="did you mean api"):
        rightsize(one("api"), HEALTHY, service="apis")


def test_what_only_root_may_read_on_a_host_is_unknown_and_the_plan_says_so() -> None:
    seen = twins(state={"closed": True}, sampler=SamplerStatus())
    told = [finding.sentence for finding in rightsize(seen, HEALTHY).findings]
    assert any(sentence.startswith("What is kept on app1 is for root alone") for sentence in told)
    assert not any("sampler" in sentence for sentence in told)
