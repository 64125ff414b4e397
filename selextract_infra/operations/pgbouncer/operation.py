"""PgBouncer as the flow knows it, and how it stands now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.flow.operation import Operation
from selextract_infra.model.observation import Observation
from selextract_infra.model.pooler import PoolerLook, PoolerStatus
from selextract_infra.operations.pgbouncer.manifest import MANIFEST, PgbouncerRequest
from selextract_infra.operations.pgbouncer.observe import look_at_poolers
from selextract_infra.operations.pgbouncer.plan import (
    PgbouncerParameters,
    draft_pgbouncer,
    rebuilt_pgbouncer,
)

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["PGBOUNCER", "pooler_status"]


def pooler_status(context: Context) -> PoolerStatus:
    """Pools, who waits, and whose transactions are open, on every host now; nothing is changed or recorded."""
    names = tuple(host.name for host in context.inventory.hosts)
    looks = look_at_poolers(context.inventory, context.policy, names, cancel=context.cancel, on_event=context.on_event)
    silent = {name: "It did not answer; selextract-infra doctor says why." for name in names if name not in looks}
    return PoolerStatus(at=context.clock(), hosts=looks, unreachable=silent)


def _look(context: Context, observation: Observation, request: PgbouncerRequest) -> dict[str, PoolerLook]:
    names = tuple(host.name for host in observation.hosts if host.problem is None)
    image = context.policy.pgbouncer.container.image if request.switch == "on" else None
    return look_at_poolers(
        context.inventory, context.policy, names, image=image, cancel=context.cancel, on_event=context.on_event
    )


PGBOUNCER = Operation(
    manifest=MANIFEST,
    parameters=PgbouncerParameters,
    look=_look,
    draft=draft_pgbouncer,
    steps=rebuilt_pgbouncer,
)
