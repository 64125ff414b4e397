"""From what was seen of a host to what the rules of scaling are asked with: services, samples, room, database, Redis.

A metric that was not seen is left out, never guessed: the rules know what a gap means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

from collections.abc import Iterator
from typing import TYPE_CHECKING

from selextract_infra.assess.connections import tightest_limit
from selextract_infra.assess.room import SCALED_ROLES, DatabaseSide, HostSize
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.model.observation import ContainerObservation, HostObservation
from selextract_infra.model.postgres import Pooling
from selextract_infra.model.traffic import TrafficObservation

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = [
    "RedisSide",
    "database_side",
    "host_size",
    "reads_per_second",
    "redis_side",
    "samples_of",
    "scaled_services",
    "transactions_per_second",
]

_MAX_CONNECTIONS = "max_connections"


def scaled_services(host: HostObservation, policy: Policy) -> tuple[ScaledService, ...]:
    """The services of a host whose instances are counted, with their counts and limits, without samples."""
    project = policy.application.project or ""
    found = []
    for name, mapped in policy.application.services.items():
        containers = host.containers_of(project, name)
        if mapped.role in SCALED_ROLES and containers:
            cpus = [one.limits.cpus for one in containers]
            memory = [one.limits.memory for one in containers]
            found.append(
                ScaledService(
                    name, mapped.role, len(containers), host.name, project,
                    cpus=max((value for value in cpus if value), default=None) if all(cpus) else None,
                    memory=float(max(value for value in memory if value)) if all(memory) else None,
                )
            )  # fmt: skip
    return tuple(found)


def host_size(host: HostObservation, policy: Policy) -> HostSize:
    """The host, with everything on it that is not scaled; the balancer is part of that."""
    return HostSize.seen(host, {(service.project, service.name) for service in scaled_services(host, policy)})


def database_side(host: HostObservation, policy: Policy) -> DatabaseSide:
    """How the app reaches Postgres, with Postgres' own max_connections where it was seen.

    It goes through PgBouncer where our capacity file leads every service there that has a variable for it.
    """
    pooling = Pooling.POOLED if _is_led(host, policy) else Pooling.DIRECT
    seen, names = host.postgres, policy.application.services_of("database")
    if seen is None or seen.service not in names or _MAX_CONNECTIONS not in seen.settings:
        return DatabaseSide(pooling=pooling)
    maximum = int(seen.settings[_MAX_CONNECTIONS].value)
    return DatabaseSide(pooling=pooling, maximum=maximum, limit=tightest_limit(seen.limits))


def _is_led(host: HostObservation, policy: Policy) -> bool:
    project = host.project(policy.application.project or "")
    ours = ((project.capacity_file if project else None) or {}).get("services") or {}
    variables = {
        name: mapped.environment.dsn
        for name, mapped in policy.application.services.items()
        if mapped.role in SCALED_ROLES and mapped.environment.dsn
    }
    return bool(variables) and all(
        variable in ((ours.get(name) or {}).get("environment") or {}) for name, variable in variables.items()
    )


def redis_side(host: HostObservation, policy: Policy) -> RedisSide | None:
    """Redis as it was seen, else as it is mapped; None where none is mapped (X-75)."""
    mapped = policy.application.services_of("redis")
    if not mapped:
        return None
    broker = any(service.celery_app for service in policy.application.services_of("worker").values())
    seen = host.traffic.redis
    stated = next((service.eviction for name, service in mapped.items() if seen is None or name == seen.service), None)
    return RedisSide(broker, (seen.eviction if seen else None) or stated)


def samples_of(host: HostObservation, policy: Policy, *, reads: float | None = None) -> dict[str, dict[str, float]]:
    """By service, the metrics of its role as they are now; those that were not seen are not there.

    CPU and memory are shares of the limits: the mean of all instances, and the fullest of them. Requests and response
    times are those of the whole service over the guide's window, tasks all that are pending. ``reads`` are reading
    statements per second, see `reads_per_second`.
    """
    project = policy.application.project or ""
    found: dict[str, dict[str, float]] = {}
    for name, mapped in policy.application.services.items():
        containers = [one for one in host.containers_of(project, name) if one.state == "running"]
        if not containers:
            continue
        own = dict(_usage(containers))
        if mapped.role == "api":
            own |= dict(_requests(host.traffic, name, policy))
        elif mapped.role == "worker" and mapped.celery_app and host.traffic.redis is not None:
            pending = host.traffic.redis.pending
            own |= {} if pending is None else {"pending_tasks": float(pending)}
        elif mapped.role == "database":
            own |= {} if reads is None else {"read_queries_per_second": reads}
            if host.postgres is not None and host.postgres.service == name and host.postgres.problem is None:
                own["connections"] = float(host.postgres.connections.open)
        found[name] = own
    return found


def reads_per_second(before: TrafficObservation, now: TrafficObservation) -> float | None:
    """Reading statements per second between two looks; None where they were not counted, or the count began anew."""
    return _rate(before, now, before.reads, now.reads)


def transactions_per_second(before: TrafficObservation, now: TrafficObservation) -> float | None:
    """Transactions per second, likewise: the nearest to reads that Postgres counts without an extension.

    A statement outside of a transaction block is one; those that write count too, and several reads may be one.
    """
    return _rate(before, now, before.transactions, now.transactions)


def _rate(before: TrafficObservation, now: TrafficObservation, earlier: int | None, later: int | None) -> float | None:
    if before.at is None or now.at is None or earlier is None or later is None:
        return None
    seconds, more = now.at - before.at, later - earlier
    return more / seconds if seconds > 0 and more >= 0 else None


def _usage(containers: list[ContainerObservation]) -> Iterator[tuple[str, float]]:
    cpus = [(one.usage.cpus, one.limits.cpus) for one in containers]
    memory = [(one.usage.memory, one.limits.memory) for one in containers]
    shares = [used / limit for used, limit in cpus if used is not None and limit]
    if len(shares) == len(containers):
        yield "cpu_usage", sum(shares) / len(shares)
    filled = [used / limit for used, limit in memory if used is not None and limit]
    if len(filled) == len(containers):
        yield "memory_usage", max(filled)


def _requests(traffic: TrafficObservation, name: str, policy: Policy) -> Iterator[tuple[str, float]]:
    alerts, balancer = policy.monitoring.application, traffic.balancer
    if balancer is None or not balancer.running or balancer.service != name:
        return
    answers = balancer.window(alerts.response_time.window or 0)
    if answers is not None and answers.p95 is not None:
        yield "response_time_p95", answers.p95
    if answers is not None and answers.rate is not None:
        yield "requests_per_second", answers.rate
    errors = balancer.window(alerts.error_rate.window or 0)
    if errors is not None and errors.error_rate is not None:
        yield "error_rate", errors.error_rate


@dataclass(frozen=True, slots=True)
class RedisSide:
    """Redis as it was seen: whether it holds the task queue, and what it does when it is full (None: not known)."""

    broker: bool
    eviction: str | None
