"""Tune Postgres where it runs: look, decide, plan, and on demand apply."""

from __future__ import annotations

from collections.abc import Collection

from selextract_infra.flow.context import Context
from selextract_infra.flow.plans import recorded, seen_for_plan
from selextract_infra.hosts.identity import owner
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.operations.tune.plan_postgres import tune_postgres_plan

__all__ = ["plan_tune_postgres"]


def plan_tune_postgres(
    context: Context,
    *,
    seen: Observation | None = None,
    shared_buffers: int | None = None,
    overrides: Collection[str] = (),
    to_apply: bool = False,
) -> Plan:
    """The Plan that tunes the fleet's Postgres servers as they are now, or as ``seen`` says; recorded in the journal.

    ``shared_buffers`` asks for that many bytes. Raises ``RefusedError`` where a rule forbids what was asked or no
    mapped server runs, ``HostError`` when no host at all could be looked at, and with ``to_apply`` ``LockedError`` when
    a Run is unfinished on a host.
    """
    seen = seen_for_plan(context, seen, to_apply=to_apply)
    plan = tune_postgres_plan(seen, context.policy, made_by=owner(), shared_buffers=shared_buffers, overrides=overrides)
    return recorded(context, plan, seen)
