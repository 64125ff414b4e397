"""Memory: Postgres, the parts of API and workers, right-sizing, units (X-01 to X-03, X-05 to X-08, X-45, X-46)."""

from __future__ import annotations

from selextract_infra.assess.demand import limits_of
from selextract_infra.defects.rule import Breach, percent, rule, steps_up
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import MEMORY

size = MEMORY.about


@rule(
    "X-01",
    "shared_buffers is larger than its container",
    Severity.BREAKING,
    RuleClass.CLAMP,
    subject="database",
    items="MEM-07 CTR-04 SYS-02",
    resolution="Take the container's limit as the memory there is: a quarter of it, never as much as all of it.",
)
def shared_buffers(policy: Policy, host: Host) -> Breach | None:
    """Postgres touches its buffers one by one, so a value above the container's limit starts well and is killed under
    load, when the buffers fill. The guide's value comes from the host's memory, not from the container's.
    """
    wanted, limit = policy.memory_parts.database.shared_buffers, policy.containers["database"].memory
    effective, share = min(limit, host.memory), policy.postgres.shared_buffers_share
    granted = min(wanted, int(effective * share))
    if wanted <= granted:
        return None
    return Breach(
        f"shared_buffers {size(wanted)} is {wanted / limit:.1f} times the database's {size(limit)}: it is "
        f"{percent(wanted / host.memory)} of the host. {size(granted)} fits.",
        {
            "shared_buffers_bytes": wanted,
            "limit_bytes": limit,
            "ratio": wanted / limit,
            "host_share_ratio": wanted / host.memory,
            "host_share_after_upgrade_ratio": wanted / policy.vertical.phases.memory.size.after,
            "granted_bytes": granted,
            "limit_needed_bytes": round(wanted / share),
            "limit_needed_at_most_bytes": round(wanted / policy.postgres.shared_buffers_maximum_share),
        },
        rule_class=RuleClass.REFUSE_ALWAYS if wanted >= effective else None,
    )


