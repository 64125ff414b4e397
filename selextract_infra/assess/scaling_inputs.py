"""From what was seen of a host to what the rules of scaling are asked with: services, samples, room, database, Redis.

A metric that was not seen is left out, never guessed: the rules know what a gap means.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selextract_infra.assess.connections import tightest_limit
from selextract_infra.assess.instance_usage import ServiceUsage, cpu_usage, memory_usage
from selextract_infra.assess.room import SCALED_ROLES, DatabaseSide, HostSize
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.assess.service import Service, app_services, fixed_identity
from selextract_infra.assess.singleton import singletons_on
from selextract_infra.assess.tasks import pending_of, tasks_on
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.postgres import Pooling
from selextract_infra.model.traffic import TrafficObservation

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = [
    "RedisSide",
    "database_side",
    "host_size",
    "host_usage",
    "most_of",
    "only_instances",
    "reads_per_second",
    "redis_side",
    "samples_of",
    "scaled_services",
    "transactions_per_second",
]

_MAX_CONNECTIONS = "max_connections"


def scaled_services(
    host: HostObservation, policy: Policy, roles: Collection[str] = SCALED_ROLES
) -> tuple[ScaledService, ...]:
    """The mapped services of these roles with their counts and limits, without samples.

    Those of which there can be only one instance are among them: they hold memory and connections like the others.
    """
    return tuple(ScaledService.of(service) for service in app_services(host, policy) if service.role in roles)


def host_size(host: HostObservation, policy: Policy, roles: Collection[str] = SCALED_ROLES) -> HostSize:
    """The host, with what everything holds there that is no service of these roles; the balancer is part of that."""
    services = [service for service in app_services(host, policy) if service.role in roles]
    return HostSize.seen(host, {container.id for service in services for container in service.containers})


def only_instances(host: HostObservation, policy: Policy) -> dict[tuple[str, str], str]:
    """By host and service, why there can be only one instance of it."""
    project = host.project(policy.application.project or "")
    fixed = {definition.name: fixed_identity(definition) for definition in (project.services if project else ())}
    reasons = {
        name: f"it has {what}, which only one instance can have" for name, what in fixed.items() if what is not None
    }
    return {(host.name, name): reason for name, reason in {**reasons, **singletons_on(host, policy)}.items()}


def database_side(host: HostObservation, policy: Policy) -> DatabaseSide:
    """How the app reaches Postgres, with Postgres' own max_connections where it was seen.

    It goes through PgBouncer where our capacity file leads every service there that has a variable for it.
    """
    pooling = Pooling.POOLED if _is_led(host, policy) else Pooling.DIRECT
    postgres, names = host.postgres, policy.application.services_of("database")
    if postgres is None or postgres.service not in names or _MAX_CONNECTIONS not in postgres.settings:
        return DatabaseSide(pooling=pooling)
    maximum = int(postgres.settings[_MAX_CONNECTIONS].value)
    return DatabaseSide(pooling=pooling, maximum=maximum, limit=tightest_limit(postgres.limits))


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
    broker = any(service.task_system for service in policy.application.services_of("worker").values())
    redis = host.traffic.redis
    stated = next(
        (service.eviction for name, service in mapped.items() if redis is None or name == redis.service), None
    )
    return RedisSide(broker, (redis.eviction if redis else None) or stated)


def samples_of(host: HostObservation, policy: Policy, *, reads: float | None = None) -> dict[str, dict[str, float]]:
    """By service, the metrics of its role as they are now; those that were not seen are not there.

    CPU and memory are shares of the limits: the mean of all instances, and the fullest of them; what was not read of
    an instance is nothing here, and everything in `most_of`. Requests and response
    times are those of the whole service over the guide's window, tasks all that are pending for the service. ``reads``
    are reading statements per second, see `reads_per_second`.
    """
    samples: dict[str, dict[str, float]] = {}
    of_host = host_usage(host) if policy.trigger_rules.metric_scope.value == "host" else None
    pending = {tasks.service: pending_of(tasks, policy) for tasks in tasks_on(host, policy)}
    for service in app_services(host, policy):
        if not service.running:
            continue
        name = service.name
        own = {metric: usage.least for metric, usage in _usage(service)} if of_host is None else dict(of_host)
        if service.role == "api":
            own |= dict(_requests(host.traffic, name, policy))
        elif service.role == "worker":
            tasks = pending.get(name)
            own |= {} if tasks is None else {"pending_tasks": float(tasks)}
        elif service.role == "database":
            own |= {} if reads is None else {"read_queries_per_second": reads}
            if host.postgres is not None and host.postgres.service == name and host.postgres.problem is None:
                own["connections"] = float(host.postgres.connections.open)
        samples[name] = own
    return samples


def host_usage(host: HostObservation) -> dict[str, float]:
    """CPU and memory of the whole host as shares of what it has; what was not measured is missing.

    It stands for each service's own where triggers look at the host (``trigger_rules.metric_scope``).
    """
    facts, usage = host.facts, dict[str, float]()
    used = [container.usage.cpus for container in host.containers if container.usage.cpus is not None]
    if facts.cpus and used:
        usage["cpu_usage"] = sum(used) / facts.cpus
    if facts.memory and facts.memory_available is not None:
        usage["memory_usage"] = 1 - facts.memory_available / facts.memory
    return usage


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


def most_of(host: HostObservation, policy: Policy) -> dict[str, dict[str, float]]:
    """By service, the metrics of which some instance was not read, with 100 % for it."""
    if policy.trigger_rules.metric_scope.value == "host":
        return {}
    found = {
        service.name: {metric: usage.most for metric, usage in _usage(service) if usage.most > usage.least}
        for service in app_services(host, policy)
        if service.running
    }
    return {name: metrics for name, metrics in found.items() if metrics}


def _usage(service: Service) -> Iterator[tuple[str, ServiceUsage]]:
    for metric, usage in (("cpu_usage", cpu_usage(service)), ("memory_usage", memory_usage(service))):
        if usage is not None:
            yield metric, usage


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
