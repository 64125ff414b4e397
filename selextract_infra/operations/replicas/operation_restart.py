"""Restart the servers of a replication, one after the other: look, decide, plan."""

from __future__ import annotations

from selextract_infra.flow.context import Context
from selextract_infra.flow.plans import recorded, seen_for_plan
from selextract_infra.hosts.identity import owner
from selextract_infra.model.plan import Plan
from selextract_infra.operations.replicas.operation import see_replicas
from selextract_infra.operations.replicas.plan_restart import restart_postgres

__all__ = ["plan_restart_postgres"]


def plan_restart_postgres(context: Context, *, everything: bool = False, to_apply: bool = False) -> Plan:
    """The Plan that restarts every server whose settings wait for it, or each one; recorded in the journal.

    Raises ``RefusedError`` where a replica would stop replaying, ``HostError`` when no host could be looked at, with
    ``to_apply`` ``LockedError`` for an unfinished Run.
    """
    seen = seen_for_plan(context, to_apply=to_apply)
    plan = restart_postgres(seen, see_replicas(context), context.policy, made_by=owner(), everything=everything)
    return recorded(context, plan, seen)