@rule(
    "X-02",
    "the database's memory budget exceeds its container",
    Severity.BREAKING,
    RuleClass.CLAMP,
    subject="database",
    items="MEM-07 MEM-08 MEM-09 MEM-10 HDB-03",
    resolution="work_mem is what the budget leaves for each connection, and never more than the guide's value.",
)
def database_budget(policy: Policy, host: Host) -> Breach | None:
    """Shared buffers, one work_mem for each connection and one maintenance_work_mem are the least that Postgres may
    use; a query with several sorts takes several work_mem, and autovacuum takes maintenance_work_mem for each worker.
    """
    parts, limit = policy.memory_parts.database, policy.containers["database"].memory
    connections = policy.scaling.connections.maximum
    total, allowed = parts.total(connections), limit * policy.sizing.parts_share
    if total <= allowed:
        return None
    vacuum = (policy.postgres.autovacuum_workers - 1) * parts.maintenance_work_mem
    shared = min(parts.shared_buffers, int(limit * policy.postgres.shared_buffers_share))
    maintenance = min(parts.maintenance_work_mem, limit // policy.postgres.maintenance_divisor)
    possible = min(float(parts.work_mem), max(0.0, (allowed - shared - maintenance) / connections))
    return Breach(
        f"shared_buffers, {connections} x work_mem and maintenance_work_mem are {size(total)}, "
        f"{total / limit:.2f} times the database's {size(limit)}; autovacuum may take it to {size(total + vacuum)}. "
        f"With {connections} connections work_mem can be {size(possible)} at most.",
        {
            "budget_bytes": total,
            "work_mem_sum_bytes": connections * parts.work_mem,
            "limit_bytes": limit,
            "ratio": total / limit,
            "host_share_ratio": total / host.memory,
            "with_autovacuum_bytes": total + vacuum,
            "possible_work_mem_bytes": int(possible),
            "connections": connections,
        },
    )


@rule(
    "X-03",
    "maintenance_work_mem fills the database's container",
    Severity.BREAKING,
    RuleClass.CLAMP,
    subject="database",
    items="MEM-09 CTR-04",
    resolution="A sixteenth of the limit, and autovacuum_work_mem is set as well.",
)
def maintenance_work_mem(policy: Policy, host: Host) -> Breach | None:
    """One index build or vacuum may use all of maintenance_work_mem at once."""
    wanted, limit = policy.memory_parts.database.maintenance_work_mem, policy.containers["database"].memory
    granted = min(wanted, min(limit, host.memory) // policy.postgres.maintenance_divisor)
    if wanted <= granted:
        return None
    return Breach(
        f"maintenance_work_mem {size(wanted)} is {percent(wanted / limit)} of the database's {size(limit)}; "
        f"{size(granted)} is safe.",
        {
            "maintenance_work_mem_bytes": wanted,
            "limit_bytes": limit,
            "share_ratio": wanted / limit,
            "granted_bytes": granted,
        },
    )


@rule(
    "X-05",
    "the API's parts exceed its limit",
    Severity.BREAKING,
    RuleClass.REFUSE,
    subject="api",
    items="MEM-01 MEM-02 MEM-03 MEM-10 CTR-01 RSZ-01",
    resolution="Raise the limit, or shrink the parts in proportion until they fit.",
)
def api_parts(policy: Policy, _: Host) -> Breach | None:
    """Heap, connection pool and cache of one API instance add up to more than its container may use: every instance
    is killed once it uses them all, and right-sizing makes that certain.
    """
    parts, limit = policy.memory_parts.api.total, policy.containers["api"].memory
    target = policy.optimisation.rightsizing.api.after
    if parts <= limit and parts <= target:
        return None
    smallest = steps_up(parts / policy.sizing.parts_share, policy.sizing.limit_step)
    return Breach(
        f"heap, pool and cache are {size(parts)}: {percent(parts / limit)} of the API's {size(limit)} and "
        f"{percent(parts / target)} of the right-sized {size(target)}. {size(smallest)} is the smallest limit that "
        f"holds them at {percent(policy.sizing.parts_share)}.",
        {
            "parts_bytes": parts,
            "limit_bytes": limit,
            "limit_ratio": parts / limit,
            "excess_bytes": parts - limit,
            "target_bytes": target,
            "target_ratio": parts / target,
            "target_excess_bytes": parts - target,
            "heap_of_target_ratio": policy.memory_parts.api.jvm_heap / target,
            "smallest_limit_bytes": int(smallest),
        },
    )


@rule(
    "X-06",
    "right-sizing the API uses up the headroom and fires the memory trigger",
    Severity.BREAKING,
    RuleClass.REFUSE,
    subject="api",
    items="RSZ-01 RSZ-05 CTR-01 HAPI-02 MON-02 TRG-03 REC-03",
    resolution="Refuse unless the measured peak leaves the headroom; watch for the trigger's duration and go back.",
)
def api_rightsizing(policy: Policy, _: Host) -> Breach | None:
    """The smaller limit puts today's use where scaling out begins: what should save memory starts another instance."""
    container, target = policy.containers["api"], policy.optimisation.rightsizing.api.after
    used, allowed = container.memory_share * container.memory, policy.sizing.utilisation
    if used / target <= allowed:
        return None
    trigger = policy.sizing.memory_trigger
    return Breach(
        f"{size(used)} in use are {percent(used / target)} of {size(target)}: the headroom is "
        f"{percent(1 - used / target)} instead of {percent(policy.sizing.headroom)}, and memory scale-out begins at "
        f"{percent(trigger)}. By the headroom rule the right size is {size(used / allowed)}.",
        {
            "used_bytes": used,
            "target_bytes": target,
            "target_usage_ratio": used / target,
            "headroom_ratio": 1 - used / target,
            "wanted_headroom_ratio": policy.sizing.headroom,
            "memory_trigger_ratio": trigger,
            "allowed_peak_bytes": target * allowed,
            "right_size_bytes": used / allowed,
            "limit_bytes": container.memory,
        },
    )


@rule(
    "X-07",
    "a JVM heap in a Python stack",
    Severity.MINOR,
    RuleClass.PICK,
    subject="api",
    items="MEM-01 CPU-01 CPU-02 CPU-04",
    resolution="Read it as the heap budget of all the API's processes; -Xmx only where the mapping says runtime: jvm.",
)
def jvm_heap(policy: Policy, _: Host) -> Breach | None:
    """The guide speaks of a jvm_heap, while worker processes, requests per worker and prefetch are the words of
    Gunicorn and Celery. Which of the two the API is decides what the number means.
    """
    heap, processes = policy.memory_parts.api.jvm_heap, policy.cpu_parts.api.worker_processes
    mapped = policy.application.services_of("api").values()
    if heap == 0 or processes < 2 or (mapped and all(service.runtime for service in mapped)):
        return None
    return Breach(
        f"jvm_heap {size(heap)} stands beside {processes} worker processes, as Python servers have them: "
        f"{size(heap / processes)} for each. The mapping does not say what the API runs on.",
        {"heap_bytes": heap, "processes": processes, "per_process_bytes": heap / processes},
    )


@rule(
    "X-08",
    "a worker's parts leave it nothing",
    Severity.BREAKING,
    RuleClass.REFUSE,
    subject="worker",
    items="MEM-04 MEM-05 MEM-06 MEM-10 CPU-03 CTR-03 STP-02",
    resolution="Keep the limit and read the reduction as a goal for use; with a smaller limit run fewer browsers.",
)
def worker_parts(policy: Policy, _: Host) -> Breach | None:
    """Browsers and tasks of one worker fill its container to the last byte, and the guide wants a fifth less memory.
    If that means the limit, the browsers leave room for a single task.
    """
    parts, row = policy.memory_parts.worker, policy.containers["worker"]
    concurrency = policy.cpu_parts.worker.concurrency
    total, allowed = parts.total(concurrency), row.memory * policy.sizing.parts_share
    if total <= allowed:
        return None
    change = 1 + (policy.planning.short_term.actions["workers"].usage or 0.0)
    cut, used = row.memory * change, row.memory * row.memory_share
    left = cut - parts.total(0)
    return Breach(
        f"{parts.browser_instances} browsers and {concurrency} tasks are {size(total)}, {percent(total / row.memory)} "
        f"of the worker's {size(row.memory)}. Cut to {size(cut)}, the browsers leave {size(max(0.0, left))}: "
        f"{max(0, int(left // parts.task_memory_limit))} task at a time. As a goal for use, {size(used)} become "
        f"{size(used * change)}.",
        {
            "parts_bytes": total,
            "limit_bytes": row.memory,
            "ratio": total / row.memory,
            "one_task_ratio": parts.total(1) / row.memory,
            "cut_limit_bytes": cut,
            "left_after_browsers_bytes": left,
            "tasks_in_cut_limit": max(0, int(left // parts.task_memory_limit)),
            "used_bytes": used,
            "goal_bytes": used * change,
            "goal_ratio": used * change / row.memory,
        },
    )


@rule(
    "X-45",
    "the stress run's memory is impossible for these limits",
    Severity.MINOR,
    RuleClass.WARN,
    subject="load tests",
    items="LT-10 CTR-00",
    resolution="A measurement says whether it is the host's or a container's; this one is probably a container's.",
)
def stress_memory(policy: Policy, host: Host) -> Breach | None:
    """The share of memory in the stress run, taken of the host, is more than all containers together may use."""
    usage, limits = policy.load_tests.stress.usage, limits_of(policy).memory
    if usage is None or usage.memory * host.memory <= limits:
        return None
    used = usage.memory * host.memory
    return Breach(
        f"{percent(usage.memory)} of {size(host.memory)} are {size(used)}, but all limits add up to {size(limits)}.",
        {"used_bytes": used, "limits_bytes": limits, "usage_ratio": usage.memory},
    )


@rule(
    "X-46",
    "GB may be binary or decimal",
    Severity.MINOR,
    RuleClass.PICK,
    subject="units",
    items="PRD-01 KPI-04 REQ-A3 PAR-01",
    resolution="RAM, Postgres and containers are binary, disks and network decimal.",
)
def units(policy: Policy, _: Host) -> Breach | None:
    """The guide's percentages come out of decimal sizes in one place and of binary ones in another."""
    if not policy.sizing.memory_units.open:
        return None
    redis, megabytes = policy.baseline.redis.memory, 2**20
    kpi, need = policy.kpis.data_storage, policy.growth.scenarios
    largest = max((scenario.needs.storage.amount for scenario in need.values()), default=kpi.target)
    gigabytes = largest / 10**12 * 1024
    return Breach(
        f"{size(redis)} of Redis' {size(policy.containers['redis'].memory)} are "
        f"{percent(redis / megabytes / 1000)} in decimal and {percent(redis / megabytes / 1024)} in binary; the "
        f"storage warning is {percent(kpi.warning / kpi.target)} or {percent(kpi.warning / kpi.target * 1000 / 1024)} "
        "of its target.",
        {
            "redis_decimal_ratio": redis / megabytes / 1000,
            "redis_binary_ratio": redis / megabytes / 1024,
            "storage_warning_decimal_ratio": kpi.warning / kpi.target,
            "storage_warning_binary_ratio": kpi.warning / kpi.target * 1000 / 1024,
            "largest_need_decimal_change": largest / kpi.current - 1,
            "largest_need_binary_change": gigabytes / (kpi.current / 10**9) - 1,
        },
    )
