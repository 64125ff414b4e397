"""The whole Assessment: thresholds, headroom, bottlenecks, workers, connections and severity in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from selextract_infra.assess.bottleneck import bottlenecks, signatures_of
from selextract_infra.assess.connections import policy_budget, tightest_limit
from selextract_infra.assess.guide_app import workers_of_the_guide
from selextract_infra.assess.instance_usage import usage_gaps
from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.observed import headroom_seen, instances_of_role, measurements_of, project_missing
from selextract_infra.assess.rules import rules_of
from selextract_infra.assess.service import services_on
from selextract_infra.assess.severity import Signals, classify, respond
from selextract_infra.assess.tasks import uncounted_tasks
from selextract_infra.assess.thresholds import judge_all
from selextract_infra.assess.workers import worker_capacity
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Assessment, ConnectionBudget, Headroom, WorkerCapacity
from selextract_infra.model.figures import count
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.observation import Observation
from selextract_infra.policy import Policy

__all__ = ["assess", "assess_measurements"]


def assess(
    seen: Observation,
    policy: Policy,
    *,
    more: Sequence[Measurement] = (),
    usual: float | None = None,
    signals: Signals | None = None,
) -> Assessment:
    """An Observation judged by the Policy, at the time at which it was made.

    ``more`` are measurements that an Observation does not have (errors, latency, queue). ``usual`` is
    the usual throughput of that time, requests per second (X-38). Services of which no container runs are down.
    """
    signals = signals or Signals()
    down = (*signals.down, *_down(seen, policy))
    api = instances_of_role(seen, policy, "api")
    workers = instances_of_role(seen, policy, "worker")
    found = assess_measurements(
        [*measurements_of(seen, policy), *more],
        policy,
        seen.at,
        source="observation",
        usual=usual,
        signals=Signals(down, signals.breaker_open, signals.days_left),
        api_instances=api,
        worker_instances=workers,
        headroom=headroom_seen(seen, policy),
    )
    unreachable = tuple(_unreachable(host, why) for host, why in sorted(seen.unreachable.items()))
    unmapped = (_unmapped(seen, policy),) if seen.hosts and project_missing(seen, policy) else ()
    limited = tuple(_limited(seen, found.connections))
    uncounted = (*uncounted_tasks(seen, policy), *usage_gaps(seen, policy))
    return found.model_copy(update={"findings": unreachable + unmapped + limited + uncounted + found.findings})


def assess_measurements(
    measurements: Sequence[Measurement],
    policy: Policy,
    at: datetime,
    *,
    source: str,
    usual: float | None = None,
    signals: Signals | None = None,
    api_instances: int | None = None,
    worker_instances: int | None = None,
    headroom: tuple[Headroom, ...] = (),
) -> Assessment:
    """Recorded metrics judged by the Policy at ``at``; the work is linear in their number.

    ``usual`` is the usual throughput of that time, requests per second; None where nobody knows it.
    Instance counts are None where they are not known; then workers and connections are not judged. Raises UsageError
    for a time without a zone.
    """
    if at.utcoffset() is None:
        raise UsageError(f"The time {at.isoformat()} has no time zone.")
    now = at.timestamp()
    judgements = judge_all(
        measurements,
        rules_of(policy),
        now,
        baseline=usual,
        baseline_pages_alone=not policy.monitoring.throughput_needs_signal.value,
    )
    window = policy.monitoring.infrastructure.cpu_usage.window or policy.monitoring.fast_window.value
    connections = _connections(policy, api_instances, worker_instances)
    workers = _workers(policy, worker_instances, measurements, now)
    incident = classify(judgements, policy, signals)
    return Assessment(
        at=at,
        source=source,
        policy_digest=policy.digest,
        judgements=judgements,
        headroom=headroom,
        bottlenecks=bottlenecks(measurements, signatures_of(policy), now, window),
        connections=connections,
        workers=workers,
        response=None if incident is None else respond(*incident, at, policy),
        findings=tuple(_findings(connections, workers, headroom)),
    )


def _down(seen: Observation, policy: Policy) -> tuple[str, ...]:
    """Mapped services of which no container runs."""
    services = (service for host in seen.hosts for service in services_on(host, policy) if service.role)
    return tuple(
        f"{service.host}/{service.name}"
        for service in services
        if all(container.state != "running" for container in service.containers)
    )


def _connections(policy: Policy, api: int | None, workers: int | None) -> ConnectionBudget | None:
    return None if api is None else policy_budget(policy, api, workers or 0)


def _workers(
    policy: Policy, instances: int | None, measurements: Sequence[Measurement], now: float
) -> WorkerCapacity | None:
    if instances is None or not workers_of_the_guide(policy):
        return None
    return worker_capacity(
        instances,
        policy.cpu_parts.worker.concurrency,
        policy.baseline.worker.task_duration,
        demand=_latest(measurements, "tasks_per_hour", now),
        queued=_latest(measurements, "pending_tasks", now),
        headroom=policy.sizing.headroom,
    )


def _latest(measurements: Sequence[Measurement], metric: str, now: float) -> float | None:
    """The last value of a metric over all its subjects, summed; None where it was not measured."""
    values = [
        measurement.samples.values[-1]
        for measurement in measurements
        if measurement.metric == metric and measurement.samples.at and measurement.samples.at[-1] <= now
    ]
    return sum(values) if values else None


def _limited(seen: Observation, connections: ConnectionBudget | None) -> Iterator[Finding]:
    """Where the app's role or database may have fewer connections than its instances may open."""
    for host in seen.hosts if connections is not None else ():
        limit = tightest_limit(host.postgres.limits) if host.postgres else None
        if connections is None or limit is None or connections.api + connections.workers <= limit.connections:
            continue
        opened = connections.api + connections.workers
        yield Finding(
            rule="X-13",
            severity=Severity.MAJOR,
            rule_class=RuleClass.WARN,
            subject="database connections",
            sentence=f"{host.name}: the app may open {opened} connections, and {limit.subject} may have"
            f" {limit.connections}.",
            numbers={"opened": opened, "limit": limit.connections, "open": limit.open},
            resolution=f"raise the limit in Postgres (CONNECTION LIMIT {opened}), or put PgBouncer in between",
        )


