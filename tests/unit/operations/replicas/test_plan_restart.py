"""A rolling restart: who, in which order, and what must not happen to a standby."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.saved import rebuild_unchanged
from selextract_infra.model.plan import Plan
from selextract_infra.operations.replicas.replication import Replication
from selextract_infra.plan import restart_postgres
from tests.unit.operations.replicas.replicated import observation, policy, replica, replication

POLICY = policy()
SEEN = observation()
WAITS: dict[str, Any] = {"pending_restart": ("shared_buffers",)}


def plan(there: Replication, **more: Any) -> Plan:
    made: Plan = restart_postgres(SEEN, POLICY, look=there, **more)
    return made


def test_where_nothing_waits_there_is_nothing_to_do() -> None:
    assert plan(replication({"db2": replica()})).empty


def test_the_most_lagged_replica_goes_first_and_the_primary_last() -> None:
    there = replication({
        "db2": replica(lag_bytes=10, lag_seconds=1.0),
        "db3": replica(lag_bytes=5000, lag_seconds=1.0),
        "db4": replica(lag_bytes=10, lag_seconds=9.0),
    })  # fmt: skip
    made = plan(there, everything=True)
    assert [step.id for step in made.steps] == ["restart-db3", "restart-db4", "restart-db2", "restart-app1"]


def test_only_the_primarys_restart_is_noticed_so_only_it_needs_a_window() -> None:
    made = plan(replication({"db2": replica()}), everything=True)
    assert [step.disrupts for step in made.steps] == [False, True]
    assert not plan(replication({"db2": replica(**WAITS)})).disrupts


def test_only_servers_that_wait_for_it_are_restarted() -> None:
    made = plan(replication({"db2": replica(), "db3": replica(**WAITS)}))
    assert [step.id for step in made.steps] == ["restart-db3"]
    assert made.decisions[-1].host == "app1"


def test_a_replica_that_would_stop_replaying_is_raised_first() -> None:
    """What a standby must match is raised on the standbys first (DRV-10)."""
    small = replica(wanted={"role": "reader", "settings": {"max_connections": "50"}})
    with pytest.raises(RefusedError, match="max_connections 100, and the replica on db2 has 50") as refused:
        plan(replication({"db2": small}, pending_restart={"max_connections": "100"}))
    assert refused.value.rule == "DRV-10"
    large = replica(wanted={"role": "reader", "settings": {"max_connections": "100"}})
    made = plan(replication({"db2": large}, pending_restart={"max_connections": "100"}))
    assert [step.id for step in made.steps] == ["restart-app1"]


def test_what_waits_on_the_primary_is_what_a_replica_is_made_for() -> None:
    primary = replication(pending_restart={"max_connections": "100"}).hosts["app1"].primary
    assert primary is not None
    assert primary.highest("max_connections") == 100
    assert primary.highest("max_wal_senders") == 10


def test_a_saved_plan_gives_the_same_steps_again() -> None:
    made = plan(replication({"db2": replica()}), everything=True)
    assert rebuild_unchanged(Plan.model_validate_json(made.model_dump_json()), POLICY) == made
    with pytest.raises(UsageError, match="do not fit a restart"):
        rebuild_unchanged(made.model_copy(update={"parameters": {}}), POLICY)


def test_without_a_primary_there_is_nothing_to_restart() -> None:
    with pytest.raises(RefusedError, match="no host runs"):
        plan(Replication(hosts={}))
