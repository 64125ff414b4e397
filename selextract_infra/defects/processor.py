"""CPU: parallel queries, the sum of limits, recycling of processes, what usage means (X-04, X-09, X-10, X-18)."""

from __future__ import annotations

import math

from selextract_infra.assess.demand import limits_of
from selextract_infra.defects.rule import Breach, percent, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import MEMORY


@rule(
    "X-04",
    "more parallel workers than the database has cores",
    Severity.MINOR,
    RuleClass.CLAMP,
    subject="database",
    items="CPU-05 CPU-06 CTR-04",
    resolution="max_parallel_workers is the CPU limit rounded down; max_worker_processes stays, standbys need it.",
)
def parallel_workers(policy: Policy, host: Host) -> Breach | None:
    """Parallel workers beyond the container's CPU limit are throttled by the scheduler and help nobody. The guide
    took the host's cores, not the container's.
    """
    cpus, parts = min(policy.containers["database"].cpus, host.cpus), policy.cpu_parts.database
    granted = max(1, math.floor(cpus))
    if parts.max_parallel_workers <= granted:
        return None
    return Breach(
        f"{parts.max_parallel_workers} parallel workers share {cpus:g} cores; {granted} can run.",
        {
            "max_parallel_workers": parts.max_parallel_workers,
            "max_worker_processes": parts.max_worker_processes,
            "cpu_limit_cores": cpus,
            "granted_workers": granted,
        },
    )


@rule(
    "X-09",
    "CPU limits add up to more than the host has",
    Severity.MAJOR,
    RuleClass.WARN,
    subject="host",
    items="CTR-00 SYS-01 LIM-H1",
    resolution="Limits are ceilings, so warn above the host's cores and refuse above the configured ratio.",
)
def cpu_sum(policy: Policy, host: Host) -> Breach | None:
    """All containers together may use more cores than there are. As long as they do not all want them at once this
    runs; memory has no such slack.
    """
    total, rules = limits_of(policy), policy.rightsizing
    if total.cpus <= host.cpus * rules.cpu_overcommit_warn:
        return None
    used = sum(row.cpus * row.cpu_share * row.count for row in policy.containers.values())
    refused = total.cpus > host.cpus * rules.cpu_overcommit_refuse
    return Breach(
        f"CPU limits are {total.cpus:g} cores on {host.cpus:g} ({percent(total.cpus / host.cpus)}); "
        f"{used:g} are in use ({percent(used / host.cpus)}). Memory limits are {MEMORY.about(total.memory)} of "
        f"{MEMORY.about(host.memory)} ({percent(total.memory / host.memory)}).",
        {
            "cpu_limit_cores": total.cpus,
            "host_cores": host.cpus,
            "ratio": total.cpus / host.cpus,
            "used_cores": used,
            "used_ratio": used / host.cpus,
            "memory_limit_bytes": total.memory,
            "memory_ratio": total.memory / host.memory,
        },
        rule_class=RuleClass.REFUSE if refused else None,
    )


@rule(
    "X-10",
    "usage names no resource",
    Severity.MINOR,
    RuleClass.PICK,
    subject="containers",
    items="CTR-01 CTR-02 CTR-03 CTR-04 CTR-05 CTR-06 PRD-01 BOT-01",
    resolution="Measure CPU and memory apart; until then the one figure stands for both, as a starting point only.",
)
def usage_without_resource(policy: Policy, _: Host) -> Breach | None:
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
        f"usage of {', '.join(unclear)} names no resource; Redis' {percent(redis.usage)} is memory "
        f"({percent(memory)}), the worker's {percent(rows['worker'].usage)} is CPU.",
        {
            "unclear_containers": len(unclear),
            "redis_usage_ratio": redis.usage,
            "redis_memory_ratio": memory,
            "worker_usage_ratio": rows["worker"].usage,
            "worker_cpu_ratio": (worker.average if worker else None) or 0.0,
        },
    )


@rule(
    "X-18",
    "API processes are replaced all the time",
    Severity.MAJOR,
    RuleClass.WARN,
    subject="api",
    items="CPU-01 CPU-02 HAPI-03 PAPI-01",
    resolution="Always with jitter, so that processes do not restart together; more requests for each process.",
)
def recycling(policy: Policy, _: Host) -> Breach | None:
    """Each process is replaced after so many requests; at the API's load that is every few seconds, and without
    jitter all processes of an instance restart at once.
    """
    parts, rate = policy.cpu_parts.api, policy.baseline.api.throughput.high
    requests = parts.max_requests_per_worker * parts.worker_processes
    at_trigger = requests / policy.scaling.api.scale_up.threshold
    one = requests / rate
    minimum = policy.workers.minimum_recycle
    if at_trigger >= minimum:
        return None
    return Breach(
        f"at {rate:g} requests/s one instance replaces each process every {one:g} s, two every {2 * one:g} s, and at "
        f"the trigger of {policy.scaling.api.scale_up.threshold:g}/s every {at_trigger:.1f} s; "
        f"{minimum:g} s is the least.",
        {
            "one_instance_seconds": one,
            "two_instances_seconds": 2 * one,
            "at_trigger_seconds": at_trigger,
            "restarts_per_second": parts.worker_processes / one,
            "minimum_seconds": minimum,
            "jitter_ratio": policy.workers.jitter,
        },
    )
