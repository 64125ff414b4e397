"""Load tests and baselines (X-22 to X-27, X-47)."""

from __future__ import annotations

from selextract_infra.assess.demand import slots_for, tasks_per_slot
from selextract_infra.defects.rule import Breach, percent, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import DISK, DURATION


@rule(
    "X-22",
    "a failed load test is marked as passed",
    Severity.MAJOR,
    RuleClass.FIX,
    subject="load tests",
    items="LT-02 LT-03 LT-11",
    resolution="The numbers decide.",
)
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
        f"{', '.join(wrong)} passed by its mark: {DURATION.about(p95.measured)} of {DURATION.about(target)} is "
        f"{DURATION.about(p95.measured - target)} or {percent(p95.measured / target - 1)} too much.",
        {
            "wrong_marks": len(wrong),
            "measured_seconds": p95.measured,
            "target_seconds": target,
            "excess_seconds": p95.measured - target,
            "excess_ratio": p95.measured / target - 1,
        },
    )


@rule(
    "X-23",
    "baselines disagree with measurements",
    Severity.MINOR,
    RuleClass.REPORT,
    subject="baseline",
    items="PAPI-01 PAPI-02 PAPI-03 KPI-05 LT-02 LT-03 LT-04 LIM-S2",
    resolution="What was measured is the baseline, the rest are claims.",
)
def baselines(policy: Policy, _: Host) -> Breach | None:
    """Error rate, throughput and response time are each given differently in two or three places."""
    test, api, kpis = policy.load_tests.baseline, policy.baseline.api, policy.kpis
    errors = test.failed.measured > api.error_rate
    rate = test.requests.rate > api.throughput.high
    slow = len({api.response_time.p95, kpis.response_time.current, test.p95.measured}) > 1
    if not (errors or rate or slow):
        return None
    claims = f"{DURATION.about(api.response_time.p95)} and {DURATION.about(kpis.response_time.current)}"
    return Breach(
        f"errors below {percent(api.error_rate)} against {round(test.failed.measured * 100, 2):g} % measured; up to "
        f"{api.throughput.high:g} requests/s against {test.requests.rate:g}; P95 {claims} against "
        f"{DURATION.about(test.p95.measured)}.",
        {
            "claimed_error_ratio": api.error_rate,
            "measured_error_ratio": test.failed.measured,
            "claimed_requests_per_second": api.throughput.high,
            "soft_limit_per_second": policy.limits.soft.api_requests.limit,
            "measured_requests_per_second": test.requests.rate,
            "claimed_p95_seconds": api.response_time.p95,
            "kpi_p95_seconds": kpis.response_time.current,
            "measured_p95_seconds": test.p95.measured,
        },
    )


@rule(
    "X-24",
    "the stress run was critical, not just a warning",
    Severity.MINOR,
    RuleClass.PICK,
    subject="load tests",
    items="LT-06 LT-09 LT-10 MON-01",
    resolution="At the threshold is critical; fewer requests with more users is saturation.",
)
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
    return Breach(
        f"CPU {percent(usage.cpu)} is at the critical {percent(alert.critical)} and marked as a warning; with "
        f"{users:g} times the users throughput fell by {percent(fall)}.",
        {
            "cpu_ratio": usage.cpu,
            "critical_ratio": alert.critical,
            "throughput_fall_ratio": fall,
            "users_factor": users,
        },
    )


@rule(
    "X-25",
    "claimed capacity was never tested",
    Severity.MAJOR,
    RuleClass.WARN,
    subject="kpis",
    items="KPI-01 KPI-03 LIM-S1 LIM-S3 PAPI-04 LT-01 LT-06",
    resolution="Capacity is unverified until a test has reached it; soft limits are warnings of their own.",
)
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
        f"{claimed} users are claimed, {tested} were tested, the soft limit is {soft.users.limit} "
        f"({percent(soft.users.limit / claimed)}); the soft limit of {soft.tasks.limit:g} tasks/hour is above the "
        f"capacity of {kpis.tasks.current:g}.",
        {
            "claimed_users": claimed,
            "tested_users": tested,
            "soft_limit_users": soft.users.limit,
            "soft_limit_ratio": soft.users.limit / claimed,
            "soft_limit_tasks_per_hour": soft.tasks.limit,
            "capacity_tasks_per_hour": kpis.tasks.current,
        },
    )


