"""Emergency scaling against caps and host (X-14, X-16, X-17, X-65)."""

from __future__ import annotations

import math

from selextract_infra.assess.demand import needed
from selextract_infra.defects.rule import Breach, percent, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import MEMORY

size = MEMORY.about


def _first_beyond(factor: float, cap: int) -> int:
    """The first count that, multiplied, is more than the cap."""
    return math.floor(cap / factor) + 1


@rule(
    "X-14",
    "emergency multipliers exceed bounds and host",
    Severity.BREAKING,
    RuleClass.CLAMP,
    subject="emergency",
    items="EMA-01 EMA-02 EMA-03 HAPI-01 HWRK-01 SYS-02",
    resolution="Inside the bounds, then inside the host's memory less its reserve; instances before limits. If nothing "
    "is granted: throttle, cache, escalate, and say so.",
)
def multipliers(policy: Policy, host: Host) -> Breach | None:
    """Twice the API, three times the workers and half as much again for limits compound. From the fewest instances
    they exceed the host's memory: carried out literally, the emergency kills the database.
    """
    actions, api, worker = policy.emergency.actions, policy.scaling.api.instances, policy.scaling.worker.instances
    scale = actions.limits.factor
    to_api = min(api.maximum, math.ceil(api.minimum * actions.api.factor))
    to_worker = min(worker.maximum, math.ceil(worker.minimum * actions.worker.factor))
    plain, raised = needed(policy, to_api, to_worker), needed(policy, to_api, to_worker, factor=scale)
    usable = host.memory * (1 - policy.rightsizing.host_reserve_memory)
    if raised.memory <= usable and raised.cpus <= host.cpus * policy.rightsizing.cpu_overcommit_refuse:
        return None
    everything = needed(policy, to_api, to_worker, factor=scale, everything=True)
    first = needed(policy, math.ceil(actions.api.factor), math.ceil(actions.worker.factor), factor=scale)
    first_all = needed(
        policy, math.ceil(actions.api.factor), math.ceil(actions.worker.factor), factor=scale, everything=True
    )
    cap = needed(policy, api.maximum, worker.maximum, factor=scale, everything=True)
    unclamped = needed(
        policy,
        math.ceil(api.maximum * actions.api.factor),
        math.ceil(worker.maximum * actions.worker.factor),
        factor=scale,
        everything=True,
    )
    connections = to_api * policy.scaling.connections.per_api_instance + to_worker * policy.cpu_parts.worker.concurrency
    return Breach(
        f"{api.minimum}+{worker.minimum} become {to_api}+{to_worker}: {plain.cpus:g} cores and {size(plain.memory)} "
        f"({percent(plain.memory / host.memory)} of the host), with raised limits {raised.cpus:g} cores and "
        f"{size(raised.memory)} ({percent(raised.memory / host.memory)}), and {connections} database connections.",
        {
            "api_first_beyond_cap": _first_beyond(actions.api.factor, api.maximum),
            "worker_first_beyond_cap": _first_beyond(actions.worker.factor, worker.maximum),
            "from_one_cores": first.cpus,
            "from_one_memory_bytes": first.memory,
            "from_one_memory_ratio": first.memory / host.memory,
            "from_one_all_cores": first_all.cpus,
            "from_one_all_memory_bytes": first_all.memory,
            "plain_cores": plain.cpus,
            "plain_memory_bytes": plain.memory,
            "plain_memory_ratio": plain.memory / host.memory,
            "raised_cores": raised.cpus,
            "raised_memory_bytes": raised.memory,
            "raised_memory_ratio": raised.memory / host.memory,
            "all_raised_cores": everything.cpus,
            "all_raised_memory_bytes": everything.memory,
            "all_raised_memory_ratio": everything.memory / host.memory,
            "at_cap_cores": cap.cpus,
            "at_cap_memory_bytes": cap.memory,
            "at_cap_memory_ratio": cap.memory / host.memory,
            "unclamped_cores": unclamped.cpus,
            "unclamped_memory_bytes": unclamped.memory,
            "connections": connections,
        },
        rule_class=RuleClass.REFUSE_ALWAYS if raised.memory > usable else None,
    )


@rule(
    "X-16",
    "scaling out on the host that is exhausted",
    Severity.BREAKING,
    RuleClass.FIX,
    subject="emergency",
    items="EMC-03 EMC-04 EMA-01 SYS-06",
    resolution="With one host an exhausted host is not scaled out on: throttle, cache, shed load, escalate.",
)
def saturated_host(policy: Policy, host: Host) -> Breach | None:
    """The emergency begins when the host's memory or CPU is nearly gone, and answers with more instances on it. What
    is left does not hold a single one.
    """
    limit = policy.emergency.conditions["memory"].condition.limit
    left, instance = host.memory * (1 - limit), policy.containers["api"].memory
    if host.hosts > 1 or left >= instance:
        return None
    return Breach(
        f"at {percent(limit)} memory {size(left)} of {size(host.memory)} are left on the only host; one API instance "
        f"may use {size(instance)}.",
        {"left_bytes": left, "instance_bytes": instance, "hosts": host.hosts, "memory_ratio": limit},
    )


@rule(
    "X-17",
    "temporary limits never end",
    Severity.MAJOR,
    RuleClass.FIX,
    subject="emergency",
    items="EPB-2.2 EMA-03 EMA-04 EMA-05",
    resolution="What was before is kept; raised limits end after their lifetime, by revert, or when they do not help.",
)
def no_end(policy: Policy, _: Host) -> Breach | None:
    """Limits are raised temporarily, and nothing lowers them again; neither caching nor throttling is ever switched
    off, and no step goes back when the emergency did not help.
    """
    actions = policy.emergency.actions
    if not actions.lifetime.open:
        return None
    overlays = [name for name, on in (("caching", actions.caching), ("throttling", actions.throttling)) if on]
    return Breach(
        f"limits x {actions.limits.factor:g}{''.join(f', {name}' for name in overlays)} have no end; after "
        f"{actions.lifetime.value / 60:g} minutes they are taken back.",
        {"limits_factor": actions.limits.factor, "assumed_lifetime_seconds": actions.lifetime.value},
    )


@rule(
    "X-65",
    "failover on a single server",
    Severity.MAJOR,
    RuleClass.FIX,
    subject="emergency",
    items="EMT-03 SYS-06 RP3-M13",
    resolution="With one host say that there is no failover, restart or scale instead, and escalate.",
)
def failover(policy: Policy, host: Host) -> Breach | None:
    """The guide fails over at once when a service is gone; before the second server there is nowhere to go."""
    response = policy.emergency.triggers["unavailable"].response
    if host.hosts > 1 or "failover" not in response:
        return None
    milestones = [m for phase in policy.roadmap.phases.values() for m in phase.milestones.values()]
    second = min((milestone.month for milestone in milestones if milestone.adds_server), default=0)
    return Breach(
        f"the answer to an unavailable service is {response}, with {host.hosts} host; the second comes in month "
        f"{second}.",
        {"hosts": host.hosts, "second_server_month": second},
    )
