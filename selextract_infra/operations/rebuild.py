"""A saved Plan is a statement of intent: its steps are built again by our own code from its operation and decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from selextract_infra.assess.project_on_host import ProjectOnHost
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.parameters import read_parameters
from selextract_infra.model.capacity import foreign_keys
from selextract_infra.model.decision import Decision
from selextract_infra.model.plan import Plan, Step
from selextract_infra.operations.balancer.plan import OPERATION as BALANCER
from selextract_infra.operations.balancer.plan import rebuilt_balancer
from selextract_infra.operations.pgbouncer.plan import OPERATION as PGBOUNCER
from selextract_infra.operations.pgbouncer.plan import rebuilt_pgbouncer
from selextract_infra.operations.replicas.plan import OPERATION as REPLICAS
from selextract_infra.operations.replicas.plan import rebuilt_replicas
from selextract_infra.operations.replicas.plan_restart import OPERATION as RESTART_POSTGRES
from selextract_infra.operations.replicas.plan_restart import rebuilt_restart
from selextract_infra.operations.rightsize.plan import OPERATION as RIGHTSIZE
from selextract_infra.operations.rightsize.steps import rightsize_steps
from selextract_infra.operations.scaling.plan import OPERATION as SCALE
from selextract_infra.operations.scaling.plan import rebuilt_scale
from selextract_infra.operations.tune.plan_postgres import OPERATION as TUNE_POSTGRES
from selextract_infra.operations.tune.plan_postgres import rebuilt_tune_postgres
from selextract_infra.operations.tune.plan_workers import OPERATION as TUNE_WORKERS
from selextract_infra.operations.tune.plan_workers import rebuilt_tune_workers
from selextract_infra.operations.upgrade.plan import OPERATION as UPGRADE
from selextract_infra.operations.upgrade.plan import rebuilt_upgrade

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["rebuild", "rebuild_unchanged", "rightsize_projects"]

_PROJECTS = TypeAdapter(dict[str, ProjectOnHost])


def rebuild(said: Plan, policy: Policy) -> Plan:
    """The Plan with the steps that our code builds from what it says; its digest differs where the file said others.

    Raises ``UsageError`` for an operation that is not known or parameters that do not fit it, ``RefusedError`` for
    decisions that no operation of ours would have made.
    """
    builder = _BUILDERS.get(said.operation)
    if builder is None:
        known = ", ".join(sorted(_BUILDERS))
        raise UsageError(f"The plan is for the operation {said.operation}, which is not known; there are {known}.")
    return said.model_copy(update={"steps": builder(said, policy)})


def rebuild_unchanged(said: Plan, policy: Policy) -> Plan:
    """Like ``rebuild``; raises ``RefusedError`` where the steps differ from those the Plan says."""
    built = rebuild(said, policy)
    if built.digest != said.digest:
        raise RefusedError(
            "The plan says other steps than its decisions lead to; it was edited, or made by another version.",
            rule="saved plan",
            remedy="plan again; nothing was touched",
        )
    return built


def rightsize_projects(said: Plan) -> dict[str, ProjectOnHost]:
    """The projects that a Plan of right-sizing is about. Raises ``UsageError`` for parameters of something else."""
    return read_parameters(_PROJECTS.validate_python, said.parameters.get("projects"), "right-sizing", "projects")


def _rightsize(said: Plan, policy: Policy) -> tuple[Step, ...]:
    projects = rightsize_projects(said)
    for decision in said.decisions:
        if decision.changes:
            _refuse_impossible(decision, projects, policy)
    for name, project in projects.items():
        foreign = foreign_keys({"services": project.capacity})
        if foreign:
            raise RefusedError(
                f"The plan would write what is not ours on {name}: {', '.join(foreign[:3])}.", rule="saved plan"
            )
    return rightsize_steps(said.decisions, projects, policy, settle=bool(said.parameters.get("settle")))


def _refuse_impossible(decision: Decision, projects: Mapping[str, ProjectOnHost], policy: Policy) -> None:
    """Raise ``RefusedError`` for a decision that right-sizing never makes."""
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
        raise RefusedError(
            f"The plan asks for {decision.resource} {decision.granted} of {decision.service} on {decision.host}, but"
            f" {reason}.",
            rule="saved plan",
            remedy="plan again; nothing was touched",
        )


_BUILDERS: dict[str, Callable[[Plan, Any], tuple[Step, ...]]] = {
    BALANCER: rebuilt_balancer,
    PGBOUNCER: rebuilt_pgbouncer,
    REPLICAS: rebuilt_replicas,
    RESTART_POSTGRES: rebuilt_restart,
    RIGHTSIZE: _rightsize,
    SCALE: rebuilt_scale,
    TUNE_POSTGRES: rebuilt_tune_postgres,
    TUNE_WORKERS: rebuilt_tune_workers,
    UPGRADE: rebuilt_upgrade,
}
