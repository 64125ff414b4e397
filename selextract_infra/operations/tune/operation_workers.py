"""Tune workers and API where they run: look, decide, plan, and on demand apply."""

from __future__ import annotations

from selextract_infra.flow.context import Context
from selextract_infra.flow.plans import recorded, seen_for_plan
from selextract_infra.hosts.identity import owner
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.operations.tune.decide_services import Asked
from selextract_infra.operations.tune.plan_workers import tune_workers_plan

__all__ = ["plan_tune_workers"]


def plan_tune_workers(
    context: Context,
    *,
    seen: Observation | None = None,
    service: str | None = None,
    asked: Asked | None = None,
    to_apply: bool = False,
) -> Plan:
    """The Plan that tunes the fleet's workers and API as they are now, or as ``seen`` says; recorded in the journal.

    ``service`` narrows it to one of them, ``asked`` says what is known of their work. Raises ``UsageError`` for an
    unknown service, ``RefusedError`` where not even one task fits, ``HostError`` when no host at all could be looked
    at, and with ``to_apply`` ``LockedError`` when a Run is unfinished on a host.
    """
    seen = seen_for_plan(context, seen, to_apply=to_apply)
    plan = tune_workers_plan(seen, context.policy, made_by=owner(), service=service, asked=asked)
    return recorded(context, plan, seen)
