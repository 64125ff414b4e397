"""Drift: whether the hosts are still what a Plan rests on."""

from __future__ import annotations

from collections.abc import Iterable

from selextract_infra.errors import DriftError
from selextract_infra.flow.reachability import refuse_missing
from selextract_infra.model.figures import resource_value
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan

__all__ = ["missing_of", "refuse_drift"]


def missing_of(plan: Plan, observation: Observation) -> dict[str, str]:
    """Hosts of the Plan that cannot be worked on now, and those that never could, with the reason of each.

    Raises ``HostError`` when that is all of them.
    """
    problems = {host.name: host.problem for host in observation.hosts if host.problem}
    missing = {
        host: observation.unreachable.get(host) or problems.get(host) or "The host is no longer in the inventory."
        for host in plan.hosts
        if host in observation.unreachable or host in problems or observation.host(host) is None
    }
    if len(missing) == len(plan.hosts):
        refuse_missing(missing, reached=bool(problems))
    return {**plan.missing, **missing}


def refuse_drift(plan: Plan, observation: Observation) -> None:
    """Raise ``DriftError`` when a host that can be reached differs from what the Plan was made for.

    The sentence names the first differences in words; a host that cannot be reached is not drift.
    """
    drifted = [
        host
        for host in observation.hosts
        if host.name in plan.host_digests and observation.host_digests[host.name] != plan.host_digests[host.name]
    ]
    if not drifted:
        return
    named = [difference for host in drifted for difference in _differences(plan, host)]
    reason = "; ".join(named[:3]) or "its containers, Compose files or hardware are not what they were"
    more = f" (and {len(named) - 3} more)" if len(named) > 3 else ""
    raise DriftError(
        f"{', '.join(host.name for host in drifted)} changed since the plan was made: {reason}{more}.",
        remedy="plan again and look at the new plan; nothing was touched",
    )


def _differences(plan: Plan, host: HostObservation) -> Iterable[str]:
    for decision in plan.decisions:
        if decision.host != host.name or decision.resource not in ("memory", "cpus") or not decision.service:
            continue
        containers = host.containers_of(decision.project, decision.service)
        if not containers:
            yield f"{decision.service} has no container any more"
            continue
        for container in containers:
            now = getattr(container.limits, decision.resource)
            if now != decision.current:
                values = (resource_value(decision.resource, value) for value in (now, decision.current))
                yield f"{decision.resource} of {container.name} is {', was '.join(values)}"
