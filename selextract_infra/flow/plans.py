"""How every operation comes to its Plan: from hosts that could be looked at, and into the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.flow.reachability import missing_hosts, refuse_blindness
from selextract_infra.flow.unfinished import refuse_unfinished
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["recorded", "seen_for_plan"]


def seen_for_plan(context: Context, seen: Observation | None = None, *, to_apply: bool) -> Observation:
    """The hosts as they are now, or as ``seen`` says.

    Raises ``HostError`` when no host at all could be looked at, and with ``to_apply`` ``LockedError`` when a Run is
    unfinished on a host.
    """
    seen = seen or context.observe()
    refuse_blindness(seen)
    if to_apply:
        refuse_unfinished(seen)
    return seen


def recorded(context: Context, plan: Plan, seen: Observation) -> Plan:
    """The Plan with the hosts that it leaves out because they could not be looked at, as it now is in the journal."""
    plan = plan.model_copy(update={"missing": missing_hosts(seen)})
    context.journal.record_plan(plan)
    return plan
