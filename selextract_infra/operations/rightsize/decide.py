"""Right-sizing: the limits that the containers of each host should have, and why. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from itertools import chain
from typing import TYPE_CHECKING

from selextract_infra.assess.hardware import prices_hold
from selextract_infra.assess.mapped_role import OTHER
from selextract_infra.assess.overrides import Overrides
from selextract_infra.assess.room import HostRoom
from selextract_infra.assess.service import Service, sampled_services
from selextract_infra.assess.usage import (
    FORMS,
    attachment_findings,
    container_findings,
    definition_findings,
    host_findings,
    project_problem,
)
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.figures import cores, memory, percent
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import HostObservation, Observation, ProjectObservation
from selextract_infra.operations.rightsize.floors import floor_of
from selextract_infra.operations.rightsize.host_fit import fitted, held_with, room_for
from selextract_infra.operations.rightsize.proposals import LimitProposal, cpu_wish, memory_wish
from selextract_infra.operations.rightsize.requested import LimitRequest, asked_cpus, asked_memory

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["Decided", "decide_rightsize"]

RESOURCES = ("memory", "cpus")


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions by host, service and resource, the findings beside them, and the overrides that were needed.

    ``recreate`` names the services, by host, whose change only new containers can have.
    """

    decisions: tuple[Decision, ...]
    findings: tuple[Finding, ...]
    overrides: tuple[str, ...]
    recreate: frozenset[tuple[str, str]]


def decide_rightsize(
    observation: Observation,
    policy: Policy,
    *,
    at: datetime,
    hosts: Collection[str] | None = None,
    asked: LimitRequest | None = None,
    settle: bool = False,
    overrides: Collection[str] = (),
) -> Decided:
    """The right size of every mapped service, as ``seen`` at ``at``.

    ``hosts`` narrows the hosts. ``asked`` narrows the services to one, or asks for its values. With ``settle`` a change
    that is not safe in place is granted too, because the containers are recreated. Raises ``UsageError`` for unknown
    names, ``RefusedError`` where a rule forbids what was asked, or where nothing at all can be right-sized.
    """
    asked = asked or LimitRequest()
    asked.check()
    chosen = _chosen(observation, hosts)
    notes = Overrides(tuple(overrides))
    projects = _projects(chosen, policy)
    if asked.service is not None:
        _refuse_unknown(asked.service, projects, policy)
    wishes: list[LimitProposal] = []
    findings: list[Finding] = list(chain.from_iterable(host_findings(host) for host in chosen))
    for host, project in projects:
        made, remarks = _decided_on(host, project, policy, at, asked, notes, settle=settle)
        wishes += made
        findings += remarks
    findings += _missing(projects, policy)
    findings += _absent_hosts(observation, hosts)
    return Decided(
        decisions=tuple(_decision(wish, policy) for wish in wishes),
        findings=tuple(findings),
        overrides=tuple(notes.used),
        recreate=frozenset(
            (wish.service.host, wish.service.name) for wish in wishes if wish.changes and not wish.in_place
        ),
    )


def _chosen(observation: Observation, hosts: Collection[str] | None) -> list[HostObservation]:
    """The hosts that were seen and asked for. Raises ``UsageError`` for a name that is no host's."""
    if hosts is None:
        return list(observation.hosts)
    known = {host.name for host in observation.hosts} | set(observation.unreachable)
    for name in hosts:
        if name not in known:
            raise UsageError(f"There is no host {name} in what was seen{_nearest(name, known)}")
    return [host for host in observation.hosts if host.name in hosts]


def _projects(hosts: Sequence[HostObservation], policy: Policy) -> list[tuple[HostObservation, ProjectObservation]]:
    """The app's Compose project on each host that has it.

    Raises ``RefusedError`` where the policy maps no application, ``UsageError`` where no host runs it.
    """
    workable = [host for host in hosts if host.problem is None]
    name = policy.application.project
    names = sorted({project.name for host in workable for project in host.projects})
    present = f"; the hosts run {', '.join(names)}" if names else ""
    if name is None or not policy.application.services:
        raise RefusedError(
            f"The policy maps no application, and what is not mapped is not touched{present}.",
            rule="application.services",
            remedy="name application.project and map its services to roles in the policy",
        )
    projects = [(host, project) for host in workable if (project := host.project(name)) is not None]
    if workable and not projects:
        raise UsageError(
            f"No host runs the Compose project {name}{present}{_nearest(name, names)}",
            remedy="correct application.project in the policy",
        )
    return projects


