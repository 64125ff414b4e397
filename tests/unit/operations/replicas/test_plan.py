"""The Plan of replicas: the right steps for the right hosts, the same again from a file, and none the second time."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.saved import rebuild_unchanged
from selextract_infra.model.plan import Plan
from selextract_infra.operations.replicas.replication import BalancerSeen, ReplicaSeen, Replication, SlotSeen
from selextract_infra.plan import replicas
from tests.unit.operations.replicas.replicated import observation, policy, primary, replication

POLICY = policy()
SEEN = observation()


def plan(there: Replication, **more: Any) -> Plan:
    made: Plan = replicas(SEEN, POLICY, look=there, **more)
    return made


def after(done: Plan) -> Replication:
    """What is seen when the Plan was carried out."""
    before = Replication.model_validate(done.parameters["replication"])
    hosts = dict(before.hosts)
    settings: dict[str, Any] = dict(hosts["app1"].balancer.settings) if hosts["app1"].balancer else {"replicas": []}
    for step in done.steps:
        if step.id == "balancer":
            settings = {**step.values["app1"]["balancer"], "replicas": settings["replicas"]}
        for host, values in step.values.items():
            if step.id.startswith("replica-") and values["part"] == "replica":
                present = ReplicaSeen(wanted=values["replica"], state="running", streaming=True)
                hosts[host] = hosts[host].model_copy(update={"replica": present})
                others = [one for one in settings["replicas"] if one["name"] != host]
                settings = {**settings, "replicas": [*others, values["join"]]}
            if step.id.startswith("remove-") and values["part"] == "replica":
                hosts[host] = hosts[host].model_copy(update={"replica": None})
                settings = {
                    **settings,
                    "replicas": [one for one in settings["replicas"] if one["name"] != host],
                    "allowed": [one for one in settings["allowed"] if one != values["address"]],
                }
    balancer = BalancerSeen(settings=settings, running=True)
    hosts["app1"] = hosts["app1"].model_copy(update={"balancer": balancer})
    return Replication(hosts=hosts)


def test_nothing_asked_for_is_nothing_to_do() -> None:
    assert plan(replication()).empty
    assert plan(replication(), count=0).empty


def test_the_balancer_comes_first_because_it_is_the_way_to_the_primary() -> None:
    made = plan(replication(), count=2)
    assert [step.id for step in made.steps] == ["balancer", "replica-db2", "replica-db3"]
    assert [step.hosts for step in made.steps] == [("app1",), ("app1", "db2"), ("app1", "db3")]
    assert not made.disrupts


def test_from_none_to_two_to_three_to_one_each_plan_is_empty_the_second_time() -> None:
    there = replication()
    for count in (2, 3, 1, 0):
        done = plan(there, count=count)
        assert not done.empty
        there = after(done)
        assert plan(there, count=count).empty, count


def test_what_goes_is_taken_away_with_no_way_back() -> None:
    there = after(plan(replication(), count=3))
    shrunk = plan(there, count=1)
    assert [step.id for step in shrunk.steps] == ["remove-db3", "remove-db4"]
    assert all(step.point_of_no_return for step in shrunk.steps)


def test_a_saved_plan_gives_the_same_steps_again() -> None:
    made = plan(replication(), count=3)
    saved = Plan.model_validate_json(made.model_dump_json())
    assert rebuild_unchanged(saved, POLICY) == made


@pytest.mark.parametrize("parameters", [{}, {"primary": 5}])
def test_parameters_that_do_not_fit_are_a_usage_error(parameters: dict[str, Any]) -> None:
    made = plan(replication(), count=1).model_copy(update={"parameters": parameters})
    with pytest.raises(UsageError, match="do not fit replicas"):
        rebuild_unchanged(made, POLICY)


def test_a_plan_about_hosts_that_the_mapping_does_not_know_is_refused() -> None:
    made = plan(replication(), count=1)
    with pytest.raises(RefusedError, match="no private address"):
        rebuild_unchanged(made, policy(private_addresses={"app1": "10.0.0.11"}))


def test_a_replica_has_no_less_of_what_a_standby_needs_and_the_primarys_time_zone() -> None:
    step = plan(replication(), count=1).steps[1]
    settings = step.values["db2"]["replica"]["settings"]
    assert int(settings["max_connections"]) >= 50
    assert settings["TimeZone"] == "Etc/UTC"
    assert settings["wal_receiver_timeout"] == "10000ms"


def test_the_wal_of_a_lost_replica_is_limited_unless_somebody_has_limited_it() -> None:
    seen = observation()
    facts = seen.hosts[0].facts.model_copy(update={"disk_total": 100 * 10**9})
    sized = seen.model_copy(update={"hosts": (seen.hosts[0].model_copy(update={"facts": facts}), *seen.hosts[1:])})
    step = replicas(sized, POLICY, count=1, look=replication()).steps[1]
    assert step.values["db2"]["primary"]["settings"] == {"max_slot_wal_keep_size": "9536MB"}
    limited = replication(settings={**primary().settings, "max_slot_wal_keep_size": "1024"})
    assert replicas(sized, POLICY, count=1, look=limited).steps[1].values["db2"]["primary"]["settings"] == {}


def test_slots_of_replicas_that_are_gone_are_swept_and_those_in_use_are_left() -> None:
    slots = (SlotSeen(name="selextract_old", active=False), SlotSeen(name="selextract_strange", active=True))
    made = plan(replication(slots=slots, roles=("selextract_old",)))
    (step,) = made.steps
    assert [one["name"] for one in step.values["app1"]["sweep"]] == ["selextract_old"]
    assert any("selextract_strange is in use" in finding.sentence for finding in made.findings)


def test_the_slot_of_a_host_that_is_only_not_reached_is_left() -> None:
    slots = (SlotSeen(name="selextract_db2", active=False),)
    there = replication(slots=slots)
    hosts = {name: host for name, host in there.hosts.items() if name != "db2"}
    gone = SEEN.model_copy(
        update={"hosts": tuple(host for host in SEEN.hosts if host.name != "db2"), "unreachable": {"db2": "off"}}
    )
    assert replicas(gone, POLICY, look=Replication(hosts=hosts)).empty


def test_cloning_again_is_a_step_though_nothing_else_changed() -> None:
    there = after(plan(replication(), count=1))
    (step,) = plan(there, again=["db2"]).steps
    assert step.values["db2"]["again"]
    assert step.title.startswith("Clone")


def test_no_password_and_no_verifier_is_in_a_plan() -> None:
    text = plan(replication(), count=3).model_dump_json().lower()
    assert "password" not in text.replace("no_password", "")
    assert "scram-sha-256$" not in text


def test_what_is_set_for_all_on_the_primary_and_changes_an_answer_is_carried() -> None:
    own = {"search_path": "shop, public", "app.currency": "EUR", "work_mem": "9999", "lc_messages": "de_DE.utf8"}
    made = plan(replication(answers={**own, "default_transaction_isolation": "serializable"}), count=1)
    wanted = made.steps[1].values["db2"]["replica"]
    assert wanted["answers"] == {"search_path": "shop, public", "app.currency": "EUR"}
    assert wanted["settings"]["app.currency"] == "EUR"
    assert wanted["settings"]["work_mem"] != "9999", "sized for the replica's own host"
    assert not {"lc_messages", "default_transaction_isolation"} & set(wanted["settings"])
    assert [finding.subject for finding in made.findings if finding.rule == "replicas"] == [
        "default_transaction_isolation"
    ]
    assert plan(after(made), count=1).empty


def test_a_setting_that_changed_on_the_primary_changes_the_replica() -> None:
    made = plan(replication(answers={"bytea_output": "escape"}), count=1)
    hosts = dict(after(made).hosts)
    hosts["app1"] = hosts["app1"].model_copy(update={"primary": primary(answers={"bytea_output": "hex"})})
    assert [step.id for step in plan(Replication(hosts=hosts), count=1).steps] == ["replica-db2"]


@pytest.mark.parametrize(("superusers", "turned_away"), [(["postgres"], None), (["admin", "postgres"], ["admin"])])
def test_superusers_beside_the_one_of_the_mapping_are_turned_away_by_name(
    superusers: list[str], turned_away: list[str] | None
) -> None:
    made = plan(replication(superusers=superusers), count=1)
    (values,) = [step.values["db2"] for step in made.steps if step.id == "replica-db2"]
    assert values["replica"].get("superusers") == turned_away
