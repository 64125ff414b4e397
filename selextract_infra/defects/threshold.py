"""Thresholds against headroom, capacity and each other (X-12, X-31, X-38 to X-43)."""

from __future__ import annotations

from selextract_infra.assess.headroom import needed_capacity
from selextract_infra.defects.rule import Breach, check
from selextract_infra.defects.sentence import percent, spaced
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host


def _above(policy: Policy) -> dict[str, float]:
    """Every share of the policy that lies above the utilisation which the headroom leaves."""
    targets, alerts = policy.scaling.api.targets, policy.monitoring.infrastructure
    efficiency = policy.roadmap.phases["optimisation"].outcomes.get("efficiency")
    kpis, throughput = policy.kpis, policy.baseline
    shares = {
        "target_cpu": targets.cpu,
        "target_memory": targets.memory,
        "alert_cpu_usage": alerts.cpu_usage.warning,
        "alert_memory_usage": alerts.memory_usage.warning,
        "kpi_warning": kpis.concurrent_users.warning / kpis.concurrent_users.target,
        "kpi_critical": kpis.concurrent_users.critical / kpis.concurrent_users.target,
        "planned_efficiency": (efficiency.above if efficiency else None) or 0.0,
        "api_load": throughput.api.throughput.high / kpis.api_requests.current,
        "task_load": throughput.worker.throughput.high / kpis.tasks.current,
        **{f"usage_{name}": max(row.cpu_share, row.memory_share) for name, row in policy.containers.items()},
    }
    return {name: share for name, share in shares.items() if round(share, 9) > policy.sizing.utilisation}


@check("X-12")
def headroom(policy: Policy, _: Host) -> Breach | None:
    """Headroom allows less use than the targets aim at and the alerts begin at, and than the system has today. Sizes by
    the headroom rule fit the host, but say that the worker needs more and the API no less than it has.
    """
    above, allowed = _above(policy), policy.sizing.utilisation
    if not above:
        return None
    rows = policy.containers
    cpus = needed_capacity(sum(row.cpus * row.cpu_share for row in rows.values()), policy.sizing.headroom)
    sizes = {name: needed_capacity(row.memory * row.memory_share, policy.sizing.headroom) for name, row in rows.items()}
    return Breach(
        {"listed": ", ".join(f"{spaced(name)} is {percent(share)}" for name, share in above.items())},
        allowed_ratio=allowed,
        **{f"{name}_ratio": share for name, share in above.items()},
        sized_cores=cpus,
        sized_memory_bytes=sum(sizes.values()),
        **{f"sized_{name}_bytes": share for name, share in sizes.items()},
    )


@check("X-31")
def operators(policy: Policy, _: Host) -> Breach | None:
    """A value exactly at its threshold fires for ever or never, depending on an operator that the guide does not
    write. Two of its own figures are exactly at a threshold.
    """
    rules, triggers = policy.trigger_rules.operators, dict(policy.triggers)
    silent = [name for name, trigger in triggers.items() if trigger.operator is None]
    if not silent or not (rules.rising.open or rules.falling.open):
        return None
    worker, usage = policy.bottlenecks.get("worker_cpu"), policy.load_tests.stress.usage
    average = (worker.average if worker else None) or 0.0
    at = {
        "worker_cpu_average": (average, policy.triggers.cpu_scale_out.threshold),
        "stress_cpu": (usage.cpu if usage else 0.0, policy.monitoring.infrastructure.cpu_usage.critical),
        "stress_memory": (usage.memory if usage else 0.0, policy.monitoring.infrastructure.memory_usage.warning),
    }
    exactly = {name: value for name, (value, threshold) in at.items() if value == threshold}
    cases = ", ".join(f"{spaced(name)} {percent(value)}" for name, value in exactly.items())
    return Breach(
        {"exactly": f"; exactly at a threshold: {cases}" * bool(cases)},
        triggers_without_operator=len(silent),
        **{f"{name}_ratio": value for name, value in exactly.items()},
    )


@check("X-38")
def throughput(policy: Policy, _: Host) -> Breach | None:
    """The alert is on a share of a baseline that is nowhere given; with the measured one every quiet night is
    critical, and long before scaling down begins.
    """
    monitoring, alert = policy.monitoring, policy.monitoring.application.throughput
    if not (monitoring.throughput_baseline.open or monitoring.throughput_needs_signal.open):
        return None
    baseline, down = monitoring.throughput_baseline.value, policy.scaling.api.scale_down.threshold
    stress = policy.load_tests.stress.requests.rate
    return Breach(
        baseline_per_second=baseline,
        warning_per_second=baseline * alert.warning,
        critical_per_second=baseline * alert.critical,
        stress_ratio=stress / baseline,
        scale_down_ratio=down / baseline,
    )


