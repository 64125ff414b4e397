"""Connections, replicas, pooling, health checks (X-13, X-63, X-64, X-66, X-67)."""

from __future__ import annotations

from selextract_infra.defects.rule import Breach, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import DURATION, MEMORY


@rule(
    "X-13",
    "direct connections exceed the database's",
    Severity.BREAKING,
    RuleClass.REFUSE,
    subject="database",
    items="HDB-03 HAPI-01 HWRK-01 CPU-03 PDB-02 LIM-S4 LB-08",
    resolution="Clients connect to PgBouncer, which opens no more server connections than the soft limit.",
)
def connection_budget(policy: Policy, _: Host) -> Breach | None:
    """Every API instance pools connections and every worker holds one for each task it runs. At the bounds that is
    more than Postgres accepts, and already the fewest instances are beyond the soft limit at rest.
    """
    connections, rules, api = policy.scaling.connections, policy.postgres, policy.scaling.api.instances
    worker, concurrency = policy.scaling.worker.instances, policy.cpu_parts.worker.concurrency
    pool, soft = connections.per_api_instance, policy.limits.soft.database_connections.limit
    pooled, held = api.maximum * pool, worker.maximum * concurrency
    total, at_rest = pooled + held + rules.superuser_reserved, api.minimum * pool
    if total <= connections.maximum and at_rest <= soft:
        return None

    def instances(workers: int) -> int:
        return max(0, (connections.maximum - rules.superuser_reserved - workers * concurrency) // pool) if pool else 0

    backends = connections.maximum * rules.backend_memory
    return Breach(
        f"{api.maximum} x {pool} for the API, {held} for the workers and {rules.superuser_reserved} reserved are "
        f"{total} of {connections.maximum} connections; with {worker.maximum} workers {instances(worker.maximum)} API "
        f"instances fit. At rest {api.minimum} instances hold {at_rest}, the soft limit is {soft}.",
        {
            "api_connections": pooled,
            "worker_connections": held,
            "total_connections": total,
            "max_connections": connections.maximum,
            "usable_connections": connections.maximum - rules.superuser_reserved,
            "api_instances_with_most_workers": instances(worker.maximum),
            "api_instances_with_fewest_workers": instances(worker.minimum),
            "connections_if_pooled_per_process": pooled * policy.cpu_parts.api.worker_processes,
            "at_rest_connections": at_rest,
            "soft_limit_connections": soft,
            "pool_maximum_connections": policy.baseline.database.pool.maximum,
            "backend_memory_bytes": backends,
            "server_connections": policy.pgbouncer.default_pool + policy.pgbouncer.reserve_pool,
        },
        resolution=f"PgBouncer: {policy.pgbouncer.default_pool} + {policy.pgbouncer.reserve_pool} server connections "
        f"within the soft limit {soft}, clients up to {total} and a margin. Direct, "
        f"{connections.maximum} backends alone may take {MEMORY.about(backends)}.",
    )


@rule(
    "X-63",
    "analytics want a replica that need not exist",
    Severity.MAJOR,
    RuleClass.PICK,
    subject="database",
    items="LB-06 LB-07 HDB-01",
    resolution="No replica: the primary. One: shared, with a warning. More: one for analytics, the others for reads.",
)
def analytics_replica(policy: Policy, _: Host) -> Breach | None:
    """A dedicated replica for analytics is promised while there may be no replica at all."""
    bounds, analytics = policy.scaling.replicas.instances, policy.balancing.analytics
    if analytics.target != "dedicated_replica" or not analytics.with_no_replica.open or bounds.minimum > 1:
        return None
    return Breach(
        f"analytics have a dedicated replica, and there are {bounds.minimum} to {bounds.maximum}: with "
        f"{bounds.maximum} replicas {max(0, bounds.maximum - 1)} serve reads.",
        {
            "minimum_replicas": bounds.minimum,
            "maximum_replicas": bounds.maximum,
            "read_replicas_at_maximum": max(0, bounds.maximum - 1),
        },
    )


@rule(
    "X-64",
    "the read trigger has neither scope nor time",
    Severity.MINOR,
    RuleClass.PICK,
    subject="database",
    items="HDB-02 TRG-01",
    resolution="All reads together, times as for CPU, one replica for each firing, on another host; removed by hand.",
)
def read_trigger(policy: Policy, _: Host) -> Breach | None:
    """Reads may be counted in total or for each replica, and the guide says neither how long they must last nor when
    the next replica may come.
    """
    replicas = policy.scaling.replicas
    condition = replicas.trigger.condition
    if not replicas.load_scope.open and condition.duration is not None:
        return None
    return Breach(
        f"{condition} names no scope or duration; with {replicas.instances.maximum} replicas it is reached at "
        f"{condition.limit:g} reads/s in total or {condition.limit * replicas.instances.maximum:g} if each counts.",
        {
            "limit_per_second": condition.limit,
            "limit_if_per_replica_per_second": condition.limit * replicas.instances.maximum,
            "assumed_duration_seconds": replicas.duration,
            "assumed_cooldown_seconds": replicas.cooldown,
        },
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


@rule(
    "X-66",
    "the operating system's PgBouncer is too old",
    Severity.MAJOR,
    RuleClass.WARN,
    subject="pgbouncer",
    items="LB-06 LB-08 SYS-05",
    resolution="Install it from PostgreSQL's own repository or pool in a container; migrations go round the pool.",
)
def pgbouncer_version(policy: Policy, host: Host) -> Breach | None:
    """Round robin over a list of hosts, prepared statements in transaction mode and load balancing each came with a
    later version than the one that the operating system packages.
    """
    packaged = policy.pgbouncer.packaged.get(host.os.key)
    if packaged is None:
        return None
    needs = dict(policy.pgbouncer.needs)
    missing = {name: version for name, version in needs.items() if _version(packaged) < _version(version)}
    if not missing:
        return None
    listed = ", ".join(f"{name.replace('_', ' ')} {version}" for name, version in missing.items())
    return Breach(
        f"{host.os.distribution} {host.os.version} has PgBouncer {packaged}; it lacks {listed}.",
        {"packaged": packaged, **{f"needed_for_{name}": version for name, version in missing.items()}},
    )


@rule(
    "X-67",
    "the health check is incomplete",
    Severity.MAJOR,
    RuleClass.PICK,
    subject="balancing",
    items="LB-01 LB-02 LB-03",
    resolution="HAProxy with leastconn and active checks, or Nginx with checks from outside; the choice is stated.",
)
def health_check(policy: Policy, _: Host) -> Breach | None:
    """The guide gives an interval and neither a timeout nor how many failures count; open-source Nginx has no active
    checks at all and never takes its only server out.
    """
    check = policy.balancing.health_check
    unstated = {
        "timeout": check.timeout.open,
        "fall": check.fall.open,
        "rise": check.rise.open,
        "prober": check.prober.open,
    }
    missing = [name for name, open_ in unstated.items() if open_]
    if not missing:
        return None
    blind = check.fall.value * check.interval
    return Breach(
        f"{', '.join(missing)} not stated; {check.fall.value} failures at {DURATION.format(check.interval)} are "
        f"{blind:g} s in which a dead instance gets requests.",
        {"interval_seconds": check.interval, "fall": check.fall.value, "blind_seconds": blind, "missing": len(missing)},
    )
