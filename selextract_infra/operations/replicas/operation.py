"""Read replicas as the flow knows them."""

from __future__ import annotations

from selextract_infra.flow.operation import Effects, Operation
from selextract_infra.operations.replicas.observe import look_at_replication
from selextract_infra.operations.replicas.plan import draft_replicas, refuse_impossible_replicas
from selextract_infra.operations.replicas.steps import ReplicaParameters, ReplicaRequest, replica_steps

__all__ = ["REPLICAS"]

REPLICAS = Operation(
    name="replicas",
    noun="replicas",
    summary="How many read replicas there are, where, and the balancer before them.",
    request=ReplicaRequest,
    parameters=ReplicaParameters,
    effects=Effects(
        reads=("Postgres on every host", "memory, CPUs and disk of every host"),
        inverse="What a step made is removed, on the replica's host and on the primary; the other replicas stay.",
        downtime="None; a primary that has to be restarted for it says so.",
        seconds=lambda policy: policy.replication.clone.estimate,
        privileges=("root on the host", "the superuser of Postgres"),
    ),
    look=lambda context, _observation, _request: look_at_replication(context),
    draft=draft_replicas,
    steps=replica_steps,
    refuse_impossible=refuse_impossible_replicas,
)
