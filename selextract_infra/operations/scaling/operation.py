"""Scale by hand: look, check that it fits, plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from selextract_infra.flow.context import Context
from selextract_infra.flow.plans import recorded, seen_for_plan
from selextract_infra.hosts.identity import owner
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.operations.scaling.plan import scale

__all__ = ["plan_scale"]


def plan_scale(
    context: Context,
    wanted: Mapping[str, int],
    *,
    seen: Observation | None = None,
    overrides: Collection[str] = (),
    to_apply: bool = False,
) -> Plan:
    """The Plan that gives services these counts, as they are seen now or as ``seen`` says; recorded in the journal.

    Raises ``RefusedError`` where a rule forbids a count, ``UsageError`` for an unknown service, ``HostError`` when no
    host at all could be looked at, and with ``to_apply`` ``LockedError`` when a Run is unfinished on a host.
    """
    seen = seen_for_plan(context, seen, to_apply=to_apply)
    plan = scale(seen, context.policy, wanted, made_by=owner(), overrides=overrides)
    return recorded(context, plan, seen)
