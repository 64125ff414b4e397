"""A rolling restart of Postgres as the flow knows it."""

from __future__ import annotations

from selextract_infra.flow.operation import Effects, Operation
from selextract_infra.operations.replicas.observe import look_at_replication
from selextract_infra.operations.replicas.plan_restart import (
    RestartParameters,
    RestartRequest,
    draft_restart,
    restart_steps,
)

__all__ = ["RESTART_POSTGRES"]

RESTART_POSTGRES = Operation(
    name="restart postgres",
    noun="a restart",
    summary="Restart Postgres servers one after the other: the most lagged replica first, the primary last.",
    request=RestartRequest,
    parameters=RestartParameters,
    effects=Effects(
        reads=("Postgres on every host",),
        inverse="A replica is let back into the balancer; a restart itself needs no way back.",
        downtime="The primary's restart; behind PgBouncer queries wait for it.",
        seconds=lambda policy: policy.replication.restart.estimate,
        privileges=("root on the host", "the superuser of Postgres"),
    ),
    look=lambda context, _observation, _request: look_at_replication(context),
    draft=draft_restart,
    steps=restart_steps,
)
