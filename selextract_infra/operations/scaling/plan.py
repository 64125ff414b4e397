"""The Plan of scaling by hand: so many instances of these services. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from selextract_infra.assess.incident import refuse_during_emergency
from selextract_infra.assess.service import app_services
from selextract_infra.errors import RefusedError
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.flow.saved_refusals import impossible, refuse_foreign_keys
from selextract_infra.model.decision import Decision
from selextract_infra.model.observation import ContainerObservation, HostObservation
from selextract_infra.model.plan import CostChange, Plan
from selextract_infra.operations.scaling.decide import SCALED_ROLES, decide_scale
from selextract_infra.operations.scaling.operation import ScaleRequest
from selextract_infra.operations.scaling.steps import ScaledProject, ScaledServiceOnHost, scale_steps

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PLANNER", "scaled_project"]

_MOST = 1000  # no number of instances that a plan may say without a bound


class ScaleParameters(ScaleRequest):
    """The request, and by host the project whose instances are counted."""

    projects: dict[str, ScaledProject]


def _draft(given: PlanInput[ScaleRequest, None]) -> PlanDraft:
    """Give services these counts; nothing where they have them already.

    Raises ``UsageError`` for what is not known, ``RefusedError`` where a rule forbids a count; see ``decide_scale``.
    """
    observation, request, policy = given.observation, given.request, given.policy
    decisions = decide_scale(observation, policy, request.wanted, hosts=request.hosts, overrides=request.overrides)
    about = {decision.host for decision in decisions}
    projects = {host.name: scaled_project(host, policy) for host in observation.hosts if host.name in about}
    changes = any(decision.changes for decision in decisions)
    return PlanDraft(
        parameters=ScaleParameters(**dict(request), projects=projects),
        hosts=tuple(projects),
        decisions=decisions,
        steps=scale_steps(decisions, projects, policy),
        cost=CostChange(
            sentence="The bill does not change, because a fixed host does not bill instances (X-55)." if changes else ""
        ),
        overrides=tuple(sorted(set(request.overrides))) if changes else (),
    )


def scaled_project(host: HostObservation, policy: Policy) -> ScaledProject:
    """The app's project as it was seen; raises ``RefusedError`` where the host has none."""
    project = host.project(policy.application.project or "")
    if project is None:
        raise RefusedError(f"{host.name} has no project of the mapped name.", rule="mapping")
    capacity = (project.capacity_file or {}).get("services")
    balancer = host.traffic.balancer
    present = {
        container.service for container in host.containers if container.project == project.name and container.service
    }
    services = {
        service.name: ScaledServiceOnHost(
            form=service.definition.count_form,
            instances=tuple(container.name for container in sorted(service.running, key=_leaves_first)),
            stopped=tuple(container.name for container in service.stopped),
            stop_grace=max(container.stop_grace_seconds or 0.0 for container in service.containers),
            balanced=balancer is not None and balancer.running and balancer.service == service.name,
            answer=host.traffic.edge.answer if host.traffic.edge else None,
        )
        for service in app_services(host, policy)
        if service.role in SCALED_ROLES and service.definition is not None
    }
    return ScaledProject(
        project=project.name,
        directory=project.directory,
        present=tuple(sorted(present)),
        capacity=capacity if isinstance(capacity, dict) else {},
        services=services,
    )


def _refuse_impossible_counts(saved: Plan, parameters: ScaleParameters, policy: Policy) -> None:
    """Raise ``RefusedError`` for what scaling never says."""
    for decision in saved.decisions:
        _refuse_impossible(decision, parameters.projects, policy)
    refuse_foreign_keys({name: project.capacity for name, project in parameters.projects.items()})


def _refuse_impossible(decision: Decision, projects: Mapping[str, ScaledProject], policy: Policy) -> None:
    project = projects.get(decision.host)
    service = project.services.get(decision.service) if project else None
    mapped = policy.application.services.get(decision.service)
    reason = None
    if service is None or mapped is None or mapped.role not in SCALED_ROLES:
        reason = "its instances are not counted"
    elif decision.resource != "instances":
        reason = "scaling does not change that"
    elif not isinstance(decision.granted, int) or not 1 <= decision.granted <= _MOST:
        reason = "no service can have that many"
    elif decision.current != len(service.instances):
        reason = "it does not have as many as the plan says"
    if reason is not None:
        raise impossible(decision, f"but {reason}")


def _leaves_first(container: ContainerObservation) -> tuple[bool, int]:
    """What is not healthy goes first, then the newest."""
    return container.state == "running" and container.health in (None, "healthy"), -(container.number or 0)


PLANNER = Planner(
    parameters=ScaleParameters,
    draft=_draft,
    steps=lambda decisions, kept, policy: scale_steps(decisions, kept.projects, policy),
    refuse_impossible=_refuse_impossible_counts,
    guards=(refuse_during_emergency,),
)