@check("X-39")
def storage_thresholds(policy: Policy, host: Host) -> Breach | None:
    """The indicator's thresholds lie above those of the disk alert, and its target is the whole disk."""
    kpi, alert = policy.kpis.data_storage, policy.monitoring.infrastructure.disk_usage
    allowed = policy.sizing.utilisation
    late = kpi.warning > alert.warning * host.storage or kpi.critical > alert.critical * host.storage
    if not late and kpi.target <= host.storage * allowed:
        return None
    return Breach(
        kpi_warning_ratio=kpi.warning / host.storage,
        kpi_critical_ratio=kpi.critical / host.storage,
        disk_warning_bytes=alert.warning * host.storage,
        disk_critical_bytes=alert.critical * host.storage,
        target_ratio=kpi.target / host.storage,
        needed_bytes=needed_capacity(kpi.target, policy.sizing.headroom),
        upgraded_target_ratio=kpi.target / policy.vertical.phases.storage.size.after,
    )


@check("X-40")
def capacity_alerts(policy: Policy, _: Host) -> Breach | None:
    """Warning and critical are shares of a target capacity, several times what the system holds today: they cannot
    fire before it collapses.
    """
    kpis, shares = policy.kpis, policy.capacity_alerts
    rows = {
        "users": (kpis.concurrent_users.current, kpis.concurrent_users.warning),
        "api_requests": (kpis.api_requests.current, kpis.api_requests.warning),
        "tasks": (kpis.tasks.current, kpis.tasks.warning),
        "data_storage": (kpis.data_storage.current, kpis.data_storage.warning),
    }
    beyond = {name: row for name, row in rows.items() if row[1] > row[0]}
    if not beyond:
        return None
    users = kpis.concurrent_users.warning
    return Breach(
        {
            "listed": ", ".join(
                f"{spaced(name)} warns at {w / c:.1f} times current capacity" for name, (c, w) in beyond.items()
            )
        },
        **{f"{name}_warning_factor": w / c for name, (c, w) in beyond.items()},
        users_warning_of_soft_limit_factor=users / policy.limits.soft.users.limit,
        **{f"{name}_alert_at": c * shares.warning for name, (c, _) in beyond.items()},
        **{f"{name}_critical_at": c * shares.critical for name, (c, _) in beyond.items()},
    )


@check("X-41")
def alert_is_trigger(policy: Policy, _: Host) -> Breach | None:
    """Warnings and scale-out triggers have the same thresholds, so what the autoscaler handles by itself alerts people;
    and between the target and the warning of the response time there is no alert at all.
    """
    triggers, alerts = policy.triggers, policy.monitoring
    pairs = {
        "cpu": (triggers.cpu_scale_out.threshold, alerts.infrastructure.cpu_usage.warning),
        "memory": (triggers.memory_scale_out.threshold, alerts.infrastructure.memory_usage.warning),
        "latency": (triggers.latency_scale_out.threshold, alerts.application.response_time.warning),
        "queue": (triggers.queue_scale_out.threshold, alerts.application.queue_length.warning),
    }
    same = {name: pair[0] for name, pair in pairs.items() if pair[0] == pair[1]}
    if not same:
        return None
    target, warning = policy.kpis.response_time.target, alerts.application.response_time.warning
    tests = [test.p95.measured for test in (policy.load_tests.baseline, policy.load_tests.stress)]
    return Breach(
        {"listed": ", ".join(same), "load_tests": len(tests)},
        **{f"{name}_threshold": value for name, value in same.items()},
        unalerted_from_seconds=target,
        unalerted_to_seconds=warning,
        load_tests_between=sum(1 for p95 in tests if target < p95 < warning),
    )


@check("X-42")
def averaged_percentile(policy: Policy, _: Host) -> Breach | None:
    """The mean of percentiles is not a percentile of anything; a short burst of slow requests disappears in it."""
    alert = policy.monitoring.application.response_time
    if alert.statistic != "average":
        return None
    return Breach(window_seconds=alert.window or 0.0)


@check("X-43")
def windows(policy: Policy, _: Host) -> Breach | None:
    """A breach of two minutes cannot be seen in an average of five; and a trigger that must hold for five minutes on
    such an average fires later than a P1 has to be answered.
    """
    alert, conditions = policy.monitoring.infrastructure.cpu_usage, policy.emergency.conditions
    averaged, cpu = alert.window or 0.0, conditions["cpu"].condition.duration
    too_short = cpu is not None and cpu < averaged
    if not too_short and not policy.monitoring.fast_window.open:
        return None
    trigger, answer = policy.triggers.cpu_scale_out, policy.emergency.severities["P1"].respond
    detection = averaged + trigger.duration
    timeless = [name for name, row in conditions.items() if row.condition.duration is None]
    return Breach(
        {"timeless": ", ".join(timeless) or "none"},
        emergency_seconds=cpu or 0.0,
        window_seconds=averaged,
        detection_seconds=detection,
        answer_seconds=answer,
        conditions_without_duration=len(timeless),
    )