def _findings(
    connections: ConnectionBudget | None, workers: WorkerCapacity | None, headroom: Sequence[Headroom]
) -> list[Finding]:
    found: list[Finding] = []
    if connections is not None and not (connections.fits and connections.within_soft_limit):
        found.append(
            Finding(
                rule="X-13",
                severity=Severity.MINOR if connections.fits else Severity.BREAKING,
                rule_class=RuleClass.WARN if connections.fits else RuleClass.REFUSE,
                subject="database connections",
                sentence=f"{connections.sentence}.",
                numbers={"wanted": connections.wanted, "usable": connections.usable, "soft": connections.soft_limit},
                resolution="put PgBouncer between the app and Postgres",
            )
        )
    if workers is not None and workers.demand is not None and workers.demand > workers.capacity:
        found.append(
            Finding(
                rule="X-26",
                severity=Severity.MAJOR,
                rule_class=RuleClass.WARN,
                subject="workers",
                sentence=f"{workers.sentence}.",
                numbers={"capacity_per_hour": workers.capacity, "demand_per_hour": workers.demand},
                resolution=f"{workers.instances_needed} workers leave the wanted headroom",
            )
        )
    short = [row for row in headroom if row.needed > row.capacity]
    if short:
        worst = min(short, key=lambda row: row.free)
        found.append(
            Finding(
                rule="X-12",
                severity=Severity.MINOR,
                rule_class=RuleClass.WARN,
                subject="headroom",
                sentence=f"{len(short)} of {count(len(headroom), 'capacity', 'capacities')} "
                f"{'keeps' if len(short) == 1 else 'keep'} less headroom than wanted, {worst.subject} least: "
                f"{worst.sentence}.",
                numbers={"short": len(short), "free_ratio": round(worst.free, 4)},
                resolution=f"selextract-infra {'upgrade storage' if worst.resource == 'disk' else 'rightsize'}",
            )
        )
    return found


def _unmapped(seen: Observation, policy: Policy) -> Finding:
    there = sorted({one.project for host in seen.hosts for one in host.containers if one.project})
    return Finding(
        rule="observe",
        severity=Severity.MAJOR,
        rule_class=RuleClass.WARN,
        subject="mapping",
        sentence=f"No host has a container of the mapping's Compose project {policy.application.project}, "
        f"but of {', '.join(there) or 'none'}.",
        resolution="correct application.project in the inventory",
    )


def _unreachable(host: str, why: str) -> Finding:
    return Finding(
        rule="observe",
        severity=Severity.MAJOR,
        rule_class=RuleClass.WARN,
        subject=host,
        sentence=f"{host} was not reached: {why}",
        resolution="selextract-infra doctor",
    )