def _refuse_unknown(
    service: str, projects: Sequence[tuple[HostObservation, ProjectObservation]], policy: Policy
) -> None:
    """Raise ``RefusedError`` for a service that runs and is not mapped, ``UsageError`` for one that does not run."""
    present = {
        container.service
        for host, project in projects
        for container in host.containers
        if container.project == project.name and container.service is not None
    }
    if service in present and service not in policy.application.services:
        raise RefusedError(
            f"The service {service} is not mapped to a role, so its right size cannot be judged.",
            rule="application.services",
            remedy=f"map {service} under application.services in the policy",
        )
    if projects and service not in present:
        raise UsageError(f"No host runs a service {service}{_nearest(service, present)}")


def _decided_on(
    host: HostObservation,
    project: ProjectObservation,
    policy: Policy,
    at: datetime,
    asked: LimitRequest,
    overrides: Overrides,
    *,
    settle: bool,
) -> tuple[list[LimitProposal], list[Finding]]:
    """The wishes for one host, fitted to it, memory and CPU of each service side by side, and the findings."""
    findings = [
        *attachment_findings(host, project),
        *definition_findings(host, project, policy),
        *container_findings(host, project, policy),
    ]
    problem = project_problem(project)
    if problem is not None:
        if asked.values:
            raise RefusedError(problem, rule="compose files", remedy="correct it first; nothing was touched")
        return [], [*findings, _unwritable(host, project, problem)]
    only = None if asked.service is None else (asked.service,)
    services = [
        service
        for service in sampled_services(host, policy, at, only)
        if service.role != OTHER or service.name == asked.service
    ]
    by_resource: dict[str, list[LimitProposal]] = {}
    for resource in RESOURCES:
        wishes = [
            _carried(wish, policy, settle=settle, asked=asked)
            for service in services
            if (wish := _wish(service, resource, host, policy, asked, overrides)) is not None
        ]
        room = room_for(host, resource, wishes, policy)
        if asked.values:
            _refuse_misfit(wishes, room, policy, overrides)
        else:
            wishes = fitted(wishes, room, policy)
        findings += _crowded(wishes, room, policy)
        by_resource[resource] = wishes
    ordered = sorted(chain(*by_resource.values()), key=lambda wish: (wish.service.name, RESOURCES.index(wish.resource)))
    return ordered, findings


def _wish(
    service: Service, resource: str, host: HostObservation, policy: Policy, asked: LimitRequest, overrides: Overrides
) -> LimitProposal | None:
    """What one service should have, by the rules or because it was asked for; None where only the other was asked."""
    if resource == "memory":
        if asked.memory is not None:
            return asked_memory(service, asked.memory, host.facts, floor_of(service, policy), policy, overrides)
        return None if asked.values else memory_wish(service, policy, floor_of(service, policy))
    if asked.cpus is not None:
        return asked_cpus(service, asked.cpus, host.facts, policy, overrides)
    return None if asked.values else cpu_wish(service, policy)


def _carried(wish: LimitProposal, policy: Policy, *, settle: bool, asked: LimitRequest) -> LimitProposal:
    """The wish, marked or kept where it cannot be carried out on the containers as they are."""
    if not wish.changes:
        return wish
    reason = _unwritable_limit(wish)
    if reason is not None:
        if asked.values:
            raise RefusedError(f"{wish.service.name} on {wish.service.host}: {reason}.", rule="compose files")
        return replace(wish.kept(reason, "compose files"), verdict=Verdict.REFUSED, severity=Severity.MINOR)
    if _beyond_cpuset(wish):
        return _within_cpuset(wish, asked)
    reason = _not_in_place(wish, policy)
    if reason is None:
        # Docker takes no limit away from a container that runs. Where new ones are made anyway, the first limit comes
        # with them: its way back is the old container's own definition, which has none.
        first = settle and wish.now is None and wish.service.joined_by is None
        return replace(wish, in_place=False) if first else wish
    if settle:
        return _settled(wish, asked)
    if asked.values:
        raise RefusedError(
            f"{wish.service.name} on {wish.service.host} cannot be changed in place: {reason}.",
            rule="rightsizing.shrink_margin",
            remedy="add --settle, which recreates its containers one at a time",
        )
    return wish.kept(f"not safe in place: {reason}; --settle does it")


