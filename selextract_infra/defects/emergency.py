"""Emergency scaling against caps and host (X-14, X-16, X-17, X-65)."""

from __future__ import annotations

import math
from functools import partial

from selextract_infra.assess.connections import policy_budget
from selextract_infra.defects.rule import Breach, check
from selextract_infra.model.finding import RuleClass
from selextract_infra.planning.demand import fits, needed
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import HostPolicy


def _first_beyond(factor: float, cap: int) -> int:
    """The first count that, multiplied, is more than the cap."""
    return math.floor(cap / factor) + 1


@check("X-14")
def multipliers(policy: Policy, host: HostPolicy) -> Breach | None:
    """Twice the API, three times the workers and half as much again for limits compound. From the fewest instances
    they exceed the host's memory: carried out literally, the emergency kills the database.
    """
    actions, api, worker = policy.emergency.actions, policy.scaling.api.instances, policy.scaling.worker.instances
    to_api = min(api.maximum, math.ceil(api.minimum * actions.api.factor))
    to_worker = min(worker.maximum, math.ceil(worker.minimum * actions.worker.factor))
    limits = partial(needed, policy, factor=actions.limits.factor)
    plain, raised = needed(policy, to_api, to_worker), limits(to_api, to_worker)
    if fits(policy, raised, host.cpus, host.memory):
        return None
    from_one = (math.ceil(actions.api.factor), math.ceil(actions.worker.factor))
    first, first_all = limits(*from_one), limits(*from_one, everything=True)
    everything = limits(to_api, to_worker, everything=True)
    cap = limits(api.maximum, worker.maximum, everything=True)
    unclamped = limits(
        math.ceil(api.maximum * actions.api.factor),
        math.ceil(worker.maximum * actions.worker.factor),
        everything=True,
    )
    budget = policy_budget(policy, to_api, to_worker)
    impossible = raised.memory > host.memory * (1 - policy.rightsizing.host_reserve_memory)
    return Breach(
        {"to_api": to_api, "to_worker": to_worker},
        RuleClass.REFUSE_ALWAYS if impossible else None,
        api_first_beyond_cap=_first_beyond(actions.api.factor, api.maximum),
        worker_first_beyond_cap=_first_beyond(actions.worker.factor, worker.maximum),
        from_one_cores=first.cpus,
        from_one_memory_bytes=first.memory,
        from_one_memory_ratio=first.memory / host.memory,
        from_one_all_cores=first_all.cpus,
        from_one_all_memory_bytes=first_all.memory,
        plain_cores=plain.cpus,
        plain_memory_bytes=plain.memory,
        plain_memory_ratio=plain.memory / host.memory,
        raised_cores=raised.cpus,
        raised_memory_bytes=raised.memory,
        raised_memory_ratio=raised.memory / host.memory,
        all_raised_cores=everything.cpus,
        all_raised_memory_bytes=everything.memory,
        all_raised_memory_ratio=everything.memory / host.memory,
        at_cap_cores=cap.cpus,
        at_cap_memory_bytes=cap.memory,
        at_cap_memory_ratio=cap.memory / host.memory,
        unclamped_cores=unclamped.cpus,
        unclamped_memory_bytes=unclamped.memory,
        connections=budget.api + budget.workers,
    )


@check("X-16")
def saturated_host(policy: Policy, host: HostPolicy) -> Breach | None:
    """The emergency begins when the host's memory or CPU is nearly gone, and answers with more instances on it. What
    is left does not hold a single one.
    """
    limit = policy.emergency.conditions["memory"].condition.limit
    left, instance = host.memory * (1 - limit), policy.containers["api"].memory
    if host.hosts > 1 or left >= instance:
        return None
    return Breach(left_bytes=left, instance_bytes=instance, hosts=host.hosts, memory_ratio=limit)


@check("X-17")
def no_end(policy: Policy, _: HostPolicy) -> Breach | None:
    """Limits are raised temporarily, and nothing lowers them again; neither caching nor throttling is ever switched
    off, and no step goes back when the emergency did not help.
    """
    actions = policy.emergency.actions
    if not actions.lifetime.open:
        return None
    overlays = ", caching" * actions.caching + ", throttling" * actions.throttling
    return Breach(
        {"overlays": overlays, "minutes": actions.lifetime.value / 60},
        limits_factor=actions.limits.factor,
        assumed_lifetime_seconds=actions.lifetime.value,
    )


@check("X-65")
def failover(policy: Policy, host: HostPolicy) -> Breach | None:
    """The guide fails over at once when a service is gone; before the second server there is nowhere to go."""
    response = policy.emergency.triggers["unavailable"].response
    if host.hosts > 1 or "failover" not in response:
        return None
    milestones = [m for phase in policy.roadmap.phases.values() for m in phase.milestones.values()]
    second = min((milestone.month for milestone in milestones if milestone.adds_server), default=0)
    return Breach(hosts=host.hosts, second_server_month=second)
