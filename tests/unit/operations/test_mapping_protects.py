"""A mapping that is wrong protects nobody, so what runs counts: the same mistakes at the entry of each operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from selextract_infra.assess.assessment import assess
from selextract_infra.assess.incident import situation_of
from selextract_infra.assess.mapped_role import mapping_findings, refuse_unmatched
from selextract_infra.errors import PolicyError, RefusedError, UsageError
from selextract_infra.model.observation import HostFacts, HostObservation, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.upgrade import PHASES, Abilities, Mode
from selextract_infra.operations.emergency.decide import grant
from selextract_infra.operations.upgrade.plan import HardwareLook
from selextract_infra.operations.watch.memory import Watched
from selextract_infra.plan import emergency, rightsize, scale, tune_workers, upgrade
from selextract_infra.policy import Policy, load_policy
from tests.unit.seen import AT, GB, MB, container, history, host, observation, policy

SERVICES = ("api", "worker", "postgres", "redis", "nginx", "frontend")
STORES = {"postgres": "postgres", "redis": "cache"}
ABILITIES = Abilities(name="docker", modes=dict.fromkeys(PHASES, (Mode.LIVE, Mode.REBOOT)))


def server(**more: Any) -> HostObservation:
    """The guide's server as a host shows it, with what runs in each container; all of it idle."""
    facts = HostFacts(memory=32 * GB, cpus=8, disk_total=10**12, disk_free=10**12, machine_id="m1")
    containers = [
        container(name, health="healthy", store=STORES.get(name), proxy="nginx" if name == "nginx" else None, **more)
        for name in SERVICES
    ]
    return host(containers, [history(name, memory=10 * MB, cpu=0.01) for name in SERVICES], facts=facts)


def mapped(**roles: str) -> Policy:
    return policy({name: {"role": role} for name, role in roles.items()})


def planned_emergency(seen: Observation, rules: Policy) -> Plan:
    plan: Plan = emergency(seen, rules, look=grant(situation_of(seen, assess(seen, rules), rules), rules))
    return plan


PLANS: dict[str, Callable[[Observation, Policy], Any]] = {
    "rightsize": rightsize,
    "settle": lambda seen, rules: rightsize(seen, rules, settle=True),
    "scale": lambda seen, rules: scale(seen, rules, {"api": 2}, overrides=("LB-03", "X-09")),
    "emergency": planned_emergency,
    "tune workers": tune_workers,
    "upgrade": lambda seen, rules: upgrade(seen, rules, "memory", look=HardwareLook(ABILITIES), mode=Mode.REBOOT),
    "watch": refuse_unmatched,
}


@pytest.mark.parametrize(
    ("role", "meant"),
    [("postgres", "database"), ("cache", "redis"), ("databse", "database"), ("beat", "other"), ("wroker", "worker")],
)
def test_a_role_that_is_none_is_refused_with_the_one_that_was_meant(role: str, meant: str) -> None:
    with pytest.raises(PolicyError, match=rf"there is no role '{role}'; did you mean {meant}\? The roles are api, "):
        load_policy({"application": {"project": "shop", "services": {"db": {"role": role}}}})


@pytest.mark.parametrize("operation", PLANS)
def test_a_project_of_another_name_is_an_error_that_names_those_that_are_there(operation: str) -> None:
    rules = policy(application={"project": "selextrac", "services": {"api": {"role": "api"}}})
    with pytest.raises((UsageError, RefusedError), match=r"selextract"):
        PLANS[operation](observation(server()), rules)


@pytest.mark.parametrize("operation", [name for name in PLANS if name != "scale"])
def test_a_mapping_that_fits_no_service_is_an_error_that_names_what_is_there(operation: str) -> None:
    rules = load_policy({"application": {"project": "selextract", "services": {"web": {"role": "api"}}}})
    with pytest.raises(UsageError, match=r"none of the 1 service that the policy maps \(web\); it has api, frontend"):
        PLANS[operation](observation(server()), rules)


@pytest.mark.parametrize("operation", [name for name in PLANS if name != "watch"])
def test_a_database_that_is_mapped_as_a_worker_is_said_to_be_one(operation: str) -> None:
    plan = PLANS[operation](observation(server()), mapped(postgres="worker"))
    (finding,) = [each for each in plan.findings if each.subject == "app1/postgres" and "is mapped as" in each.sentence]
    assert "is mapped as worker, but a database or queue (postgres) runs in it" in finding.sentence
    assert "role database" in (finding.resolution or "")


@pytest.mark.parametrize("settle", [False, True])
@pytest.mark.parametrize("service", ["postgres", "redis"])
def test_right_sizing_lowers_no_store_whatever_it_is_mapped_as(service: str, settle: bool) -> None:
    plan = rightsize(observation(server()), mapped(**{service: "worker"}), settle=settle)
    own = [decision for decision in plan.decisions if decision.service == service]
    assert own
    assert not any(decision.changes for decision in own)


def test_scaling_refuses_what_runs_as_a_store_or_a_proxy() -> None:
    seen = observation(server())
    for service, role in (("postgres", "database"), ("redis", "redis"), ("nginx", "nginx")):
        with pytest.raises(RefusedError, match=f"{service} has the role {role} by what runs in it"):
            scale(seen, mapped(**{service: "worker"}), {service: 2})


def test_an_emergency_multiplies_no_store() -> None:
    plan = planned_emergency(observation(server()), mapped(postgres="worker", redis="api"))
    counted = {decision.service for decision in plan.decisions if decision.resource == "instances"}
    assert counted == {"api", "worker"}


def test_the_loop_watches_no_store_as_a_worker_and_says_so_once() -> None:
    watched, seen = Watched(mapped(postgres="worker")), observation(server())
    first, second = watched.take(seen, AT.timestamp()), watched.take(seen, AT.timestamp() + 15)
    assert ("app1", "postgres") not in watched.services
    assert any("postgres on app1 is mapped as worker" in sentence for sentence in first)
    assert not any("mapped as worker" in sentence for sentence in second)


def test_tuning_workers_leaves_a_store_alone_also_when_it_is_asked_for() -> None:
    seen, rules = observation(server()), mapped(postgres="worker")
    assert "postgres" not in {decision.service for decision in tune_workers(seen, rules).decisions}
    with pytest.raises(UsageError, match="postgres is not mapped as a worker or an API, or is none by what runs in it"):
        tune_workers(seen, rules, service="postgres")


def test_an_upgrade_dumps_a_database_that_is_mapped_as_a_worker_and_stops_it_last() -> None:
    plan = PLANS["upgrade"](observation(server()), mapped(postgres="worker"))
    values = {step.id: step.values["app1"] for step in plan.steps}
    assert [database["service"] for database in values["backup"]["databases"]] == ["postgres"]
    assert "postgres" not in values["drain"]["order"]
    assert "postgres" in values["stop"]["order"]


def test_a_store_that_the_guide_does_not_know_is_protected_too() -> None:
    containers = [container("api"), container("worker", store="mysql")]
    seen = observation(host(containers, [history(name, memory=10 * MB, cpu=0.01) for name in ("api", "worker")]))
    assert not any(decision.changes for decision in rightsize(seen, policy()).decisions if decision.service == "worker")
    with pytest.raises(RefusedError, match="worker has the role other by what runs in it"):
        scale(seen, policy(), {"worker": 2})


def test_a_second_database_may_be_called_other_and_a_frontend_may_be_a_web_server() -> None:
    containers = [container("postgres", store="postgres"), container("frontend", proxy="nginx")]
    assert not list(mapping_findings(observation(host(containers)), mapped(postgres="other")))
