"""Load tests and baselines (X-22 to X-27, X-47)."""

from __future__ import annotations

from selextract_infra.assess.workers import expected_wait, slots_needed, tasks_per_hour
from selextract_infra.defects.rule import Breach, check
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host


@check("X-22")
def wrong_mark(policy: Policy, _: Host) -> Breach | None:
    """A result beyond its own target carries a tick; a gate that copied the tick would let bad upgrades through."""
    wrong = {
        f"{name} {metric}": (measured.measured, measured.target)
        for name, test in dict(policy.load_tests).items()
        if name != "gate"
        for metric, measured in (("p95", test.p95), ("failed", test.failed))
        if measured.target is not None and measured.marked == "pass" and measured.measured >= measured.target
    }
    if not wrong:
        return None
    p95 = policy.load_tests.baseline.p95
    target = p95.target or p95.measured
    return Breach(
        {"listed": ", ".join(wrong)},
        wrong_marks=len(wrong),
        measured_seconds=p95.measured,
        target_seconds=target,
        excess_seconds=p95.measured - target,
        excess_ratio=p95.measured / target - 1,
    )


@check("X-23")
def baselines(policy: Policy, _: Host) -> Breach | None:
    """Error rate, throughput and response time are each given differently in two or three places."""
    test, api, kpis = policy.load_tests.baseline, policy.baseline.api, policy.kpis
    errors = test.failed.measured > api.error_rate
    rate = test.requests.rate > api.throughput.high
    slow = len({api.response_time.p95, kpis.response_time.current, test.p95.measured}) > 1
    if not (errors or rate or slow):
        return None
    return Breach(
        {"measured": round(test.failed.measured * 100, 2)},
        claimed_error_ratio=api.error_rate,
        measured_error_ratio=test.failed.measured,
        claimed_requests_per_second=api.throughput.high,
        soft_limit_per_second=policy.limits.soft.api_requests.limit,
        measured_requests_per_second=test.requests.rate,
        claimed_p95_seconds=api.response_time.p95,
        kpi_p95_seconds=kpis.response_time.current,
        measured_p95_seconds=test.p95.measured,
    )


@check("X-24")
def stress_mark(policy: Policy, _: Host) -> Breach | None:
    """CPU was exactly at its critical threshold, and the run answered fewer requests than the baseline run did with
    half the users.
    """
    tests, alert = policy.load_tests, policy.monitoring.infrastructure.cpu_usage
    usage = tests.stress.usage
    if usage is None or usage.marked != "warning" or usage.cpu < alert.critical:
        return None
    fall = 1 - tests.stress.requests.rate / tests.baseline.requests.rate
    users = tests.stress.run.users / tests.baseline.run.users
    return Breach(cpu_ratio=usage.cpu, critical_ratio=alert.critical, throughput_fall_ratio=fall, users_factor=users)


@check("X-25")
def untested(policy: Policy, _: Host) -> Breach | None:
    """No load test came near the number of users that the system is said to hold; its own soft limit is lower, while
    the soft limit for tasks is above what the system is said to do.
    """
    kpis, soft = policy.kpis, policy.limits.soft
    claimed = kpis.concurrent_users.current
    tested = max(policy.load_tests.baseline.run.users, policy.load_tests.stress.run.users)
    inverse = soft.tasks.limit > kpis.tasks.current
    if tested >= claimed and soft.users.limit >= claimed and not inverse:
        return None
    return Breach(
        claimed_users=claimed,
        tested_users=tested,
        soft_limit_users=soft.users.limit,
        soft_limit_ratio=soft.users.limit / claimed,
        soft_limit_tasks_per_hour=soft.tasks.limit,
        capacity_tasks_per_hour=kpis.tasks.current,
    )


@check("X-26")
def littles_law(policy: Policy, _: Host) -> Breach | None:
    """Slots that are busy for a task's duration finish only so many tasks an hour (Little's law). With the browsers of
    the baseline that is far fewer than claimed; two workers would explain it, but no count is given.
    """
    base, stated = policy.baseline.worker, policy.containers["worker"].instances
    concurrency, each = policy.cpu_parts.worker.concurrency, tasks_per_hour(1, base.task_duration)
    capacity = (base.browsers.high if stated is None else stated * concurrency) * each
    if capacity >= base.throughput.high:
        return None
    return Breach(
        tasks_per_slot_per_hour=each,
        capacity_low_per_hour=base.browsers.low * each,
        capacity_high_per_hour=base.browsers.high * each,
        slots_for_low=slots_needed(base.throughput.low, base.task_duration),
        slots_for_high=slots_needed(base.throughput.high, base.task_duration),
        slots_for_soft_limit=slots_needed(policy.limits.soft.tasks.limit, base.task_duration),
        two_workers_per_hour=2 * concurrency * each,
    )


@check("X-27")
def queue_wait(policy: Policy, _: Host) -> Breach | None:
    """At today's rate a queue of a given length means a wait, and every threshold means a much longer one than the
    latency that is asked for.
    """
    scaling, latency = policy.scaling.worker, policy.baseline.worker.queue_latency
    per_hour = policy.baseline.worker.throughput.high
    queue = policy.monitoring.application.queue_length
    lengths = {
        "scale_down": scaling.scale_down.threshold,
        "target": scaling.target_queue,
        "scale_up": scaling.scale_up.threshold,
        "critical": queue.critical,
    }
    waits = {name: expected_wait(length, per_hour) or 0.0 for name, length in lengths.items()}
    if all(wait <= latency for wait in waits.values()):
        return None
    return Breach(
        {
            "per_hour": per_hour,
            "listed": ", ".join(f"{lengths[name]} tasks {wait:g} s" for name, wait in waits.items()),
        },
        latency_seconds=latency,
        allowed_tasks=latency * per_hour / 3600,
        **{f"{name}_wait_seconds": wait for name, wait in waits.items()},
    )


@check("X-47")
def unexplained_storage(policy: Policy, _: Host) -> Breach | None:
    """The indicator and the database's size differ, and nothing says what the rest is."""
    total, database = policy.kpis.data_storage.current, policy.baseline.database.size.total
    if total == database:
        return None
    return Breach(
        {"unknown": abs(total - database)},
        data_bytes=total,
        database_bytes=database,
        unexplained_bytes=total - database,
    )
