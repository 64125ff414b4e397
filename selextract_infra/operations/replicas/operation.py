"""Read replicas: look, decide, plan; and the look alone."""

from __future__ import annotations

from collections.abc import Sequence

from selextract_infra.flow.context import Context
from selextract_infra.flow.plans import recorded, seen_for_plan
from selextract_infra.hosts.identity import owner
from selextract_infra.model.plan import Plan
from selextract_infra.model.replication import Replication
from selextract_infra.operations.replicas.observe import observe_replication
from selextract_infra.operations.replicas.plan import replicas

__all__ = ["plan_replicas", "see_replicas"]


def see_replicas(context: Context) -> Replication:
    """The replication as it is now. Raises ``RefusedError`` where the mapping has no database."""
    return observe_replication(context.inventory, context.policy, cancel=context.cancel, on_event=context.on_event)


def plan_replicas(
    context: Context,
    *,
    count: int | None,
    on: Sequence[str] = (),
    again: Sequence[str] = (),
    to_apply: bool = False,
) -> Plan:
    """The Plan after which there are ``count`` replicas, or those there are in order; recorded in the journal.

    ``on`` names the hosts to choose from first, ``again`` those to clone anew. Raises ``RefusedError`` where a rule
    forbids it, ``HostError`` when no host could be looked at, with ``to_apply`` ``LockedError`` for an unfinished Run.
    """
    seen = seen_for_plan(context, to_apply=to_apply)
    plan = replicas(seen, see_replicas(context), context.policy, made_by=owner(), count=count, on=on, again=again)
    return recorded(context, plan, seen)
