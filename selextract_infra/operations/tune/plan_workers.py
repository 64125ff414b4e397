"""The Plan of tuning workers and API where they run: variables in the capacity file, then one instance at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.mapped_role import roles_seen
from selextract_infra.assess.project_on_host import ProjectOnHost, ServiceOnHost, project_on_host
from selextract_infra.assess.service import sampled_services
from selextract_infra.assess.usage import attachment_findings
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.flow.limit_steps import settle_values
from selextract_infra.flow.proof import not_proved, proof_values
from selextract_infra.flow.saved_refusals import impossible, refuse_foreign_keys
from selextract_infra.model.capacity import with_environment
from selextract_infra.model.decision import Decision
from selextract_infra.model.figures import count
from selextract_infra.model.finding import Finding
from selextract_infra.model.plan import Change, CostChange, Plan, Step
from selextract_infra.operations.tune.decide_services import (
    STOP_GRACE,
    TUNED_ROLES,
    WorkloadHints,
    retune_service,
    variable_of,
)
from selextract_infra.operations.tune.operation_workers import TuneWorkersRequest

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PLANNER"]

PLAYBOOK = "selextract.infra.tune_workers"


class TuneWorkersParameters(TuneWorkersRequest):
    """The request, and by host the project that the steps write into."""

    projects: dict[str, ProjectOnHost]


def _draft(given: PlanInput[TuneWorkersRequest, None]) -> PlanDraft:
    """Give workers and API their concurrency and the rest; nothing where their containers have it.

    Raises ``UsageError`` for a service that is not mapped as worker or API, ``RefusedError`` where none runs or not
    even one task fits (X-08).
    """
    observation, policy, request, service = given.observation, given.policy, given.request, given.request.service
    hints = WorkloadHints(**request.model_dump(exclude={"service"}))
    tuned = {name for name, role in roles_seen(observation, policy).items() if role in TUNED_ROLES}
    if service is not None and service not in tuned:
        known = ", ".join(sorted(tuned)) or "none"
        raise UsageError(
            f"{service} is not mapped as a worker or an API, or is none by what runs in it; there are {known}."
        )
    projects: dict[str, ProjectOnHost] = {}
    decisions: list[Decision] = []
    findings: list[Finding] = []
    for host in observation.hosts:
        project = host.project(policy.application.project or "")
        if host.problem is not None or project is None or project.problem is not None:
            continue
        if project.unwritable is not None:
            raise RefusedError(f"{host.name}: {project.unwritable}", rule="attachment", remedy="nothing was touched")
        findings += attachment_findings(host, project)
        services = [
            each
            for each in sampled_services(host, policy, given.at, {service} if service else tuned)
            if each.role in TUNED_ROLES
        ]
        if services:
            projects[host.name] = project_on_host(host, project, policy)
        for running in sorted(services, key=lambda each: TUNED_ROLES.index(each.role)):
            decided, consequences = retune_service(host, running, policy, hints)
            decisions += decided
            findings += consequences
    if not projects and observation.hosts:
        raise RefusedError(
            "No service that is mapped as a worker or an API runs on these hosts.",
            rule="mapping",
            remedy="give the service the role worker or api in the application mapping, or start it",
        )
    return PlanDraft(
        parameters=TuneWorkersParameters(**dict(request), projects=projects),
        hosts=tuple(projects),
        decisions=decisions,
        steps=_tune_workers_steps(decisions, projects, policy),
        findings=findings,
        cost=CostChange(sentence="Settings cost nothing; the bill stays as it is."),
    )


def _tune_workers_steps(
    decisions: Sequence[Decision], projects: Mapping[str, ProjectOnHost], policy: Policy
) -> tuple[Step, ...]:
    """One step for each service that changes; a later one on the same host keeps what an earlier one wrote."""
    return tuple(step for host in sorted(projects) for step in _steps(host, projects[host], decisions, policy))


def _refuse_impossible_workers(saved: Plan, parameters: TuneWorkersParameters, policy: Policy) -> None:
    """Raise ``RefusedError`` for what tuning never says."""
    refuse_foreign_keys({name: project.capacity for name, project in parameters.projects.items()})
    for decision in saved.decisions:
        if decision.changes:
            _refuse_impossible(decision, parameters.projects, policy)


def _refuse_impossible(decision: Decision, projects: Mapping[str, ProjectOnHost], policy: Policy) -> None:
    mapped = policy.application.services.get(decision.service)
    project = projects.get(decision.host)
    known = mapped is not None and project is not None and decision.service in project.services
    variable = variable_of(decision.resource, mapped.environment) if known and mapped else None
    if variable is None or variable != decision.numbers.get("variable") or (decision.granted or 0) < 1:
        raise impossible(decision, "which tuning never does")


def _steps(host: str, project: ProjectOnHost, decisions: Sequence[Decision], policy: Policy) -> Iterator[Step]:
    capacity: Mapping[str, Any] = project.capacity
    own = [decision for decision in decisions if decision.host == host]
    for name in dict.fromkeys(decision.service for decision in own if decision.changes):
        changing = [decision for decision in own if decision.changes and decision.service == name]
        variables = {str(decision.numbers["variable"]): _written(decision.granted or 0) for decision in changing}
        capacity = with_environment(capacity, name, variables)
        grace = max(
            [project.services[name].stop_grace or 0.0]
            + [
                float(decision.numbers["wanted"])
                for decision in own
                if decision.service == name and decision.resource == STOP_GRACE
            ]
        )
        yield _step(host, project, name, changing, capacity, grace, policy)


def _step(
    host: str,
    project: ProjectOnHost,
    name: str,
    changing: Collection[Decision],
    capacity: Mapping[str, Any],
    grace: float,
    policy: Policy,
) -> Step:
    service: ServiceOnHost = project.services[name]
    instances, times = len(service.containers), policy.rightsizing.settle
    return Step(
        id=f"tune-{host}-{name}",
        title=f"Recreate {name} on {host} with {count(len(changing), 'new setting')}, one instance at a time",
        playbook=PLAYBOOK,
        hosts=(host,),
        values={
            host: {
                "project": project.project,
                "directory": policy.application.directory or project.directory,
                **proof_values(project.present, policy),
                "gate_seconds": times.gate,
                "policy_digest": policy.digest,
                "services": {name: {}},
                "capacity": {"services": dict(capacity)},
                "settle": [settle_values(name, service.containers, grace, policy, service)],
            }
        },
        changes=tuple(
            Change(host=host, subject=name, resource=decision.resource, before=decision.current, after=decision.granted)
            for decision in changing
        ),
        verification="Each instance ends what it has begun before it is replaced; the new one runs, is healthy and is"
        " made from the files in force before the next one is asked to stop."
        f"{not_proved([name], project.services, policy)}",
        rollback="The file from before is put back, and each instance that was replaced is made again as it was.",
        disrupts=instances < 2 or not service.has_healthcheck,
        estimate_seconds=instances * times.estimate,
        rollback_seconds=instances * (times.rollback + grace),
        timeout_seconds=instances * (times.timeout + grace),
    )


def _written(value: float) -> int | float:
    return int(value) if value == int(value) else value


PLANNER = Planner(
    parameters=TuneWorkersParameters,
    draft=_draft,
    steps=lambda decisions, kept, policy: _tune_workers_steps(decisions, kept.projects, policy),
    refuse_impossible=_refuse_impossible_workers,
)
