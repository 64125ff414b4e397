"""How many more instances the hosts and the database carry (X-09, X-11, X-13).

Limits of memory may add up to the host's memory less its reserve, without exception; limits of CPU to a multiple of its
cores; connections, with one instance more of a service while it is replaced, to what Postgres accepts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selextract_infra.assess.pooling import Clients, plan_connections
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.model.figures import amount, cores, percent
from selextract_infra.model.postgres import Pooling
from selextract_infra.model.postgres_observation import ConnectionLimit

if TYPE_CHECKING:
    from selextract_infra.model.observation import ContainerObservation, HostObservation
    from selextract_infra.model.planning import Hardware
    from selextract_infra.policy import Policy

__all__ = ["DatabaseSide", "HostSize", "Room"]

_NEARLY = 1e-9
SCALED_ROLES = ("api", "worker")


@dataclass(frozen=True, slots=True)
class HostSize:
    """A host: cores, bytes of memory, and the limits of everything on it that is not scaled."""

    name: str
    cpus: float
    memory: float
    fixed_cpus: float = 0.0
    fixed_memory: float = 0.0

    @classmethod
    def of_hardware(cls, name: str, hardware: Hardware, policy: Policy) -> HostSize:
        """A host of that size with the guide's other containers on it (CTR-01 to CTR-06)."""
        fixed = [row for role, row in policy.containers.items() if role not in SCALED_ROLES]
        return cls(
            name,
            hardware.cores,
            hardware.memory,
            sum(row.cpus * row.count for row in fixed),
            float(sum(row.memory * row.count for row in fixed)),
        )

    @classmethod
    def seen(cls, host: HostObservation, scaled: Collection[tuple[str | None, str | None]]) -> HostSize:
        """An observed host; ``scaled`` are the (project, service) pairs that the autoscaler looks after."""
        others = [container for container in host.containers if (container.project, container.service) not in scaled]
        return cls(
            host.name,
            float(host.facts.cpus),
            float(host.facts.memory),
            sum(_cpus(container) for container in others),
            float(sum(_memory(container) for container in others)),
        )


@dataclass(frozen=True, slots=True)
class DatabaseSide:
    """How the app reaches Postgres, and its ``max_connections`` (None for the guide's).

    ``limit`` is what the app's role or its database may have, where Postgres limits them.
    """

    pooling: Pooling = Pooling.DIRECT
    maximum: int | None = None
    surge: int = 1
    limit: ConnectionLimit | None = None


class Room:
    """What is left on the hosts and at the database; what is taken is taken away from the rest of the tick."""

    def __init__(
        self,
        services: Iterable[ScaledService],
        hosts: Iterable[HostSize],
        policy: Policy,
        *,
        database: DatabaseSide | None = None,
        overrides: Collection[str] = (),
    ) -> None:
        self._policy, self._database, self._overrides = policy, database or DatabaseSide(), overrides
        self._hosts = {host.name: host for host in hosts}
        self._services = {service.key: service for service in services}
        self._counts = {service.key: service.count for service in self._services.values()}

    def take(self, service: ScaledService, wanted: int) -> tuple[int, list[str]]:
        """So many of the wanted instances as fit, never fewer than there are, and what each refusal is for."""
        now, reasons = self._counts[service.key], []
        granted = wanted
        for most, reason in (self._memory(service), self._cpus(service), self._connections(service, wanted)):
            if most < granted:
                granted = max(now, most)
                reasons.append(reason)
        self._counts[service.key] = granted
        return granted, reasons

    def _memory(self, service: ScaledService) -> tuple[int, str]:
        now, host = self._counts[service.key], self._hosts.get(service.host)
        if host is None or not host.memory:
            return now, f"the size of {service.host or 'the host'} is not known (X-11)"
        if not service.memory:
            return now, f"{service.name} has no memory limit, so it cannot be said what fits (X-11)"
        usable = host.memory * (1 - self._policy.rightsizing.host_reserve_memory)
        held = host.fixed_memory + sum((other.memory or 0.0) * self._counts[other.key] for other in self._on(host.name))
        more = math.floor((usable - held) / service.memory + _NEARLY)
        ram = "bytes of RAM"
        return now + more, (
            f"{host.name} has room for {amount(usable, ram)} of limits, {amount(held, ram)} are given, "
            f"an instance takes {amount(service.memory, ram)} (X-11)"
        )

    def _cpus(self, service: ScaledService) -> tuple[int, str]:
        now, host = self._counts[service.key], self._hosts.get(service.host)
        if host is None or not host.cpus or not service.cpus or "X-09" in self._overrides:
            return _ANY, ""
        share = self._policy.rightsizing.cpu_overcommit_refuse
        held = host.fixed_cpus + sum((other.cpus or 0.0) * self._counts[other.key] for other in self._on(host.name))
        more = math.floor((host.cpus * share - held) / service.cpus + _NEARLY)
        return now + more, (
            f"CPU limits of {cores(held)} are given on {cores(host.cpus)} of {host.name}, at most "
            f"{percent(share)} may be; an instance takes {cores(service.cpus)} (X-09)"
        )

    def _connections(self, service: ScaledService, wanted: int) -> tuple[int, str]:
        """The most instances, up to those wanted, with which all connections fit."""
        now = self._counts[service.key]
        if service.role not in SCALED_ROLES or "X-13" in self._overrides or wanted <= now:
            return _ANY, ""
        fits, sentence = self._connect(service, wanted)
        if fits:
            return _ANY, ""
        most = next((count for count in range(wanted - 1, now, -1) if self._connect(service, count)[0]), now)
        return most, f"{sentence} (X-13)"

    def _connect(self, service: ScaledService, count: int) -> tuple[bool, str]:
        counts = {**self._counts, service.key: count}
        api, workers = (
            sum(counts[other.key] for other in self._services.values() if other.role == role) for role in SCALED_ROLES
        )
        plan = plan_connections(
            Clients(api=api, workers=workers, surge=self._database.surge),
            self._policy,
            pooling=self._database.pooling,
            maximum=self._database.maximum,
            limit=self._database.limit,
        )
        return plan.fits, plan.sentence

    def _on(self, host: str) -> list[ScaledService]:
        return [service for service in self._services.values() if service.host == host]


_ANY = 1 << 30


def _memory(container: ContainerObservation) -> int:
    return container.limits.memory or container.usage.memory or 0


def _cpus(container: ContainerObservation) -> float:
    return container.limits.cpus or container.usage.cpus or 0.0
