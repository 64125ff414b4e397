"""The steps of right-sizing: limits in place on all hosts at once; on demand, new containers one service at a time.

Built from Decisions and the projects they are about, and from nothing else, so a saved Plan gives the same steps again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from selextract_infra.assess.project_on_host import ProjectOnHost
from selextract_infra.flow.limit_steps import (
    IN_PLACE,
    SETTLE,
    common_values,
    limit_values,
    settle_values,
    wanted_limits,
)
from selextract_infra.flow.proof import not_proved
from selextract_infra.model.capacity import limits_in, with_limits
from selextract_infra.model.decision import Decision
from selextract_infra.model.figures import count, duration, percent
from selextract_infra.model.observation import Limits
from selextract_infra.model.plan import Change, Step
from selextract_infra.operations.rightsize.requested import INSISTED

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["rightsize_steps"]

_NONE_BEFORE = (
    " Where there was no limit the host's total is set, until the container is made anew: Docker takes no limit away."
)


def rightsize_steps(
    decisions: Sequence[Decision], projects: Mapping[str, ProjectOnHost], policy: Policy, *, settle: bool
) -> tuple[Step, ...]:
    """One step in place for all hosts that change, and with ``settle`` one for each service to be recreated."""
    wanted = {host: wanted_limits(host, project, decisions) for host, project in projects.items()}
    steps = list(_in_place(decisions, projects, wanted, policy))
    if settle:
        for host, project in sorted(projects.items()):
            steps += _settling(host, project, wanted[host], decisions, policy)
    return tuple(steps)


def _host_values(
    project: ProjectOnHost, wanted: Mapping[str, Limits], decisions: Sequence[Decision], policy: Policy
) -> dict[str, Any]:
    """What the playbook reads for one host when the limits in place become ``wanted``."""
    capacity = dict(project.capacity)
    changed = {decision.service: decision for decision in decisions if decision.changes}
    for name in sorted(changed):
        resources = {decision.resource for decision in decisions if decision.changes and decision.service == name}
        limits = wanted[name]
        written = Limits(
            memory=limits.memory if "memory" in resources else None,
            swap=limits.swap if "memory" in resources else None,
            cpus=limits.cpus if "cpus" in resources else None,
        )
        capacity = with_limits(capacity, name, written, project.services[name].form)
    return {
        **common_values(project, policy, policy.rightsizing.in_place.gate),
        "services": {
            name: limit_values(wanted[name], project.services[name])
            for name in sorted(changed)
            if not project.services[name].recreate
        },
        "recreated": {
            name: limit_values(wanted[name], project.services[name])
            for name in sorted(changed)
            if project.services[name].recreate
        },
        "capacity": {"services": capacity},
        **_watched([each for each in decisions if not project.services[each.service].recreate], policy),
    }


def _watched(decisions: Sequence[Decision], policy: Policy) -> dict[str, Any]:
    """Services whose lower memory limit somebody insisted on: as the trigger that it may set off sees them (X-06)."""
    trigger = policy.triggers.memory_scale_out
    services = sorted({decision.service for decision in decisions if decision.changes and INSISTED in decision.numbers})
    return (
        {"watched": {"services": services, "share": trigger.threshold, "seconds": trigger.duration}} if services else {}
    )


def _in_place(
    decisions: Sequence[Decision],
    projects: Mapping[str, ProjectOnHost],
    wanted: Mapping[str, Mapping[str, Limits]],
    policy: Policy,
) -> Iterator[Step]:
    changing = [decision for decision in decisions if decision.changes]
    hosts = tuple(sorted({decision.host for decision in changing}))
    if not hosts:
        return
    by_host = {host: [decision for decision in changing if decision.host == host] for host in hosts}
    in_place = [each for each in changing if not projects[each.host].services[each.service].recreate]
    times, watch = policy.rightsizing.in_place, _watched(in_place, policy).get("watched")
    seconds = watch["seconds"] if watch else 0
    what = (
        f"Set {count(len(in_place), 'limit')} in place" if in_place else f"Write {count(len(changing), 'limit')} down"
    )
    yield Step(
        id="rightsize",
        title=f"{what} on {', '.join(hosts)}",
        playbook=IN_PLACE,
        hosts=hosts,
        values={host: _host_values(projects[host], wanted[host], by_host[host], policy) for host in hosts},
        changes=tuple(
            Change(
                host=decision.host, subject=decision.service, resource=decision.resource,
                before=decision.current, after=decision.granted,
            )
            for decision in changing
        ),
        verification="Every container has the limits asked for, runs, is healthy and was not restarted; all health"
        f" addresses answer.{_not_proved(by_host, projects, policy)}{_watch_text(watch)}",
        rollback="The limits and the files from before are put back from what each host noted before it was touched."
        + (_NONE_BEFORE if any(decision.current is None for decision in in_place) else ""),
        estimate_seconds=times.estimate + seconds,
        rollback_seconds=times.rollback,
        timeout_seconds=times.timeout + 2 * seconds,  # as long as the host watches at most
    )  # fmt: skip


def _watch_text(watch: Mapping[str, Any] | None) -> str:
    if watch is None:
        return ""
    return (
        f" The memory of {', '.join(watch['services'])} is watched for {duration(watch['seconds'])}, because X-06 is"
        f" overridden: where {percent(watch['share'])} of its limit are used for all of that time, the limit goes back."
    )


def _settling(
    host: str, project: ProjectOnHost, wanted: Mapping[str, Limits], decisions: Sequence[Decision], policy: Policy
) -> Iterator[Step]:
    """A step for each service of a host whose containers Compose would recreate, or whose change needs it.

    One whose network another container shares is left to the app's own ``up``, which replaces both.
    """
    changed = {decision.service for decision in decisions if decision.changes and decision.host == host}
    times = policy.rightsizing.settle
    for name, service in sorted(project.services.items()):
        if service.joined_by or not service.containers or not (service.pending or service.recreate or name in changed):
            continue
        instances, grace = len(service.containers), service.stop_grace or 0.0
        own = [each for each in decisions if service.recreate and (each.host, each.service) == (host, name)]
        watch = _watched(own, policy)
        seconds = watch["watched"]["seconds"] if watch else 0
        yield Step(
            id=f"settle-{host}-{name}",
            title=f"Recreate {name} on {host}, one instance at a time",
            playbook=SETTLE,
            hosts=(host,),
            values={
                host: {
                    **common_values(project, policy, times.gate),
                    "services": {name: _expected(name, wanted[name], project, decisions)},
                    "settle": [settle_values(name, service.containers, service.stop_grace, policy, service)],
                    **watch,
                }
            },
            verification="Each new container runs and is healthy with its limits before the next one is stopped; all"
            f" health addresses answer.{not_proved([name], project.services, policy)}"
            + _watch_text(watch.get("watched")),
            rollback="Each instance that was replaced is made again from its own definition, as it was.",
            disrupts=instances < 2 or not service.has_healthcheck,
            estimate_seconds=instances * times.estimate + seconds,
            rollback_seconds=instances * times.rollback,
            timeout_seconds=instances * (times.timeout + grace) + 2 * seconds,
        )


def _expected(name: str, wanted: Limits, project: ProjectOnHost, decisions: Sequence[Decision]) -> dict[str, Any]:
    """The limits that new containers must have: those of our decisions and our file; the team may change the rest."""
    written = limits_in(project.capacity.get(name) or {})
    resources = {decision.resource for decision in decisions if decision.changes and decision.service == name}
    memory = "memory" in resources or written.memory is not None
    ours = Limits(
        memory=wanted.memory if memory else None,
        swap=wanted.swap if memory else None,
        cpus=wanted.cpus if "cpus" in resources or written.cpus is not None else None,
    )
    return {} if ours == Limits() else limit_values(ours, project.services[name])


def _not_proved(
    changing: Mapping[str, Sequence[Decision]], projects: Mapping[str, ProjectOnHost], policy: Policy
) -> str:
    """What is not proved on any of the hosts."""
    services = {name: service for host in changing for name, service in projects[host].services.items()}
    return not_proved({decision.service for own in changing.values() for decision in own}, services, policy)
