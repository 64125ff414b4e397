"""Read replicas as the flow knows them."""

from __future__ import annotations

from selextract_infra.flow.operation import Operation
from selextract_infra.operations.replicas.manifest import MANIFEST
from selextract_infra.operations.replicas.observe import look_at_replication
from selextract_infra.operations.replicas.plan import draft_replicas, refuse_impossible_replicas
from selextract_infra.operations.replicas.steps import ReplicaParameters, replica_steps

__all__ = ["REPLICAS"]

REPLICAS = Operation(
    manifest=MANIFEST,
    parameters=ReplicaParameters,
    look=lambda context, _observation, _request: look_at_replication(context),
    draft=draft_replicas,
    steps=replica_steps,
    refuse_impossible=refuse_impossible_replicas,
)
