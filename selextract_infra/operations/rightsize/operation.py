"""Right-size containers: look, decide, plan, and on demand apply."""

from __future__ import annotations

from collections.abc import Collection

from selextract_infra.flow.context import Context
from selextract_infra.flow.plans import recorded, seen_for_plan
from selextract_infra.hosts.identity import owner
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.operations.rightsize.plan import rightsize

__all__ = ["plan_rightsize"]


def plan_rightsize(
    context: Context,
    *,
    seen: Observation | None = None,
    service: str | None = None,
    memory: int | None = None,
    cpus: float | None = None,
    settle: bool = False,
    overrides: Collection[str] = (),
    to_apply: bool = False,
) -> Plan:
    """The Plan that right-sizes the fleet as it is seen now, or as ``seen`` says; recorded in the journal.

    ``memory`` (bytes) and ``cpus`` (cores) ask for values of ``service``. Raises ``RefusedError`` where a rule forbids
    what was asked, ``UsageError`` for an unknown service, ``HostError`` when no host at all could be looked at, and
    with ``to_apply`` ``LockedError`` when a Run is unfinished on a host.
    """
    seen = seen_for_plan(context, seen, to_apply=to_apply)
    plan = rightsize(
        seen,
        context.policy,
        made_by=owner(),
        service=service,
        memory=memory,
        cpus=cpus,
        settle=settle,
        overrides=overrides,
    )
    return recorded(context, plan, seen)
