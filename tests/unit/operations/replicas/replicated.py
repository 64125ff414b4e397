"""A replication for tests: one primary, hosts that could have replicas, and those that have one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.model.observation import HostFacts, HostObservation, Observation
from selextract_infra.operations.replicas.replication import (
    HostReplication,
    ImageSeen,
    PrimarySeen,
    ReplicaSeen,
    Replication,
)
from selextract_infra.policy import Policy, load_policy
from tests.unit import seen

ADDRESSES = {"app1": "10.0.0.11", "db2": "10.0.0.12", "db3": "10.0.0.13", "db4": "10.0.0.14", "db5": "10.0.0.15"}
SETTINGS = {
    "max_connections": "50",
    "max_worker_processes": "8",
    "max_wal_senders": "10",
    "max_prepared_transactions": "0",
    "max_locks_per_transaction": "64",
    "max_slot_wal_keep_size": "-1",
    "TimeZone": "Etc/UTC",
}


def policy(**application: Any) -> Policy:
    """The guide, with the database mapped and private addresses."""
    mapping = {
        "project": "selextract",
        "services": {"postgres": {"role": "database"}},
        "private_addresses": ADDRESSES,
        **application,
    }
    return load_policy({"application": mapping})


def primary(**more: Any) -> PrimarySeen:
    """A PostgreSQL 17 that can have replicas."""
    return PrimarySeen(
        **{
            "container": "selextract-postgres-1", "version": 170004, "system_identifier": "7",
            "bindir": "/usr/lib/postgresql/17/bin", "data_bytes": 10**9, "wal_level": "replica",
            "max_wal_senders": 10, "max_replication_slots": 10, "settings": SETTINGS, "uid": 102, "gid": 104,
            "image": ImageSeen(id="sha256:0f3c", name="app"), "network": "selextract_default", "stop_grace": 60.0,
            **more,
        }
    )  # fmt: skip


def replica(role: str = "reader", **more: Any) -> ReplicaSeen:
    """A replica that works."""
    return ReplicaSeen(**{"wanted": {"role": role}, "state": "running", "streaming": True, **more})


def replication(replicas: Mapping[str, ReplicaSeen] | None = None, **more: Any) -> Replication:
    """The replication of ``ADDRESSES``' hosts."""
    found = dict(replicas or {})
    return Replication(
        hosts={
            name: HostReplication(
                primary=primary(**more) if name == "app1" else None,
                replica=found.get(name),
                free_bytes=10**11,
                images=("sha256:0f3c",),
            )
            for name in ADDRESSES
        }
    )


def observation(**machines: str) -> Observation:
    """The hosts, each its own machine unless said otherwise."""
    facts = {name: HostFacts(cpus=4, memory=8 * seen.GB, machine_id=machines.get(name, name)) for name in ADDRESSES}
    return Observation(at=seen.AT, hosts=tuple(HostObservation(name=name, facts=facts[name]) for name in facts))
