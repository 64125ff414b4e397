"""The Plan of tuning workers and API where they run: variables in the capacity file, then one instance at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from selextract_infra.assess.usage import attachment_findings
from selextract_infra.decide.retune_services import STOP_GRACE, TUNED_ROLES, Asked, retune_service, variable_of
from selextract_infra.decide.services import services_of
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.capacity import foreign_keys, with_environment
from selextract_infra.model.decision import Decision
from selextract_infra.model.figures import count
from selextract_infra.model.finding import Finding
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Change, CostChange, Plan, Step
from selextract_infra.plan.parameters import read_parameters
from selextract_infra.plan.project_on_host import ProjectOnHost, ServiceOnHost, project_on_host

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["OPERATION", "PLAYBOOK", "rebuilt_tune_workers", "tune_workers_plan", "tune_workers_steps"]

OPERATION = "tune workers"
PLAYBOOK = "selextract.infra.tune_workers"

_PROJECTS = TypeAdapter(dict[str, ProjectOnHost])


def tune_workers_plan(
    seen: Observation,
    policy: Policy,
    *,
    at: datetime | None = None,
    made_by: str = "",
    service: str | None = None,
    asked: Asked | None = None,
) -> Plan:
    """The Plan that gives workers and API their concurrency and the rest; empty where their containers have it.

    ``service`` narrows it to one service, ``asked`` says what the operator knows of the work. Raises ``UsageError`` for
    a service that is not mapped as worker or API, ``RefusedError`` where none runs or not even one task fits (X-08).
    """
    moment = at or seen.at
    tuned = {name for name, one in policy.application.services.items() if one.role in TUNED_ROLES}
    if service is not None and service not in tuned:
        known = ", ".join(sorted(tuned)) or "none"
        raise UsageError(f"{service} is not mapped as a worker or an API; there are {known}.")
    projects: dict[str, ProjectOnHost] = {}
    decisions: list[Decision] = []
    findings: list[Finding] = []
    for host in seen.hosts:
        project = host.project(policy.application.project or "")
        if host.problem is not None or project is None or project.problem is not None:
            continue
        if project.unwritable is not None:
            raise RefusedError(f"{host.name}: {project.unwritable}", rule="attachment", remedy="nothing was touched")
        findings += attachment_findings(host, project)
        found = services_of(host, project, policy, moment, {service} if service else tuned)
        if found:
            projects[host.name] = project_on_host(host, project, policy.application.services, None, ())
        for one in sorted(found, key=lambda each: TUNED_ROLES.index(each.role)):
            decided, told = retune_service(host, one, policy, asked or Asked())
            decisions += decided
            findings += told
    if not projects and seen.hosts:
        raise RefusedError(
            "No service that is mapped as a worker or an API runs on these hosts.",
            rule="mapping",
            remedy="give the service the role worker or api in the application mapping, or start it",
        )
    return Plan(
        operation=OPERATION,
        parameters={"projects": {name: one.model_dump(mode="json") for name, one in projects.items()}},
        made_at=moment,
        made_by=made_by,
        policy_digest=policy.digest,
        observation_digest=seen.digest,
        host_digests={name: seen.host_digests[name] for name in projects},
        hosts=tuple(projects),
        decisions=tuple(decisions),
        steps=tune_workers_steps(decisions, projects, policy),
        findings=tuple(findings),
        cost=CostChange(sentence="Settings cost nothing; the bill stays as it is."),
    )


def tune_workers_steps(
    decisions: Sequence[Decision], projects: Mapping[str, ProjectOnHost], policy: Policy
) -> tuple[Step, ...]:
    """One step for each service that changes; a later one on the same host keeps what an earlier one wrote."""
    return tuple(step for host in sorted(projects) for step in _steps(host, projects[host], decisions, policy))


def rebuilt_tune_workers(said: Plan, policy: Policy) -> tuple[Step, ...]:
    """The steps of a saved Plan, built again from its decisions.

    Raises ``UsageError`` for parameters that describe no projects, ``RefusedError`` for decisions that tuning never
    makes.
    """
    projects = read_parameters(_PROJECTS.validate_python, said.parameters.get("projects"), "tuning", "projects")
    for name, project in projects.items():
        foreign = foreign_keys({"services": project.capacity})
        if foreign:
            raise RefusedError(
                f"The plan would write what is not ours on {name}: {', '.join(foreign[:3])}.", rule="saved plan"
            )
    for decision in said.decisions:
        if decision.changes:
            _refuse_impossible(decision, projects, policy)
    return tune_workers_steps(said.decisions, projects, policy)


def _refuse_impossible(decision: Decision, projects: Mapping[str, ProjectOnHost], policy: Policy) -> None:
    mapped = policy.application.services.get(decision.service)
    project = projects.get(decision.host)
    known = mapped is not None and project is not None and decision.service in project.services
    variable = variable_of(decision.resource, mapped.environment) if known and mapped else None
    if variable is None or variable != decision.numbers.get("variable") or (decision.granted or 0) < 1:
        raise RefusedError(
            f"The plan asks for {decision.resource} {decision.granted} of {decision.service} on {decision.host}, which"
            " tuning never does.",
            rule="saved plan",
            remedy="plan again; nothing was touched",
        )


def _steps(host: str, project: ProjectOnHost, decisions: Sequence[Decision], policy: Policy) -> Iterator[Step]:
    capacity: Mapping[str, Any] = project.capacity
    own = [decision for decision in decisions if decision.host == host]
    for name in dict.fromkeys(decision.service for decision in own if decision.changes):
        changing = [decision for decision in own if decision.changes and decision.service == name]
        variables = {str(one.numbers["variable"]): _written(one.granted or 0) for one in changing}
        capacity = with_environment(capacity, name, variables)
        grace = max(
            [project.services[name].stop_grace or 0.0]
            + [float(one.numbers["wanted"]) for one in own if one.service == name and one.resource == STOP_GRACE]
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
    there: ServiceOnHost = project.services[name]
    instances, times = len(there.containers), policy.rightsizing.settle
    mapped = policy.application.services
    return Step(
        id=f"tune-{host}-{name}",
        title=f"Recreate {name} on {host} with {count(len(changing), 'new setting')}, one instance at a time",
        playbook=PLAYBOOK,
        hosts=(host,),
        values={
            host: {
                "project": project.project,
                "directory": policy.application.directory or project.directory,
                "health": [url for one in project.present if one in mapped and (url := mapped[one].health)],
                "gate_seconds": times.gate,
                "policy_digest": policy.digest,
                "services": {name: {}},
                "capacity": {"services": dict(capacity)},
                "settle": [{"service": name, "containers": list(there.containers), "stop_grace": grace}],
            }
        },
        changes=tuple(
            Change(host=host, subject=name, resource=one.resource, before=one.current, after=one.granted)
            for one in changing
        ),
        verification="Each instance ends what it has begun before it is replaced; the new one runs, is healthy and is"
        " made from the files in force before the next one is asked to stop.",
        rollback="The file from before is put back, and the instances that were replaced are recreated from it.",
        disrupts=instances < 2 or not there.has_healthcheck,
        estimate_seconds=instances * times.estimate,
        rollback_seconds=instances * (times.rollback + grace),
        timeout_seconds=instances * (times.timeout + grace),
    )


def _written(value: float) -> int | float:
    return int(value) if value == int(value) else value
