"""What read replicas are, and what can be asked of them."""

from __future__ import annotations

from pydantic import Field

from selextract_infra.flow.manifest import Effects, Manifest, Request

__all__ = ["MANIFEST", "ReplicaRequest"]


class ReplicaRequest(Request):
    """What is asked about read replicas."""

    count: int | None = Field(default=None, description="How many there are to be; by default as many as now.")
    on: tuple[str, ...] = Field(default=(), description="Hosts to choose from first.")
    again: tuple[str, ...] = Field(default=(), description="Clone this host's replica anew.")


MANIFEST = Manifest(
    name="replicas",
    noun="replicas",
    request=ReplicaRequest,
    effects=Effects(
        reads=("Postgres on every host", "memory, CPUs and disk of every host"),
        changes=("replicas and the balancer before them", "the primary's slots and access rules"),
        inverse="What a step made is removed, on the replica's host and on the primary; the other replicas stay.",
        downtime="None; a primary that has to be restarted for it says so.",
        seconds=lambda policy: policy.replication.clone.estimate,
        privileges=("root on the host", "the superuser of Postgres"),
    ),
    acts="replicas.observe:ACTS",
    whole_fleet=True,
    status="replicas.command:status",
    status_unless=("count", "again"),
)