@rule(
    "X-26",
    "the workers cannot do what they are said to do",
    Severity.MAJOR,
    RuleClass.WARN,
    subject="worker",
    items="PWK-01 PWK-02 PWK-04 CPU-03 LIM-S3",
    resolution="Capacity is workers times slots times tasks of a slot; the number of workers has to be stated.",
)
def littles_law(policy: Policy, _: Host) -> Breach | None:
    """Slots that are busy for a task's duration finish only so many tasks an hour (Little's law). With the browsers of
    the baseline that is far fewer than claimed; two workers would explain it, but no count is given.
    """
    base, stated = policy.baseline.worker, policy.containers["worker"].instances
    concurrency, each = policy.cpu_parts.worker.concurrency, tasks_per_slot(policy)
    capacity = (base.browsers.high if stated is None else stated * concurrency) * each
    if capacity >= base.throughput.high:
        return None
    few, many = slots_for(policy, base.throughput.low), slots_for(policy, base.throughput.high)
    return Breach(
        f"{base.browsers.low} to {base.browsers.high} slots of {base.task_duration:g} s finish "
        f"{base.browsers.low * each:g} to {base.browsers.high * each:g} tasks/hour, not {base.throughput.low:g} to "
        f"{base.throughput.high:g}, which need {few:.1f} to {many:.1f} slots; two workers of {concurrency} are "
        f"{2 * concurrency * each:g}.",
        {
            "tasks_per_slot_per_hour": each,
            "capacity_low_per_hour": base.browsers.low * each,
            "capacity_high_per_hour": base.browsers.high * each,
            "slots_for_low": few,
            "slots_for_high": many,
            "slots_for_soft_limit": slots_for(policy, policy.limits.soft.tasks.limit),
            "two_workers_per_hour": 2 * concurrency * each,
        },
    )


@rule(
    "X-27",
    "queue thresholds are far beyond the queue latency",
    Severity.MAJOR,
    RuleClass.WARN,
    subject="worker",
    items="PWK-03 HWRK-02 HWRK-03 HWRK-04 MON-08",
    resolution="The thresholds stay; the expected wait is told beside the queue's length.",
)
def queue_wait(policy: Policy, _: Host) -> Breach | None:
    """At today's rate a queue of a given length means a wait, and every threshold means a much longer one than the
    latency that is asked for.
    """
    scaling, latency = policy.scaling.worker, policy.baseline.worker.queue_latency
    rate = policy.baseline.worker.throughput.high / 3600
    queue = policy.monitoring.application.queue_length
    lengths = {
        "scale_down": scaling.scale_down.threshold,
        "target": scaling.target_queue,
        "scale_up": scaling.scale_up.threshold,
        "critical": queue.critical,
    }
    waits = {name: length / rate for name, length in lengths.items()}
    if all(wait <= latency for wait in waits.values()):
        return None
    listed = ", ".join(f"{lengths[name]} tasks {wait:g} s" for name, wait in waits.items())
    return Breach(
        f"{latency:g} s allow {latency * rate:.1f} waiting tasks at {rate * 3600:g}/hour; {listed}.",
        {
            "latency_seconds": latency,
            "allowed_tasks": latency * rate,
            **{f"{name}_wait_seconds": wait for name, wait in waits.items()},
        },
    )


@rule(
    "X-47",
    "most of the stored data is unexplained",
    Severity.MINOR,
    RuleClass.PICK,
    subject="storage",
    items="KPI-04 PDB-04",
    resolution="Read as all data of the platform on the volume.",
)
def unexplained_storage(policy: Policy, _: Host) -> Breach | None:
    """The indicator and the database's size differ, and nothing says what the rest is."""
    total, database = policy.kpis.data_storage.current, policy.baseline.database.size.total
    if total == database:
        return None
    unknown = DISK.about(abs(total - database))
    return Breach(
        f"{DISK.about(total)} of data against a database of {DISK.about(database)}: {unknown} are unexplained.",
        {"data_bytes": total, "database_bytes": database, "unexplained_bytes": total - database},
    )
