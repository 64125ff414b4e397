from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.saved import rebuild
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.operations.pgbouncer.pooler import AppAddress, PoolerLook, ServerSeen
from selextract_infra.plan import pgbouncer
from selextract_infra.policy import Policy
from tests.unit.seen import container, definition, host, observation, policy

DIRECT = "postgresql://shop:${POSTGRES_PASSWORD:?set it}@postgres:5432/orders"
POOLED = DIRECT.replace("postgres:5432", "pgbouncer:6432")
SERVICES: dict[str, dict[str, Any]] = {
    "api": {"environment": {"dsn": "DATABASE_URL"}, "health": "http://127.0.0.1:8080/health"},
    "worker": {"environment": {"dsn": "DATABASE_URL"}},
}
POLICY = policy(SERVICES)


def seen(**project: Any) -> Observation:
    containers = [container(name, number=number) for name in ("api", "worker") for number in (1, 2)]
    definitions = [definition(name, replicas=2) for name in ("api", "worker")]
    return observation(
        host([*containers, container("postgres")], definitions=[*definitions, definition("postgres")], project=project)
    )


def address(**more: Any) -> AppAddress:
    said = {"variable": "DATABASE_URL", "user": "shop", "host": "postgres", "port": 5432, "database": "orders"}
    return AppAddress(**{**said, "text": POOLED, **more})


def look(**more: Any) -> dict[str, PoolerLook]:
    server = ServerSeen(version=17, maximum=100, reserved=3)
    addresses = {"api": address(), "worker": address()}
    return {"app1": PoolerLook(**{"server": server, "addresses": addresses, **more})}


def installed() -> dict[str, Any]:
    """Look after PgBouncer was put up and everybody goes through it."""
    plan = pgbouncer_on(seen(), look(), POLICY)
    names = tuple(f"selextract-{service}-{number}" for service in ("api", "worker") for number in (1, 2))
    return {"installed": plan.steps[0].values["app1"]["wanted"], "running": True, "led": names}


def led_project() -> dict[str, Any]:
    keys = {"environment": {"DATABASE_URL": POOLED}}
    return {"capacity_file": {"services": {"api": keys, "worker": keys}}}


def pgbouncer_on(there: Observation, looks: dict[str, PoolerLook], rules: Policy, **asked: Any) -> Plan:
    plan: Plan = pgbouncer(there, rules, switch="on", look=looks, **asked)
    return plan


def pgbouncer_off(there: Observation, looks: dict[str, PoolerLook], rules: Policy, **asked: Any) -> Plan:
    plan: Plan = pgbouncer(there, rules, switch="off", look=looks, **asked)
    return plan


def test_pgbouncer_comes_before_the_app_is_led_to_it_one_instance_at_a_time() -> None:
    plan = pgbouncer_on(seen(), look(), POLICY)
    assert [step.id for step in plan.steps] == [
        "pgbouncer-app1", "addresses-app1", "settle-app1-api", "settle-app1-worker",
    ]  # fmt: skip
    pooler, files, api, _ = plan.steps
    assert (pooler.playbook, files.playbook, api.playbook) == (
        "selextract.infra.pgbouncer", "selextract.infra.rightsize", "selextract.infra.settle",
    )  # fmt: skip
    wanted = pooler.values["app1"]["wanted"]
    assert wanted["users"] == ["shop"]
    assert wanted["databases"]["orders"] == {
        "host": "postgres", "port": 5432, "database": "orders", "pool": 20, "reserve": 5, "most": 25, "shared": 13,
    }  # fmt: skip
    assert wanted["databases"]["orders_ro"]["most"] == 3
    assert wanted["most"] == 30
    assert files.values["app1"]["capacity"]["services"]["api"] == {"environment": {"DATABASE_URL": POOLED}}
    assert api.values["app1"]["settle"][0]["containers"] == ["selextract-api-1", "selextract-api-2"]
    assert not plan.disrupts


