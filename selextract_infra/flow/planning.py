"""How every operation comes to its Plan: look, let it decide, complete what it wants to a Plan, record that."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from selextract_infra.assess.mapped_role import mapping_findings, refuse_unmatched
from selextract_infra.errors import UsageError
from selextract_infra.flow.draft import PlanInput
from selextract_infra.flow.manifest import AnyManifest, Request
from selextract_infra.flow.operation import Operation
from selextract_infra.flow.reachability import missing_hosts, refuse_blindness
from selextract_infra.hosts.identity import owner
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.policy import Policy

__all__ = ["look_for_plan", "plan_from", "plan_operation", "record_plan", "request_for"]


def plan_operation(
    context: Context,
    operation: Operation,
    request: Request,
    *,
    observation: Observation | None = None,
    to_apply: bool = False,
) -> Plan:
    """The Plan of an operation for the hosts as they are now, or as ``observation`` says; recorded in the journal.

    Raises ``RefusedError`` where a rule forbids what was asked, ``UsageError`` for unknown names, ``HostError`` when no
    host at all could be looked at, and with ``to_apply`` ``LockedError`` when a Run is unfinished on a host.
    """
    if operation.refuse_request:
        hosts = tuple(host.name for host in context.inventory.hosts)
        operation.refuse_request(request, context.policy, hosts)
    observation = look_for_plan(context, observation, to_apply=to_apply)
    look = operation.look(context, observation, request) if operation.look else None
    plan = plan_from(operation, observation, request, context.policy, look=look, made_by=owner())
    if operation.refuse_plan:
        operation.refuse_plan(context, plan)
    return record_plan(context, plan, observation)


def look_for_plan(context: Context, observation: Observation | None = None, *, to_apply: bool) -> Observation:
    """The hosts as they are now, or as ``observation`` says.

    Raises ``HostError`` when no host at all could be looked at, and with ``to_apply`` ``LockedError`` when a Run is
    unfinished on a host.
    """
    # Here, because it brings what reaches hosts, and who only plans (a filter plugin, a script) needs none of that.
    from selextract_infra.flow.unfinished import refuse_unfinished

    observation = observation or context.observe()
    refuse_blindness(observation)
    if to_apply:
        refuse_unfinished(observation)
    return observation


def plan_from(
    operation: Operation,
    observation: Observation,
    request: Request,
    policy: Policy,
    *,
    look: Any = None,
    at: datetime | None = None,
    made_by: str = "",
) -> Plan:
    """The Plan that an operation makes of what was seen. Pure; the one place that makes a Plan.

    ``look`` is what the operation reads besides the Observation, ``at`` the time to judge by (by default that of the
    Observation). Raises as the operation does.
    """
    for refuse in operation.guards:
        refuse(observation)
    if operation.about_app:
        refuse_unmatched(observation, policy)
    moment = at or observation.at
    draft = operation.draft(PlanInput(observation, request, policy, look, moment, made_by))
    return Plan(
        operation=operation.name,
        parameters=draft.parameters.model_dump(mode="json") if draft.parameters else {},
        made_at=moment,
        made_by=made_by,
        policy_digest=policy.digest,
        observation_digest=observation.digest,
        host_digests={name: observation.host_digests[name] for name in draft.hosts},
        hosts=draft.hosts,
        decisions=tuple(draft.decisions),
        steps=tuple(draft.steps),
        findings=(*mapping_findings(observation, policy), *draft.findings),
        cost=draft.cost,
        pending_recreations=tuple(draft.pending_recreations),
        overrides=tuple(draft.overrides),
    )


def record_plan(context: Context, plan: Plan, observation: Observation) -> Plan:
    """The Plan with the hosts that it leaves out because they could not be looked at, as it now is in the journal."""
    plan = plan.model_copy(update={"missing": missing_hosts(observation)})
    context.journal.record_plan(plan)
    return plan


def request_for(manifest: AnyManifest, values: Mapping[str, Any]) -> Request:
    """The request with these values. Raises ``UsageError`` for one that the operation does not know or cannot be."""
    try:
        request: Request = manifest.request.model_validate(dict(values))
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the request"
        raise UsageError(f"{where} of {manifest.noun}: {first['msg']}.") from problem
    return request
