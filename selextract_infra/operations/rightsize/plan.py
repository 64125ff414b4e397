"""The Plan of right-sizing: what should change where, the steps that do it, what it costs and disrupts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from selextract_infra.assess.hardware import prices_hold
from selextract_infra.assess.incident import refuse_during_emergency
from selextract_infra.assess.project_on_host import ProjectOnHost, pending_recreations, project_on_host
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.flow.limit_steps import SETTLE
from selextract_infra.flow.saved_refusals import impossible, refuse_foreign_keys
from selextract_infra.model.decision import Decision
from selextract_infra.model.figures import dollars
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import CostChange, PendingRecreation, Plan, Step
from selextract_infra.operations.rightsize.decide import decide_rightsize
from selextract_infra.operations.rightsize.operation import RightsizeRequest
from selextract_infra.operations.rightsize.requested import LimitRequest
from selextract_infra.operations.rightsize.steps import rightsize_steps

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PLANNER"]


class RightsizeParameters(RightsizeRequest):
    """The request, and by host the project that the steps write into."""

    projects: dict[str, ProjectOnHost]


def _draft(given: PlanInput[RightsizeRequest, None]) -> PlanDraft:
    """Give every mapped service its right size, as it was seen; nothing where nothing is to be done.

    Raises ``UsageError`` for unknown names and impossible values, ``RefusedError`` where a rule forbids what was asked.
    """
    observation, request, policy, hosts = given.observation, given.request, given.policy, given.request.hosts
    decided = decide_rightsize(
        observation,
        policy,
        at=given.at,
        hosts=hosts,
        asked=LimitRequest(request.service, request.memory, request.cpus),
        settle=request.settle,
        overrides=request.overrides,
    )
    projects = {
        host.name: project_on_host(host, project, policy, request.service, decided.recreate)
        for host in observation.hosts
        if (hosts is None or host.name in hosts)
        and host.problem is None
        and (project := host.project(policy.application.project or "")) is not None
        and project.problem is None
    }
    steps = rightsize_steps(decided.decisions, projects, policy, settle=request.settle)
    return PlanDraft(
        parameters=RightsizeParameters(**dict(request), projects=projects),
        hosts=tuple(projects),
        decisions=decided.decisions,
        steps=steps,
        findings=decided.findings,
        cost=_cost(decided.decisions, policy),
        pending_recreations=tuple(_pending(observation, policy, projects, decided.decisions, steps)),
        overrides=decided.overrides,
    )


def _refuse_impossible_limits(saved: Plan, parameters: RightsizeParameters, policy: Policy) -> None:
    """Raise ``RefusedError`` for what right-sizing never says."""
    for decision in saved.decisions:
        if decision.changes:
            _refuse_impossible(decision, parameters.projects, policy)
    refuse_foreign_keys({name: project.capacity for name, project in parameters.projects.items()})


def _refuse_impossible(decision: Decision, projects: Mapping[str, ProjectOnHost], policy: Policy) -> None:
    project = projects.get(decision.host)
    service = project.services.get(decision.service) if project else None
    floors = {"memory": policy.rightsizing.memory_floor, "cpus": policy.rightsizing.cpu_floor}
    reason = None
    if service is None or decision.service not in policy.application.services:
        reason = "that service is not part of it"
    elif decision.resource not in floors:
        reason = "right-sizing does not change that"
    elif decision.granted is None or decision.granted < floors[decision.resource]:
        reason = "that is no limit a container can have"
    elif decision.current != getattr(service.limits, decision.resource):
        reason = "its limits before are not those of its containers"
    if reason is not None:
        raise impossible(decision, f"but {reason}")


def _cost(decisions: Sequence[Decision], policy: Policy) -> CostChange:
    """What the changed limits are worth at the guide's unit prices; a fixed host bills none of it (CST-06, X-55)."""
    worth = -sum(float(decision.numbers.get("saving_dollars", 0.0)) for decision in decisions if decision.changes)
    worth = round(worth, 2) + 0.0
    prices = policy.cost.prices
    if not any(decision.changes for decision in decisions):
        return CostChange(sentence="Nothing changes, so neither does the bill.")
    if not prices_hold(policy):
        sentence = (
            "What the limits are worth is unknown: nobody states cost.prices. A fixed host bills none of it (X-55)."
        )
        return CostChange(sentence=sentence)
    claimed = policy.optimisation.savings["container_rightsizing"].saves
    guide = f" The guide claims {dollars(claimed)} a month for this (X-55)."
    less = f"{dollars(-worth)} a month less" if worth < 0 else f"{dollars(worth)} a month more"
    return CostChange(
        claimed=worth,
        realised=0.0,
        sentence=f"At {dollars(prices.per_gb_memory)} per GB and {dollars(prices.per_core)} per core the limits are"
        f" worth {less}; the bill changes by $0, because a fixed host does not bill limits."
        f"{guide if policy.holds('optimisation.savings') else ''}",
    )


def _pending(
    observation: Observation,
    policy: Policy,
    projects: Mapping[str, ProjectOnHost],
    decisions: Sequence[Decision],
    steps: Sequence[Step],
) -> Iterator[PendingRecreation]:
    """Services that the app's next ``up`` recreates once this Plan is applied: changed in place, or differing now."""
    settled = {
        (host, entry["service"])
        for step in steps
        if step.playbook == SETTLE
        for host, values in step.values.items()
        for entry in values["settle"]
    }
    changed = {(decision.host, decision.service) for decision in decisions if decision.changes}
    differing = {(pending.host, pending.service): pending for pending in pending_recreations(observation, policy)}
    for key in sorted({*changed, *differing} - settled):
        if key in changed:
            why = "its limits change in place, so its configuration no longer is what it was created from"
            yield PendingRecreation(host=key[0], project=projects[key[0]].project, service=key[1], why=why)
        elif key[0] in projects:
            yield differing[key]


PLANNER = Planner(
    parameters=RightsizeParameters,
    draft=_draft,
    steps=lambda decisions, kept, policy: rightsize_steps(decisions, kept.projects, policy, settle=kept.settle),
    refuse_impossible=_refuse_impossible_limits,
    guards=(refuse_during_emergency,),
)