def test_the_read_only_alias_asks_the_balancer_for_reads_where_there_is_one() -> None:
    def reading(**more: Any) -> tuple[str, int]:
        wanted = pgbouncer_on(seen(), look(**more), POLICY).steps[0].values["app1"]["wanted"]
        assert wanted["databases"]["orders"]["host"] == "postgres"
        return wanted["databases"]["orders_ro"]["host"], wanted["databases"]["orders_ro"]["port"]

    assert reading() == ("postgres", 5432)
    assert reading(balanced=True) == ("postgres-reads", POLICY.replication.ports.reads)
    plan = pgbouncer_on(seen(), look(**{**installed(), "balanced": True}), POLICY)
    assert plan.steps[0].id == "pgbouncer-app1", "a balancer that came later is found by the next run"


def test_no_secret_is_in_the_plan_only_its_reference() -> None:
    text = pgbouncer_on(seen(), look(), POLICY).model_dump_json()
    assert "${POSTGRES_PASSWORD:?set it}" in text


def test_a_second_run_has_nothing_to_do() -> None:
    plan = pgbouncer_on(seen(**led_project()), look(**installed()), POLICY)
    assert plan.empty
    assert plan.decisions == ()


def test_other_settings_are_one_step_and_nobody_is_recreated() -> None:
    other = policy(SERVICES, pgbouncer={"default_pool": "10 connections"})
    (step,) = pgbouncer_on(seen(**led_project()), look(**installed()), other).steps
    assert step.id == "pgbouncer-app1"
    assert step.values["app1"]["wanted"]["databases"]["orders"]["pool"] == 10
    assert not step.values["app1"]["replace"]


def test_files_of_another_version_are_written_again() -> None:
    (step,) = pgbouncer_on(seen(**led_project()), look(**installed(), stale=True), POLICY).steps
    assert step.id == "pgbouncer-app1"


def test_a_new_process_is_one_step() -> None:
    (step,) = pgbouncer_on(seen(**led_project()), look(**installed()), POLICY, replace=True).steps
    assert step.values["app1"]["replace"]
    assert not step.disrupts


def test_instances_that_were_not_led_yet_are_recreated_and_no_others() -> None:
    now = {**installed(), "led": ("selextract-api-1", "selextract-worker-1", "selextract-worker-2")}
    (step,) = pgbouncer_on(seen(**led_project()), look(**now), POLICY).steps
    assert step.values["app1"]["settle"][0]["containers"] == ["selextract-api-2"]


def test_off_leads_the_app_back_before_pgbouncer_goes() -> None:
    before = {"services": {"api": {"cpus": 1.0, **led_project()["capacity_file"]["services"]["api"]}}}
    plan = pgbouncer_off(seen(capacity_file=before), look(**installed()), POLICY)
    assert [step.id for step in plan.steps] == [
        "addresses-app1", "settle-app1-api", "settle-app1-worker", "pgbouncer-app1",
    ]  # fmt: skip
    assert plan.steps[0].values["app1"]["capacity"]["services"] == {"api": {"cpus": 1.0}}
    assert plan.steps[-1].values["app1"]["state"] == "absent"


def test_off_without_any_is_nothing_to_do() -> None:
    assert pgbouncer_off(seen(), look(), POLICY).empty


def test_off_is_refused_where_direct_connections_do_not_fit() -> None:
    server = ServerSeen(version=17, maximum=30, reserved=3)
    with pytest.raises(RefusedError, match="X-13"):
        pgbouncer_off(seen(), look(**installed(), server=server), POLICY)
    assert pgbouncer_off(seen(), look(**installed(), server=server), POLICY, overrides=["X-13"]).steps


def limited(**limits: int) -> dict[str, Any]:
    """Addresses whose role or database Postgres limits."""
    return {"addresses": {"api": address(limits=limits), "worker": address(limits=limits)}}


def test_pools_are_made_for_what_the_role_or_the_database_may_have() -> None:
    for limits in ({"role": 8}, {"database": 8}, {"role": 8, "database": 30}):
        plan = pgbouncer_on(seen(), look(**limited(**limits)), POLICY)
        databases = plan.steps[0].values["app1"]["wanted"]["databases"]
        assert databases["orders"]["most"] + databases["orders_ro"]["most"] == 8
    several = {
        "api": address(limits={"role": 16}),
        "worker": address(database="mails", text=POOLED.replace("orders", "mails"), limits={"role": 16}),
    }
    wanted = pgbouncer_on(seen(), look(addresses=several), POLICY).steps[0].values["app1"]["wanted"]
    assert sum(database["most"] for database in wanted["databases"].values()) == 16
    with pytest.raises(RefusedError, match="role shop may have 2"):
        pgbouncer_on(seen(), look(**limited(role=2)), POLICY)


