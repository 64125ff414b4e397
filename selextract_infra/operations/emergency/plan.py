"""The Plan of an emergency: one step for all hosts, so that one playbook does everything. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.project_on_host import ProjectOnHost, project_on_host
from selextract_infra.flow.draft import PlanDraft, PlanInput, Planner
from selextract_infra.flow.limit_steps import common_values, limit_values, wanted_limits
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.base import Frozen
from selextract_infra.model.capacity import with_count, with_limits
from selextract_infra.model.decision import Decision
from selextract_infra.model.emergency import PLAYBOOK
from selextract_infra.model.figures import count
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import Limits, Observation
from selextract_infra.model.plan import Change, CostChange, PendingRecreation, Step
from selextract_infra.model.scaling import EmergencyDecision
from selextract_infra.operations.emergency.operation import EmergencyRequest
from selextract_infra.templates.nginx import SWITCHES

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["OPERATION", "PLANNER", "STEP"]

OPERATION = "emergency"
STEP = "emergency"

_LIMITS = ("memory", "cpus")


class EmergencyParameters(Frozen):
    """Why it is granted, how urgent it is, when it ends by itself, and who has to hear of it."""

    reason: str
    severity: IncidentSeverity | None
    expires_at: str
    escalate: str | None


def _draft(given: PlanInput[EmergencyRequest, EmergencyDecision]) -> PlanDraft:
    """What carries the decision out on the hosts that were seen; without a step where nothing is granted."""
    observation, policy, decision, reason = given.observation, given.policy, given.look, given.request.reason
    hosts = {value.host for value in decision.granted}
    projects = {
        host.name: project_on_host(host, project, policy)
        for host in observation.hosts
        if host.name in hosts and (project := host.project(policy.application.project or "")) is not None
    }
    return PlanDraft(
        parameters=EmergencyParameters(
            reason=reason,
            severity=decision.severity,
            expires_at=decision.expires_at.isoformat(),
            escalate=decision.escalate,
        ),
        hosts=tuple(projects),
        decisions=decision.decisions,
        steps=tuple(_step(observation, policy, decision, projects, made_by=given.made_by, reason=reason)),
        findings=(*decision.findings, *_refusals(decision)),
        cost=CostChange(sentence="A fixed host costs the same however much it carries (X-55)."),
        pending_recreations=tuple(_pending(decision, projects)),
    )


def _step(
    observation: Observation,
    policy: Policy,
    decision: EmergencyDecision,
    projects: Mapping[str, ProjectOnHost],
    *,
    made_by: str,
    reason: str,
) -> Iterator[Step]:
    if not projects:
        return
    times = policy.emergency.actions.times
    about = {"severity": decision.severity or "", "reason": reason, "owner": made_by}
    values = {
        name: {
            **_values(observation, name, project, [value for value in decision.granted if value.host == name], policy),
            "expires_at": decision.expires_at.timestamp(),
            "about": about,
        }
        for name, project in projects.items()
    }
    yield Step(
        id=STEP,
        title=f"Grant {count(len(decision.granted), 'value')} on {', '.join(projects)} until"
        f" {decision.expires_at:%H:%M:%S}Z",
        playbook=PLAYBOOK,
        hosts=tuple(projects),
        values=values,
        changes=tuple(
            Change(
                host=value.host,
                subject=value.service,
                resource=value.resource,
                before=value.current,
                after=value.granted,
            )
            for value in decision.granted
        ),
        verification="Every granted instance runs and is healthy with its limits; all health addresses answer.",
        rollback="What the host noted before it was touched is put back; by itself when the time is over, too.",
        estimate_seconds=times.estimate,
        rollback_seconds=times.rollback,
        timeout_seconds=times.timeout,
    )


def _values(
    observation: Observation, host: str, project: ProjectOnHost, granted: list[Decision], policy: Policy
) -> dict[str, Any]:
    """What the playbook reads for one host."""
    limited = [value for value in granted if value.resource in _LIMITS]
    wanted = wanted_limits(host, project, limited)
    counts = {value.service: int(value.granted or 0) for value in granted if value.resource == "instances"}
    return {
        **common_values(project, policy, policy.emergency.actions.times.gate),
        "counts": counts,
        "drain_seconds": policy.balancing.proxy.drain,
        "switches": sorted(value.resource for value in granted if value.resource in SWITCHES),
        "edge_folder": policy.application.edge.nginx_include,
        "services": {
            name: limit_values(wanted[name], project.services[name])
            for name in sorted({value.service for value in limited})
        },
        "capacity": {"services": _capacity(observation, host, project, wanted, limited, counts)},
    }


def _capacity(
    observation: Observation,
    host: str,
    project: ProjectOnHost,
    wanted: Mapping[str, Limits],
    limited: list[Decision],
    counts: Mapping[str, int],
) -> dict[str, Any]:
    """The whole capacity file: new instances start with the limits that hold during the emergency."""
    capacity = dict(project.capacity)
    for name in sorted({value.service for value in limited}):
        changed = {value.resource for value in limited if value.service == name}
        limits = wanted[name]
        written = Limits(
            memory=limits.memory if "memory" in changed else None,
            swap=limits.swap if "memory" in changed else None,
            cpus=limits.cpus if "cpus" in changed else None,
        )
        capacity = with_limits(capacity, name, written, project.services[name].form)
    observed = observation.host(host)
    known = observed.project(project.project) if observed else None
    forms = {service.name: service.count_form for service in known.services} if known else {}
    for name, instances in sorted(counts.items()):
        capacity = with_count(capacity, name, instances, forms.get(name))
    return capacity


def _refusals(decision: EmergencyDecision) -> Iterator[Finding]:
    """What was requested and is not granted at all, as a finding each, and that others have to hear of it."""
    for value in decision.decisions:
        if not value.changes and value.why_less and value.requested != value.current:
            what = f"{value.service} {value.resource}".strip()
            yield Finding(
                rule=value.rule,
                severity=Severity.MAJOR,
                rule_class=RuleClass.CLAMP,
                subject=f"{value.host}/{what}" if value.host else what,
                sentence=f"{what} is not granted: {value.why_less}.",
            )
    if decision.escalate:
        yield Finding(
            rule="X-16",
            severity=Severity.MAJOR,
            rule_class=RuleClass.FIX,
            subject="emergency",
            sentence=f"Others have to hear of it at once: {decision.escalate}.",
        )


def _pending(decision: EmergencyDecision, projects: Mapping[str, ProjectOnHost]) -> Iterator[PendingRecreation]:
    """While it is on, the app's own next ``up`` recreates what has higher limits."""
    changed = {(value.host, value.service) for value in decision.granted if value.resource in _LIMITS}
    for host, service in sorted(changed):
        yield PendingRecreation(
            host=host,
            project=projects[host].project,
            service=service,
            why="its limits are higher for as long as the emergency lasts",
        )


# Without steps to build again: what helps now is decided now, so a saved Plan of it is not carried out.
PLANNER = Planner(
    parameters=EmergencyParameters,
    draft=_draft,
)
