"""Memory: Postgres, the parts of API and workers, right-sizing, units (X-01 to X-03, X-05 to X-08, X-45, X-46)."""

from __future__ import annotations

import math

from selextract_infra.defects.rule import Breach, check
from selextract_infra.model.finding import RuleClass
from selextract_infra.planning.demand import limits_of
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import HostPolicy


@check("X-01")
def shared_buffers(policy: Policy, host: HostPolicy) -> Breach | None:
    """Postgres touches its buffers one by one, so a value above the container's limit starts well and is killed under
    load, when the buffers fill. The guide's value comes from the host's memory, not from the container's.
    """
    wanted, limit = policy.memory_parts.database.shared_buffers, policy.containers["database"].memory
    effective, share = min(limit, host.memory), policy.postgres.shared_buffers_share
    granted = min(wanted, int(effective * share))
    if wanted <= granted:
        return None
    return Breach(
        {},
        RuleClass.REFUSE_ALWAYS if wanted >= effective else None,
        shared_buffers_bytes=wanted,
        limit_bytes=limit,
        ratio=wanted / limit,
        host_share_ratio=wanted / host.memory,
        host_share_after_upgrade_ratio=wanted / policy.vertical.phases.memory.size.after,
        granted_bytes=granted,
        limit_needed_bytes=round(wanted / share),
        limit_needed_at_most_bytes=round(wanted / policy.postgres.shared_buffers_maximum_share),
    )


@check("X-02")
def database_budget(policy: Policy, host: HostPolicy) -> Breach | None:
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
        budget_bytes=total,
        work_mem_sum_bytes=connections * parts.work_mem,
        limit_bytes=limit,
        ratio=total / limit,
        host_share_ratio=total / host.memory,
        with_autovacuum_bytes=total + vacuum,
        possible_work_mem_bytes=int(possible),
        connections=connections,
    )


@check("X-03")
def maintenance_work_mem(policy: Policy, host: HostPolicy) -> Breach | None:
    """One index build or vacuum may use all of maintenance_work_mem at once."""
    wanted, limit = policy.memory_parts.database.maintenance_work_mem, policy.containers["database"].memory
    granted = min(wanted, min(limit, host.memory) // policy.postgres.maintenance_divisor)
    if wanted <= granted:
        return None
    return Breach(
        maintenance_work_mem_bytes=wanted, limit_bytes=limit, share_ratio=wanted / limit, granted_bytes=granted
    )


@check("X-05")
def api_parts(policy: Policy, _: HostPolicy) -> Breach | None:
    """Heap, connection pool and cache of one API instance add up to more than its container may use: every instance
    is killed once it uses them all, and right-sizing makes that certain.
    """
    parts, limit = policy.memory_parts.api.total, policy.containers["api"].memory
    target = policy.optimisation.rightsizing.api.after
    if parts <= limit and parts <= target:
        return None
    step = policy.sizing.limit_step
    steps = math.ceil(round(parts / policy.sizing.parts_share / step, 9))  # whatever the last bit of a float says
    return Breach(
        parts_bytes=parts,
        limit_bytes=limit,
        limit_ratio=parts / limit,
        excess_bytes=parts - limit,
        target_bytes=target,
        target_ratio=parts / target,
        target_excess_bytes=parts - target,
        heap_of_target_ratio=policy.memory_parts.api.jvm_heap / target,
        smallest_limit_bytes=int(steps * step),
    )


@check("X-06")
def api_rightsizing(policy: Policy, _: HostPolicy) -> Breach | None:
    """The smaller limit puts today's use where scaling out begins: what should save memory starts another instance."""
    container, target = policy.containers["api"], policy.optimisation.rightsizing.api.after
    used, allowed = container.memory_share * container.memory, policy.sizing.utilisation
    if used / target <= allowed:
        return None
    trigger = policy.sizing.memory_trigger
    return Breach(
        used_bytes=used,
        target_bytes=target,
        target_usage_ratio=used / target,
        headroom_ratio=1 - used / target,
        wanted_headroom_ratio=policy.sizing.headroom,
        memory_trigger_ratio=trigger,
        allowed_peak_bytes=target * allowed,
        right_size_bytes=used / allowed,
        limit_bytes=container.memory,
    )


@check("X-07")
def jvm_heap(policy: Policy, _: HostPolicy) -> Breach | None:
    """The guide speaks of a jvm_heap, while worker processes, requests per worker and prefetch are the words of
    Gunicorn and Celery. Which of the two the API is decides what the number means.
    """
    heap, processes = policy.memory_parts.api.jvm_heap, policy.cpu_parts.api.worker_processes
    mapped = policy.application.services_of("api").values()
    if heap == 0 or processes < 2 or (mapped and all(service.runtime for service in mapped)):
        return None
    return Breach(heap_bytes=heap, processes=processes, per_process_bytes=heap / processes)


@check("X-08")
def worker_parts(policy: Policy, _: HostPolicy) -> Breach | None:
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
        {"left": max(0.0, left)},
        parts_bytes=total,
        limit_bytes=row.memory,
        ratio=total / row.memory,
        one_task_ratio=parts.total(1) / row.memory,
        cut_limit_bytes=cut,
        left_after_browsers_bytes=left,
        tasks_in_cut_limit=max(0, int(left // parts.task_memory_limit)),
        used_bytes=used,
        goal_bytes=used * change,
        goal_ratio=used * change / row.memory,
    )


@check("X-45")
def stress_memory(policy: Policy, host: HostPolicy) -> Breach | None:
    """The share of memory in the stress run, taken of the host, is more than all containers together may use."""
    usage, limits = policy.load_tests.stress.usage, limits_of(policy).memory
    if usage is None or usage.memory * host.memory <= limits:
        return None
    used = usage.memory * host.memory
    return Breach(used_bytes=used, limits_bytes=limits, usage_ratio=usage.memory)


@check("X-46")
def units(policy: Policy, _: HostPolicy) -> Breach | None:
    """The guide's percentages come out of decimal sizes in one place and of binary ones in another."""
    if not policy.sizing.memory_units.open:
        return None
    redis, megabytes = policy.baseline.redis.memory, 2**20
    kpi, need = policy.kpis.data_storage, policy.growth.scenarios
    largest = max((scenario.needs.storage.amount for scenario in need.values()), default=kpi.target)
    gigabytes = largest / 10**12 * 1024
    return Breach(
        redis_decimal_ratio=redis / megabytes / 1000,
        redis_binary_ratio=redis / megabytes / 1024,
        storage_warning_decimal_ratio=kpi.warning / kpi.target,
        storage_warning_binary_ratio=kpi.warning / kpi.target * 1000 / 1024,
        largest_need_decimal_change=largest / kpi.current - 1,
        largest_need_binary_change=gigabytes / (kpi.current / 10**9) - 1,
    )