def _settled(wish: LimitProposal, asked: LimitRequest) -> LimitProposal:
    """Carried out by new containers, unless another container lives in the network of one that would go."""
    joined = wish.service.joined_by
    if joined is None:
        return replace(wish, in_place=False)
    reason = f"it takes a new container, and {joined} shares the network, processes or memory of the present one"
    if asked.values:
        raise RefusedError(
            f"{wish.service.name} on {wish.service.host} cannot be changed: {reason}.",
            rule="compose",
            remedy="give it the limit in the app's own Compose files; its `docker compose up` replaces both",
        )
    return wish.kept(f"{reason}; the app's own `docker compose up` replaces both", "compose")


def _unwritable_limit(wish: LimitProposal) -> str | None:
    """Why Compose or Docker would not take the new limit from a file beside the app's own; None where they would."""
    definition = wish.service.definition
    if definition is None:
        return f"the Compose files in force do not define {wish.service.name}, so its limits cannot be kept there"
    if definition.limit_form not in FORMS:
        return "its limits stand in two forms, and Compose would reject a third"
    if wish.resource == "cpus" and definition.beside.cpu_quota:
        return "its CPU limit is given as cpu_quota, and Docker refuses cpus beside that"
    return None


def _beyond_cpuset(wish: LimitProposal) -> bool:
    """Whether its CPU limit would be raised to more cores than it may run on."""
    cpuset = wish.service.beside.cpuset
    raised = wish.want is not None and wish.want > max(cpuset or 0, wish.now or 0.0)
    return wish.resource == "cpus" and cpuset is not None and raised


def _within_cpuset(wish: LimitProposal, asked: LimitRequest) -> LimitProposal:
    reason = f"its cpuset has {cores(wish.service.beside.cpuset or 0)}, and a higher limit gives it nothing"
    if asked.values:
        raise RefusedError(f"{wish.service.name} on {wish.service.host}: {reason}.", rule="cpuset")
    return wish.kept(reason, "cpuset")


def _not_in_place(wish: LimitProposal, policy: Policy) -> str | None:
    """Why new containers are needed, None where the limit of the running ones can be changed and put back."""
    if wish.want is None:
        return None
    if wish.resource != "memory" or (wish.now is not None and wish.want > wish.now):
        return None
    least = wish.service.memory_use * (1 + policy.rightsizing.shrink_margin)
    return f"it uses {memory(wish.service.memory_use)} right now" if wish.want < least else None


def _refuse_misfit(wishes: Sequence[LimitProposal], room: HostRoom, policy: Policy, overrides: Overrides) -> None:
    """Raise ``RefusedError`` where an asked raise makes all limits more than the host carries (X-09, X-11)."""
    # A first limit takes from a container what it could have without end: nothing is given away by it.
    raised = [wish for wish in wishes if wish.want is not None and wish.now is not None and wish.want > wish.now]
    held = held_with(wishes, room)
    if not raised or held <= room.total:
        return
    if room.resource == "memory":
        overrides.refuse_always(
            f"With it all memory limits on {room.host} add up to {memory(held)}, and of its {memory(room.size)}"
            f" {memory(max(room.total, 0))} may be given away",
            room.rule,
        )
    share = held / room.size if room.size else float("inf")
    overrides.refuse(
        f"With it all CPU limits on {room.host} add up to {cores(held)}, {percent(share)} of its {cores(room.size)}"
        f" where {percent(policy.rightsizing.cpu_overcommit_refuse)} is the most",
        room.rule,
    )


