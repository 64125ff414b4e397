"""A rolling restart of Postgres as the flow knows it."""

from __future__ import annotations

from selextract_infra.flow.operation import Operation
from selextract_infra.operations.replicas.manifest_restart import MANIFEST
from selextract_infra.operations.replicas.observe import look_at_replication
from selextract_infra.operations.replicas.plan_restart import (
    RestartParameters,
    draft_restart,
    restart_steps,
)

__all__ = ["RESTART_POSTGRES"]

RESTART_POSTGRES = Operation(
    manifest=MANIFEST,
    parameters=RestartParameters,
    look=lambda context, _observation, _request: look_at_replication(context),
    draft=draft_restart,
    steps=restart_steps,
)
