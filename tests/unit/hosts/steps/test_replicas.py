"""Steps of replicas: which host does what by turns, and what it waits for of another one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from plugins.module_utils.state.registry import ACTS
from selextract_infra.hosts.steps import parts_of, values_on
from selextract_infra.model.plan import Plan, Step
from selextract_infra.operations.replicas.replication import Replication, SlotSeen
from selextract_infra.plan import replicas, restart_postgres
from tests.unit.operations.replicas.replicated import observation, policy, replica, replication

POLICY = policy()
SEEN = observation()
OLD = Path("tests/cases/version_0_1/replicas.json")


def steps_of(there: Replication, **more: Any) -> dict[str, Step]:
    return {step.id: step for step in replicas(SEEN, POLICY, look=there, **more).steps}


def turns(step: Step) -> list[tuple[str, list[str]]]:
    return [(part.host, [act.name for act in part.acts]) for part in parts_of(step)]


def without_image(there: Replication, host: str) -> Replication:
    hosts = {**there.hosts, host: there.hosts[host].model_copy(update={"images": ()})}
    return Replication(hosts=hosts)


def test_a_replica_is_let_in_before_it_is_cloned_and_asked_only_when_it_streams() -> None:
    assert turns(steps_of(replication(), count=1)["replica-db2"]) == [
        ("app1", ["read_balancer"]),
        ("db2", ["replica_files"]),
        ("app1", ["replication_primary"]),
        ("db2", ["replica_clone", "replica_start", "replica_gate"]),
        ("app1", ["read_balancer", "replication_primary"]),
    ]


def test_an_image_that_is_missing_is_offered_before_it_is_fetched() -> None:
    step = steps_of(without_image(replication(), "db2"), count=1)["replica-db2"]
    assert turns(step)[:2] == [
        ("app1", ["read_balancer", "image_copy"]),
        ("db2", ["image_copy", "replica_files"]),
    ]
    assert parts_of(step)[1].receives == {"image_copy": ("certificate", "token")}


def test_a_replica_goes_out_of_the_balancer_first_and_its_slot_goes_last() -> None:
    there = replication({"db2": replica()})
    assert turns(steps_of(there, count=0)["remove-db2"]) == [
        ("app1", ["read_balancer"]),
        ("db2", ["replica_files"]),
        ("app1", ["replication_primary"]),
    ]


def test_what_replicas_that_are_gone_have_left_is_swept_by_the_primary_alone() -> None:
    there = replication(slots=(SlotSeen(name="selextract_old", active=False),), roles=("selextract_old",))
    step = steps_of(there)["sweep"]
    assert turns(step) == [("app1", ["replication_primary"])]
    assert values_on((step,), "app1")["ends"], "nobody else can fail in its place"


def test_a_replica_restarts_between_two_turns_of_the_primary() -> None:
    plan = restart_postgres(SEEN, POLICY, look=replication({"db2": replica()}), everything=True)
    assert [turns(step) for step in plan.steps] == [
        [
            ("app1", ["read_balancer"]),
            ("db2", ["postgres_restart", "replica_gate"]),
            ("app1", ["read_balancer", "replication_primary"]),
        ],
        [],
    ]
    assert "steps" in values_on((plan.steps[1],), "app1"), "the primary's own host carries that out alone"


def test_each_host_is_told_its_own_turns_and_which_one_is_its_last() -> None:
    step = steps_of(replication(), count=1)["replica-db2"]
    on = {host: values_on((step,), host) for host in step.hosts}
    assert {host: [len(turn) for turn in told["parts"]] for host, told in on.items()} == {
        "app1": [1, 0, 1, 0, 1],
        "db2": [0, 1, 0, 1, 0],
    }
    goes_on = [turn[0].get("goes_on", False) for told in on.values() for turn in told["parts"] if turn]
    assert goes_on == [True, True, False, True, False]
    assert {host: told["ends"] for host, told in on.items()} == {"app1": False, "db2": True}
    assert {told["policy_digest"] for told in on.values()} == {POLICY.digest}


def test_the_host_knows_every_option() -> None:
    there = without_image(replication({"db3": replica()}), "db2")
    restart = restart_postgres(SEEN, POLICY, look=there, everything=True).steps
    more = steps_of(replication({"db3": replica()}), count=0).values()
    for step in (*steps_of(there, count=2).values(), *more, *restart):
        for part in parts_of(step):
            for act in part.acts:
                received = dict.fromkeys(part.receives.get(act.name, ()), "")
                ACTS[act.name].work({**act.values, **received, "run_id": "run", "step_id": "step"})


def test_a_replica_in_a_plan_of_version_0_1_is_made_as_it_was_meant() -> None:
    old = Plan.model_validate(json.loads(OLD.read_text())["plan"])
    step = next(step for step in old.steps if step.id == "replica-db2")
    assert turns(step) == turns(steps_of(replication(), count=1)["replica-db2"])