def _crowded(wishes: Sequence[LimitProposal], room: HostRoom, policy: Policy) -> Iterator[Finding]:
    """Whether all limits of a host add up to more than it has, with this plan applied."""
    held = held_with(wishes, room)
    if not room.size:
        return
    if room.resource == "memory" and held > room.total:
        yield Finding(
            rule="X-11", severity=Severity.BREAKING, rule_class=RuleClass.REFUSE_ALWAYS, subject=room.host,
            sentence=f"All memory limits on {room.host} add up to {memory(held)}, more than the {memory(room.total)} it"
            " may give away.",
            numbers={"limits_bytes": round(held), "host_bytes": round(room.size), "usable_bytes": round(room.total)},
            resolution="no limit is raised there; lower some, move a service, or add memory",
        )  # fmt: skip
    elif room.resource == "cpus" and held > room.size * policy.rightsizing.cpu_overcommit_warn:
        share = held / room.size
        yield Finding(
            rule="X-09", severity=Severity.MAJOR, rule_class=RuleClass.WARN, subject=room.host,
            sentence=f"All CPU limits on {room.host} add up to {cores(held)}, {percent(share)} of its"
            f" {cores(room.size)}.",
            numbers={"limits_cores": round(held, 3), "host_cores": room.size, "share_ratio": round(share, 4)},
            resolution=f"they are ceilings, so this runs; beyond {percent(policy.rightsizing.cpu_overcommit_refuse)}"
            " nothing is raised",
        )  # fmt: skip


def _missing(projects: Sequence[tuple[HostObservation, ProjectObservation]], policy: Policy) -> Iterator[Finding]:
    """Services that the policy maps and no host runs."""
    present = {container.service for host, _ in projects for container in host.containers}
    missing = sorted(name for name in policy.application.services if name not in present)
    if projects and missing:
        yield Finding(
            rule="application.services", severity=Severity.MINOR, rule_class=RuleClass.REPORT,
            subject=", ".join(missing), sentence=f"The policy maps {', '.join(missing)}, and no host runs it.",
            resolution="start it, or correct its name in the policy",
        )  # fmt: skip


def _absent_hosts(observation: Observation, hosts: Collection[str] | None) -> Iterator[Finding]:
    for name, reason in sorted(observation.unreachable.items()):
        if hosts is None or name in hosts:
            yield Finding(
                rule="observe", severity=Severity.MAJOR, rule_class=RuleClass.REPORT, subject=name,
                sentence=f"{name} was not reached, so nothing is decided for it: {reason}",
                resolution="selextract-infra doctor",
            )  # fmt: skip


def _unwritable(host: HostObservation, project: ProjectObservation, problem: str) -> Finding:
    return Finding(
        rule="compose files", severity=Severity.MAJOR, rule_class=RuleClass.REFUSE,
        subject=f"{host.name}/{project.name}", resolution="correct it first",
        sentence=f"Nothing is decided for {project.name} on {host.name}. {problem}",
    )  # fmt: skip


def _nearest(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, sorted(known), 1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}." if known else "."


def _decision(wish: LimitProposal, policy: Policy) -> Decision:
    service, numbers = wish.service, wish.numbers
    if wish.changes and wish.now is not None and wish.want is not None and prices_hold(policy):
        freed = (wish.now - wish.want) * service.instances
        numbers = {**numbers, "saving_dollars": round(policy.cost.prices.of(**{wish.resource: freed}), 4)}
    return Decision(
        host=service.host, project=service.project, service=service.name, resource=wish.resource,
        verdict=wish.verdict, rule=wish.rule, current=_plain(wish, wish.now), peak=_plain(wish, wish.peak),
        requested=_plain(wish, wish.right), granted=_plain(wish, wish.want), low=_plain(wish, wish.low),
        high=_plain(wish, wish.high), why=wish.why, why_less=wish.why_less, severity=wish.severity,
        numbers=numbers,
    )  # fmt: skip


def _plain(wish: LimitProposal, value: float | None) -> float | int | None:
    """Memory in whole bytes, CPU in cores."""
    return round(value) if value is not None and wish.resource == "memory" else value
