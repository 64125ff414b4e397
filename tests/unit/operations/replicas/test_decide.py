"""Which hosts get a replica: HDB-01, X-63, X-64."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.operations.replicas.decide import (
    REPLICA,
    DecidedReplicas,
    decide_replicas,
    replica_name,
)
from selextract_infra.operations.replicas.replication import HostReplication
from tests.unit.operations.replicas.replicated import ADDRESSES, observation, policy, primary, replica, replication

POLICY = policy()
SEEN = observation()


def roles(decided: DecidedReplicas) -> dict[str, str]:
    return {
        decision.host: str(decision.numbers["role"])
        for decision in decided.decisions
        if decision.resource == REPLICA and decision.granted
    }


def test_one_replica_does_everything_and_that_is_said() -> None:
    decided = decide_replicas(SEEN, replication(), POLICY, count=1)
    assert roles(decided) == {"db2": "reader"}
    assert [finding.rule for finding in decided.findings] == ["X-63"]


def test_of_two_or_more_one_is_for_analytics() -> None:
    assert roles(decide_replicas(SEEN, replication(), POLICY, count=2)) == {"db2": "reader", "db3": "analytics"}
    three = decide_replicas(SEEN, replication(), POLICY, count=3)
    assert sorted(roles(three).values()) == ["analytics", "reader", "reader"]
    assert not three.findings


def test_who_has_a_role_keeps_it() -> None:
    there = {"db2": replica(), "db3": replica("analytics")}
    grown = roles(decide_replicas(SEEN, replication(there), POLICY, count=3))
    assert grown == {"db2": "reader", "db3": "analytics", "db4": "reader"}
    assert roles(decide_replicas(SEEN, replication(there), POLICY, count=1)) == {"db2": "reader"}


def test_without_a_count_everything_stays() -> None:
    decided = decide_replicas(SEEN, replication({"db3": replica()}), POLICY)
    assert roles(decided) == {"db3": "reader"}
    assert not any(decision.changes for decision in decided.decisions)


@pytest.mark.parametrize("count", [-1, 4])
def test_a_count_beyond_the_bounds_is_refused(count: int) -> None:
    with pytest.raises(RefusedError, match="0 to 3") as refused:
        decide_replicas(SEEN, replication(), POLICY, count=count)
    assert refused.value.rule == "HDB-01"


def test_the_primarys_own_host_is_refused() -> None:
    with pytest.raises(RefusedError, match="primary's own machine") as refused:
        decide_replicas(SEEN, replication(), POLICY, count=1, on=["app1"])
    assert refused.value.rule == "X-64"


def test_the_primarys_own_machine_under_another_name_is_refused() -> None:
    same = observation(db2="app1")
    with pytest.raises(RefusedError, match="primary's own machine"):
        decide_replicas(same, replication(), POLICY, count=1, on=["db2"])
    assert roles(decide_replicas(same, replication(), POLICY, count=1)) == {"db3": "reader"}


def test_too_few_hosts_are_refused_with_their_names() -> None:
    few = policy(private_addresses={name: ADDRESSES[name] for name in ("app1", "db2")})
    with pytest.raises(RefusedError, match=r"there is 1 \(db2\); db3, db4, db5 has no private address"):
        decide_replicas(SEEN, replication(), few, count=2)


def test_a_primary_without_a_private_address_is_refused() -> None:
    with pytest.raises(RefusedError, match="no private address"):
        decide_replicas(SEEN, replication(), policy(private_addresses={"db2": "10.0.0.12"}), count=1)


def test_an_unknown_host_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="db9 is no host"):
        decide_replicas(SEEN, replication(), POLICY, count=1, on=["db9"])


def test_only_a_replica_that_is_there_is_cloned_again() -> None:
    with pytest.raises(UsageError, match="db3 has no replica"):
        decide_replicas(SEEN, replication({"db2": replica()}), POLICY, again=["db3"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"wal_level": "minimal"}, "wal_level"),
        ({"max_wal_senders": 1}, "max_wal_senders"),
        ({"max_replication_slots": 0}, "max_replication_slots"),
        ({"tablespaces": 1}, "1 tablespace"),
    ],
)
def test_a_primary_that_cannot_have_replicas_says_why(more: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        decide_replicas(SEEN, replication(**more), POLICY, count=1)
    decide_replicas(SEEN, replication(**more), POLICY, count=0)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_touched() -> None:
    small = replication()
    hosts = {**small.hosts, "db2": HostReplication(free_bytes=10**8)}
    with pytest.raises(RefusedError, match="disk of db2"):
        decide_replicas(SEEN, small.model_copy(update={"hosts": hosts}), POLICY, count=1)


def test_what_is_wrong_with_a_replica_is_a_finding() -> None:
    broken = {"db2": replica(problem="The disk of the replica's host is full.")}
    (finding, _) = decide_replicas(SEEN, replication(broken), POLICY).findings
    assert "db2: The disk of the replica's host is full." in finding.sentence


@given(st.lists(st.text(min_size=1, max_size=80), unique=True, min_size=2, max_size=8))
def test_two_hosts_never_share_a_slot_and_every_name_is_one_that_postgres_takes(hosts: list[str]) -> None:
    names = [replica_name(host) for host in hosts]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and len(name) <= 63 and name.startswith("selextract_") for name in names)


@given(
    count=st.integers(0, 3),
    present=st.dictionaries(st.sampled_from(["db2", "db3", "db4", "db5"]), st.sampled_from(["reader", "analytics"])),
)
def test_there_are_always_as_many_as_asked_for_and_at_most_one_for_analytics(
    count: int, present: dict[str, str]
) -> None:
    there = {host: replica(role) for host, role in present.items()}
    decided = roles(decide_replicas(SEEN, replication(there), POLICY, count=count))
    assert len(decided) == count
    assert list(decided.values()).count("analytics") == (1 if count >= 2 else 0)
    assert "app1" not in decided
    kept = set(decided) & set(present)
    assert len(kept) == min(count, len(present))


def test_a_primary_that_cannot_be_asked_is_refused_with_its_reason() -> None:
    with pytest.raises(RefusedError, match="It is starting"):
        decide_replicas(SEEN, replication(**primary(problem="It is starting.").model_dump()), POLICY, count=1)
