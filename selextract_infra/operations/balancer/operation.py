"""The balancer before the API: look, plan it on or off."""

from __future__ import annotations

from selextract_infra.flow.context import Context
from selextract_infra.flow.plans import recorded, seen_for_plan
from selextract_infra.hosts.identity import owner
from selextract_infra.model.plan import Plan
from selextract_infra.operations.balancer.plan import balancer, mapped_names

__all__ = ["plan_balancer"]


def plan_balancer(context: Context, *, on: bool, to_apply: bool = False) -> Plan:
    """The Plan that turns the balancer on or off, recorded in the journal.

    Raises ``RefusedError`` for what is not mapped, ``HostError`` when no host at all could be looked at, and with
    ``to_apply`` ``LockedError`` when a Run is unfinished on a host.
    """
    mapped_names(context.policy)
    seen = seen_for_plan(context, to_apply=to_apply)
    plan = balancer(seen, context.policy, on=on, made_by=owner())
    return recorded(context, plan, seen)
