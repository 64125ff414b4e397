"""PgBouncer: look, decide, plan, and on demand apply; and how it stands now."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import AwareDatetime

from selextract_infra.flow.context import Context
from selextract_infra.flow.plans import recorded, seen_for_plan
from selextract_infra.hosts.identity import owner
from selextract_infra.model.base import Frozen
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.pooler import PoolerLook
from selextract_infra.operations.pgbouncer.observe import look_at_poolers
from selextract_infra.operations.pgbouncer.plan import pgbouncer_off, pgbouncer_on

__all__ = ["PoolerStatus", "plan_pgbouncer_off", "plan_pgbouncer_on", "pooler_status"]


class PoolerStatus(Frozen):
    """PgBouncer on every host that answers; ``unreachable`` has the reason for each other."""

    at: AwareDatetime
    hosts: dict[str, PoolerLook]
    unreachable: dict[str, str]


def plan_pgbouncer_on(
    context: Context, *, replace: bool = False, overrides: Collection[str] = (), to_apply: bool = False
) -> Plan:
    """The Plan that puts PgBouncer up, or changes it, and leads the app to it; recorded in the journal.

    Raises ``RefusedError`` where a rule forbids it, ``HostError`` when no host could be looked at, and with
    ``to_apply`` ``LockedError`` when a Run is unfinished on a host.
    """
    seen, looks = _seen(context, image=context.policy.pgbouncer.container.image, to_apply=to_apply)
    plan = pgbouncer_on(seen, looks, context.policy, replace=replace, made_by=owner(), overrides=overrides)
    return recorded(context, plan, seen)


def plan_pgbouncer_off(context: Context, *, overrides: Collection[str] = (), to_apply: bool = False) -> Plan:
    """The Plan that leads the app back to its database and takes PgBouncer away; raises like ``plan_pgbouncer_on``."""
    seen, looks = _seen(context, to_apply=to_apply)
    plan = pgbouncer_off(seen, looks, context.policy, made_by=owner(), overrides=overrides)
    return recorded(context, plan, seen)


def pooler_status(context: Context) -> PoolerStatus:
    """Pools, who waits, and whose transactions are open, on every host now; nothing is changed or recorded."""
    names = tuple(host.name for host in context.inventory.hosts)
    looks = look_at_poolers(context.inventory, context.policy, names, cancel=context.cancel, on_event=context.on_event)
    silent = {name: "It did not answer; selextract-infra doctor says why." for name in names if name not in looks}
    return PoolerStatus(at=context.clock(), hosts=looks, unreachable=silent)


def _seen(context: Context, *, image: str | None = None, to_apply: bool) -> tuple[Observation, dict[str, PoolerLook]]:
    seen = seen_for_plan(context, to_apply=to_apply)
    names = tuple(host.name for host in seen.hosts if host.problem is None)
    looks = look_at_poolers(
        context.inventory, context.policy, names, image=image, cancel=context.cancel, on_event=context.on_event
    )
    return seen, looks
