"""CPU: parallel queries, the sum of limits, recycling of processes, what usage means (X-04, X-09, X-10, X-18)."""

from __future__ import annotations

import math

from selextract_infra.defects.rule import Breach, check
from selextract_infra.model.finding import RuleClass
from selextract_infra.planning.demand import limits_of
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import HostPolicy


@check("X-04")
def parallel_workers(policy: Policy, host: HostPolicy) -> Breach | None:
    """Parallel workers beyond the container's CPU limit are throttled by the scheduler and help nobody. The guide
    took the host's cores, not the container's.
    """
    cpus, parts = min(policy.containers["database"].cpus, host.cpus), policy.cpu_parts.database
    granted = max(1, math.floor(cpus))
    if parts.max_parallel_workers <= granted:
        return None
    return Breach(
        max_parallel_workers=parts.max_parallel_workers,
        max_worker_processes=parts.max_worker_processes,
        cpu_limit_cores=cpus,
        granted_workers=granted,
    )


@check("X-09")
def cpu_sum(policy: Policy, host: HostPolicy) -> Breach | None:
    """All containers together may use more cores than there are. As long as they do not all want them at once this
    runs; memory has no such slack.
    """
    total, rules = limits_of(policy), policy.rightsizing
    if total.cpus <= host.cpus * rules.cpu_overcommit_warn:
        return None
    used = sum(row.cpus * row.cpu_share * row.count for row in policy.containers.values())
    refused = total.cpus > host.cpus * rules.cpu_overcommit_refuse
    return Breach(
        {},
        RuleClass.REFUSE if refused else None,
        cpu_limit_cores=total.cpus,
        host_cores=host.cpus,
        ratio=total.cpus / host.cpus,
        used_cores=used,
        used_ratio=used / host.cpus,
        memory_limit_bytes=total.memory,
        memory_ratio=total.memory / host.memory,
    )


@check("X-10")
def usage_without_resource(policy: Policy, _: HostPolicy) -> Breach | None:
    """The table's current usage may be CPU or memory: Redis' figure is its memory elsewhere in the guide, and the
    worker's is its CPU.
    """
    rows = policy.containers
    unclear = [name for name, row in rows.items() if row.cpu_usage is None or row.memory_usage is None]
    if not unclear:
        return None
    redis, worker = rows["redis"], policy.bottlenecks.get("worker_cpu")
    memory = policy.baseline.redis.memory / redis.memory
    return Breach(
        {"listed": ", ".join(unclear)},
        unclear_containers=len(unclear),
        redis_usage_ratio=redis.usage,
        redis_memory_ratio=memory,
        worker_usage_ratio=rows["worker"].usage,
        worker_cpu_ratio=(worker.average if worker else None) or 0.0,
    )


@check("X-18")
def recycling(policy: Policy, _: HostPolicy) -> Breach | None:
    """Each process is replaced after so many requests; at the API's load that is every few seconds, and without
    jitter all processes of an instance restart at once.
    """
    parts, rate = policy.cpu_parts.api, policy.baseline.api.throughput.high
    requests = parts.max_requests_per_worker * parts.worker_processes
    at_trigger = requests / policy.scaling.api.scale_up.threshold
    lifetime = requests / rate
    minimum = policy.workers.minimum_recycle
    if at_trigger >= minimum:
        return None
    return Breach(
        one_instance_seconds=lifetime,
        two_instances_seconds=2 * lifetime,
        at_trigger_seconds=at_trigger,
        restarts_per_second=parts.worker_processes / lifetime,
        minimum_seconds=minimum,
        jitter_ratio=policy.workers.jitter,
    )
