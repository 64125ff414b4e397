"""Connections, replicas, pooling, health checks (X-13, X-63, X-64, X-66, X-67)."""

from __future__ import annotations

from typing import Any

from selextract_infra.assess.connections import policy_budget
from selextract_infra.defects.rule import Breach, check
from selextract_infra.defects.sentence import spaced
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.section import Reading


@check("X-13")
def connection_budget(policy: Policy, _: Host) -> Breach | None:
    """Every API instance pools connections and every worker holds one for each task it runs. At the bounds that is
    more than Postgres accepts, and already the fewest instances are beyond the soft limit at rest.
    """
    api, worker = policy.scaling.api.instances, policy.scaling.worker.instances
    most = policy_budget(policy, api.maximum, worker.maximum)
    few = policy_budget(policy, api.minimum, worker.minimum)
    if most.wanted <= most.maximum and few.api <= few.soft_limit:
        return None
    return Breach(
        api_connections=most.api,
        worker_connections=most.workers,
        total_connections=most.wanted,
        max_connections=most.maximum,
        usable_connections=most.usable,
        api_instances_with_most_workers=most.most_api_instances,
        api_instances_with_fewest_workers=few.most_api_instances,
        connections_if_pooled_per_process=most.api * policy.cpu_parts.api.worker_processes,
        at_rest_connections=few.api,
        soft_limit_connections=few.soft_limit,
        pool_maximum_connections=policy.baseline.database.pool.maximum,
        backend_memory_bytes=most.maximum * policy.postgres.backend_memory,
        server_connections=policy.pgbouncer.default_pool + policy.pgbouncer.reserve_pool,
    )


@check("X-63")
def analytics_replica(policy: Policy, _: Host) -> Breach | None:
    """A dedicated replica for analytics is promised while there may be no replica at all."""
    bounds, analytics = policy.scaling.replicas.instances, policy.balancing.analytics
    if analytics.target != "dedicated_replica" or not analytics.with_no_replica.open or bounds.minimum > 1:
        return None
    return Breach(
        minimum_replicas=bounds.minimum,
        maximum_replicas=bounds.maximum,
        read_replicas_at_maximum=max(0, bounds.maximum - 1),
    )


@check("X-64")
def read_trigger(policy: Policy, _: Host) -> Breach | None:
    """Reads may be counted in total or for each replica, and the guide says neither how long they must last nor when
    the next replica may come.
    """
    replicas = policy.scaling.replicas
    condition = replicas.trigger.condition
    if not replicas.load_scope.open and condition.duration is not None:
        return None
    return Breach(
        limit_per_second=condition.limit,
        limit_if_per_replica_per_second=condition.limit * replicas.instances.maximum,
        assumed_duration_seconds=replicas.duration,
        assumed_cooldown_seconds=replicas.cooldown,
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


@check("X-66")
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
    return Breach(
        {"listed": ", ".join(f"{spaced(name)} {version}" for name, version in missing.items())},
        packaged=packaged,
        **{f"needed_for_{name}": version for name, version in missing.items()},
    )


@check("X-67")
def health_check(policy: Policy, _: Host) -> Breach | None:
    """The guide gives an interval and neither a timeout nor how many failures count; open-source Nginx has no active
    checks at all and never takes its only server out.
    """
    probe = policy.balancing.health_check
    readings: dict[str, Reading[Any]] = {
        "timeout": probe.timeout,
        "fall": probe.fall,
        "rise": probe.rise,
        "prober": probe.prober,
    }
    missing = [name for name, reading in readings.items() if reading.open]
    if not missing:
        return None
    fall, interval = probe.fall.value, probe.interval
    return Breach(
        {"listed": ", ".join(missing)},
        interval_seconds=interval,
        fall=fall,
        blind_seconds=fall * interval,
        missing=len(missing),
    )
