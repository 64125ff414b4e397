"""The Plan of scaling by hand: so many instances of these services. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from selextract_infra.assess.incident import refuse_during_emergency
from selextract_infra.assess.service import app_services
from selextract_infra.errors import RefusedError
from selextract_infra.flow.parameters import read_parameters
from selextract_infra.model.capacity import foreign_keys
from selextract_infra.model.decision import Decision
from selextract_infra.model.observation import ContainerObservation, HostObservation, Observation
from selextract_infra.model.plan import CostChange, Plan, Step
from selextract_infra.operations.scaling.decide import SCALED_ROLES, decide_scale
from selextract_infra.operations.scaling.steps import ScaledProject, ScaledServiceOnHost, scale_steps

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["OPERATION", "rebuilt_scale", "scale", "scaled_project"]

OPERATION = "scale"
_PROJECTS = TypeAdapter(dict[str, ScaledProject])
_MOST = 1000  # no number of instances that a plan may say without a bound


def scale(
    seen: Observation,
    policy: Policy,
    wanted: Mapping[str, int],
    *,
    at: datetime | None = None,
    made_by: str = "",
    hosts: Collection[str] | None = None,
    overrides: Collection[str] = (),
) -> Plan:
    """The Plan that gives services these counts; empty where they have them already.

    Raises ``UsageError`` for what is not known, ``RefusedError`` where a rule forbids a count; see ``decide_scale``.
    """
    refuse_during_emergency(seen)
    decisions = decide_scale(seen, policy, wanted, hosts=hosts, overrides=overrides)
    chosen = [host for host in seen.hosts if host.name in {decision.host for decision in decisions}]
    projects = {host.name: scaled_project(host, policy) for host in chosen}
    changes = any(decision.changes for decision in decisions)
    return Plan(
        operation=OPERATION,
        parameters={"projects": {name: project.model_dump(mode="json") for name, project in projects.items()}},
        made_at=at or seen.at,
        made_by=made_by,
        policy_digest=policy.digest,
        observation_digest=seen.digest,
        host_digests={host.name: seen.host_digests[host.name] for host in chosen},
        hosts=tuple(projects),
        decisions=decisions,
        steps=scale_steps(decisions, projects, policy),
        cost=CostChange(
            sentence="The bill does not change, because a fixed host does not bill instances (X-55)." if changes else ""
        ),
        overrides=tuple(sorted(set(overrides))) if changes else (),
    )


def scaled_project(host: HostObservation, policy: Policy) -> ScaledProject:
    """The app's project as it was seen; raises ``RefusedError`` where the host has none."""
    project = host.project(policy.application.project or "")
    if project is None:
        raise RefusedError(f"{host.name} has no project of the mapped name.", rule="mapping")
    capacity = (project.capacity_file or {}).get("services")
    balancer = host.traffic.balancer
    present = {one.service for one in host.containers if one.project == project.name and one.service}
    services = {
        service.name: ScaledServiceOnHost(
            form=service.definition.count_form,
            instances=tuple(container.name for container in sorted(service.running, key=_leaves_first)),
            stopped=tuple(container.name for container in service.stopped),
            stop_grace=max(container.stop_grace_seconds or 0.0 for container in service.containers),
            balanced=balancer is not None and balancer.running and balancer.service == service.name,
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


def rebuilt_scale(said: Plan, policy: Policy) -> tuple[Step, ...]:
    """The steps of a saved Plan; raises ``UsageError`` or ``RefusedError`` for what scaling would never have made."""
    projects = read_parameters(_PROJECTS.validate_python, said.parameters.get("projects"), "scaling", "projects")
    for decision in said.decisions:
        _refuse_impossible(decision, projects, policy)
    for name, project in projects.items():
        foreign = foreign_keys({"services": project.capacity})
        if foreign:
            raise RefusedError(
                f"The plan would write what is not ours on {name}: {', '.join(foreign[:3])}.", rule="saved plan"
            )
    return scale_steps(said.decisions, projects, policy)


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
        raise RefusedError(
            f"The plan asks for {decision.resource} {decision.granted} of {decision.service} on {decision.host}, but"
            f" {reason}.",
            rule="saved plan",
            remedy="plan again; nothing was touched",
        )


def _leaves_first(container: ContainerObservation) -> tuple[bool, int]:
    """What is not healthy goes first, then the newest."""
    return container.state == "running" and container.health in (None, "healthy"), -(container.number or 0)