def test_off_is_refused_where_the_role_may_not_have_as_many_and_says_its_number() -> None:
    there = look(**{**installed(), **limited(role=10)})
    with pytest.raises(RefusedError, match=r"role shop may have 10 of them: 48 > 10 \(X-13\)"):
        pgbouncer_off(seen(), there, POLICY)
    plan = pgbouncer_off(seen(**led_project()), there, POLICY, overrides=["X-13"])
    assert plan.steps[0].id == "pgbouncer-yield-app1"


def test_pgbouncer_gives_back_what_it_does_not_need_before_instances_log_in_beside_it() -> None:
    crowded = look(**installed(), server=ServerSeen(version=17, maximum=75, reserved=3))
    plan = pgbouncer_off(seen(**led_project()), crowded, POLICY)
    assert [step.id for step in plan.steps] == [
        "pgbouncer-yield-app1", "addresses-app1", "settle-app1-api", "settle-app1-worker", "pgbouncer-app1",
    ]  # fmt: skip
    before, wanted = crowded["app1"].installed, plan.steps[0].values["app1"]["wanted"]
    assert before is not None
    assert wanted["idle"] == 1
    assert wanted["most"] < before["most"]
    assert wanted["databases"]["orders"]["most"] == before["databases"]["orders"]["shared"]
    assert (wanted["host"], wanted["port"]) == (before["host"], before["port"])
    saved = Plan.model_validate_json(plan.model_dump_json())
    assert rebuild(saved, POLICY).steps == plan.steps
    again = look(**{**installed(), "installed": wanted})
    assert pgbouncer_on(seen(**led_project()), again, POLICY).steps[0].id == "pgbouncer-app1", "on takes it all again"


def test_who_is_led_by_which_variable_is_part_of_what_pgbouncer_is_given() -> None:
    wanted = pgbouncer_on(seen(), look(), POLICY).steps[0].values["app1"]["wanted"]
    assert wanted["variables"] == {"api": "DATABASE_URL", "worker": "DATABASE_URL"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"server": ServerSeen(maximum=14, reserved=3)}, "X-13"),
        ({"addresses": {"api": address(problem="it has its password in plain", text=None)}}, "in plain"),
        ({"addresses": {"api": address(), "worker": address(host="other")}}, "different servers"),
        ({"addresses": {"api": address(host="10.0.0.9")}}, "another place"),
        ({"addresses": {}}, "no service"),
        ({"problem": "Compose rejects the files."}, "rejects"),
        ({"server": ServerSeen(problem="Postgres does not answer.")}, "does not answer"),
        ({"server": None}, "role database"),
        ({"image_version": "1.16.1"}, "too old"),
        ({"image_problem": "The image x gives no PgBouncer."}, "gives no PgBouncer"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_touched(change: dict[str, Any], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        pgbouncer_on(seen(), look(**change), POLICY)


def test_a_service_whose_address_is_not_mapped_is_named() -> None:
    unmapped = policy({"api": SERVICES["api"]})
    with pytest.raises(RefusedError, match="worker") as refused:
        pgbouncer_on(seen(), look(), unmapped)
    assert refused.value.rule == "mapping"


def test_one_instance_or_no_health_check_takes_a_window() -> None:
    single = observation(host([container("api"), container("postgres")]))
    assert pgbouncer_on(single, look(addresses={"api": address()}), POLICY).disrupts


def test_a_saved_plan_gives_the_same_steps_and_none_that_lead_elsewhere() -> None:
    plan = pgbouncer_on(seen(), look(), POLICY)
    again = Plan.model_validate_json(plan.model_dump_json())
    assert rebuild(again, POLICY).steps == plan.steps
    again.parameters["sites"]["app1"]["variables"]["api"]["DATABASE_URL"] = "postgresql://shop@evil:5432/orders"
    with pytest.raises(RefusedError, match="somewhere else"):
        rebuild(again, POLICY)
    again.parameters["sites"] = {"app1": {}}
    with pytest.raises(UsageError, match="PgBouncer"):
        rebuild(again, POLICY)
