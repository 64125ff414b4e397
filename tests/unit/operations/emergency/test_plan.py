from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.assessment import assess
from selextract_infra.assess.incident import situation_of
from selextract_infra.model.capacity import foreign_keys
from selextract_infra.model.plan import Plan
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.plan import emergency
from selextract_infra.policy import Policy
from tests.unit.assess.test_incident import server
from tests.unit.seen import GB, MB, container, definition, host, observation, policy

BEFORE = {"services": {"api": {"mem_limit": 2 * GB, "memswap_limit": 2 * GB}, "frontend": {"cpus": 1.0}}}


def planned(rules: Policy | None = None, **more: Any) -> Plan:
    rules = rules or policy()
    seen = observation(server(**more))
    found = assess(seen, rules)
    decision = grant(situation_of(seen, found, rules), rules)
    made: Plan = emergency(seen, rules, look=decision, made_by="ops@here", reason="a test")
    return made


def test_all_of_it_is_one_step_with_counts_limits_and_the_whole_capacity_file() -> None:
    plan = planned(project={"capacity_file": BEFORE})
    (step,) = plan.steps
    values = step.values["app1"]
    assert values["counts"] == {"api": 4, "worker": 5}
    assert values["services"]["api"]["memory"] == 2496 * MB
    assert values["services"]["api"]["swap"] == 2496 * MB
    assert values["services"]["worker"]["memory"] == 3 * GB, "no room for more, so it stays"
    capacity = values["capacity"]["services"]
    assert capacity["api"] == {"mem_limit": 2496 * MB, "memswap_limit": 2496 * MB, "cpus": 3.0, "scale": 4}
    assert capacity["frontend"] == {"cpus": 1.0}
    assert capacity["worker"] == {"cpus": 3.0, "scale": 5}
    assert not step.disrupts


def test_it_says_when_it_ends_and_whose_it_is() -> None:
    plan = planned()
    values = plan.steps[0].values["app1"]
    assert values["expires_at"] == plan.made_at.timestamp() + 3600
    assert values["about"] == {"severity": "", "reason": "a test", "owner": "ops@here"}


def test_the_count_takes_the_form_that_the_app_uses() -> None:
    names = ("api", "worker", "postgres", "redis", "nginx", "frontend")
    definitions = [definition(name, limit_form="deploy", count_form="deploy") for name in names]
    capacity = planned(definitions=definitions).steps[0].values["app1"]["capacity"]["services"]
    assert capacity["api"]["deploy"]["replicas"] == 4
    assert "scale" not in capacity["api"]


def test_what_is_not_granted_is_a_finding_with_its_reason() -> None:
    rules = [(finding.rule, finding.subject) for finding in planned().findings]
    assert ("EMA-03", "app1/worker memory") in rules
    assert ("EMA-04", "app1/caching") in rules


def test_where_nothing_can_be_granted_there_is_no_step_and_others_hear_of_it() -> None:
    seen = observation(host(server().containers, memory=16 * GB, cpus=1))
    rules = policy()
    found = grant(situation_of(seen, assess(seen, rules), rules), rules)
    plan = emergency(seen, rules, look=found)
    assert plan.empty
    assert "no capacity could be granted" in next(one.sentence for one in plan.findings if one.rule == "X-16")


@given(
    api=st.integers(1, 12),
    worker=st.integers(1, 18),
    api_memory=st.integers(64, 4096),
    worker_memory=st.integers(64, 6144),
    ram=st.integers(2, 256),
)
def test_no_grant_takes_anything_away_or_promises_more_memory_than_there_is(
    api: int, worker: int, api_memory: int, worker_memory: int, ram: int
) -> None:
    sizes = {"api": (api, api_memory), "worker": (worker, worker_memory), "postgres": (1, 1024), "nginx": (1, 256)}
    there = [
        container(name, number=number, memory=memory * MB)
        for name, (count, memory) in sizes.items()
        for number in range(1, count + 1)
    ]
    seen, rules = observation(host(there, memory=ram * GB, cpus=64)), policy()
    decision = grant(situation_of(seen, assess(seen, rules), rules), rules)
    plan = emergency(seen, rules, look=decision)
    load = decision.loads[0]
    before = sum(count * memory * MB for count, memory in sizes.values())
    assert load.memory <= max(before, ram * GB * (1 - rules.rightsizing.host_reserve_memory)) + 1
    for step in plan.steps:
        values = step.values["app1"]
        assert all(values["counts"][name] > sizes[name][0] for name in values["counts"])
        assert all(limits["memory"] >= sizes[name][1] * MB for name, limits in values["services"].items())
        assert foreign_keys(values["capacity"]) == []
