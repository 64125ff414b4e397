"""The balancer before the API: look, plan it on or off."""

from __future__ import annotations

from selextract_infra.apply.identity import owner
from selextract_infra.model.plan import Plan
from selextract_infra.operations.fleet import Fleet
from selextract_infra.operations.sight import missing_hosts, refuse_blindness
from selextract_infra.operations.unfinished import refuse_unfinished
from selextract_infra.plan.balancer import balancer, mapped_names

__all__ = ["plan_balancer"]


def plan_balancer(fleet: Fleet, *, on: bool, to_apply: bool = False) -> Plan:
    """The Plan that turns the balancer on or off, recorded in the journal.

    Raises ``RefusedError`` for what is not mapped, ``HostError`` when no host at all could be looked at, and with
    ``to_apply`` ``LockedError`` when a Run is unfinished on a host.
    """
    mapped_names(fleet.policy)
    seen = fleet.observe()
    refuse_blindness(seen)
    if to_apply:
        refuse_unfinished(seen)
    plan = balancer(seen, fleet.policy, on=on, made_by=owner()).model_copy(update={"missing": missing_hosts(seen)})
    fleet.journal.record_plan(plan)
    return plan
