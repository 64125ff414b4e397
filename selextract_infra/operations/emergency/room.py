"""What hosts and database still have for an emergency: memory less its reserve, and connections (X-14)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from selextract_infra.assess.pooling import Clients, plan_connections
from selextract_infra.assess.room import DatabaseSide, HostSize, Room
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.model.figures import amount, cores, memory
from selextract_infra.model.scaling import HostLoad

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["EmergencyRoom"]

_CPU_RULE = "X-09"
_RAM = "bytes of RAM"


class EmergencyRoom:
    """Instances are taken first, then limits of all instances that were granted; ``loads`` is what it comes to."""

    def __init__(
        self,
        services: Sequence[ScaledService],
        hosts: Sequence[HostSize],
        database: DatabaseSide | None,
        policy: Policy,
    ) -> None:
        self._services, self._hosts, self._policy = services, {host.name: host for host in hosts}, policy
        self._database = database or DatabaseSide(surge=0)
        self._room = Room(services, hosts, policy, database=self._database, overrides={_CPU_RULE})
        self._counts = {service.key: service.count for service in services}
        self._memory = {service.key: service.memory or 0.0 for service in services}
        self._cpus = {service.key: service.cpus or 0.0 for service in services}
        self._asked = dict(self._counts)
        self._asked_memory, self._asked_cpus = dict(self._memory), dict(self._cpus)

    def ask(self, service: ScaledService, count: int) -> None:
        """Note what was requested, whatever is granted of it."""
        self._asked[service.key] = count

    def take(self, service: ScaledService, wanted: int) -> tuple[int, list[str]]:
        """So many instances as fit, and why not more."""
        granted, reasons = self._room.take(service, wanted)
        self._counts[service.key] = granted
        return granted, reasons

    def take_memory(self, service: ScaledService, wanted: float) -> tuple[float, str | None]:
        """As much of a higher memory limit as fits for all instances, in whole steps; what is not worth it is none."""
        key, now, rules = service.key, service.memory or 0.0, self._policy.rightsizing
        self._asked_memory[key] = wanted
        host = self._hosts.get(service.host)
        if host is None or not host.memory:
            return now, f"the size of {service.host or 'the host'} is not known (X-11)"
        usable = host.memory * (1 - rules.host_reserve_memory)
        free = usable - self._held(host, self._counts, self._memory, host.fixed_memory)
        fits = min(usable, now + max(0.0, free) / max(1, self._counts[key]))
        if wanted <= fits:
            self._memory[key] = wanted
            return wanted, None
        part = math.floor(fits / rules.memory_step) * float(rules.memory_step)
        less = f"{host.name} has {amount(max(0.0, free), _RAM)} left of {amount(usable, _RAM)} for limits (X-14)"
        if part <= now * (1 + rules.minimum_change):
            return now, less
        self._memory[key] = part
        return part, f"{less}; {memory(part)} for each fit"

    def take_cpus(self, service: ScaledService, wanted: float) -> tuple[float, str | None]:
        """A higher CPU limit, at most the host's cores; the sum may be any multiple of them for a while."""
        key, host = service.key, self._hosts.get(service.host)
        self._asked_cpus[key] = wanted
        now = service.cpus or 0.0
        if host is None or not host.cpus:
            return now, f"the size of {service.host or 'the host'} is not known (X-09)"
        granted = max(now, min(wanted, host.cpus))
        self._cpus[key] = granted
        return granted, None if granted >= wanted else f"{host.name} has {cores(host.cpus)} (X-09)"

    def _held(
        self,
        host: HostSize,
        counts: dict[tuple[str, str], int],
        each: dict[tuple[str, str], float],
        fixed: float,
    ) -> float:
        return fixed + sum(
            counts[service.key] * each[service.key] for service in self._services if service.host == host.name
        )

    def loads(self) -> tuple[HostLoad, ...]:
        """The limits on each host, as requested and as granted."""
        return tuple(self._load(host) for host in self._hosts.values())

    def _load(self, host: HostSize) -> HostLoad:
        asked_cores = self._held(host, self._asked, self._asked_cpus, host.fixed_cpus)
        asked_memory = self._held(host, self._asked, self._asked_memory, host.fixed_memory)
        given_cores = self._held(host, self._counts, self._cpus, host.fixed_cpus)
        given_memory = self._held(host, self._counts, self._memory, host.fixed_memory)
        return HostLoad(
            host=host.name,
            requested_cores=asked_cores,
            requested_cores_ratio=asked_cores / host.cpus if host.cpus else 0.0,
            requested_memory=asked_memory,
            requested_memory_ratio=asked_memory / host.memory if host.memory else 0.0,
            cores=given_cores,
            cores_ratio=given_cores / host.cpus if host.cpus else 0.0,
            memory=given_memory,
            memory_ratio=given_memory / host.memory if host.memory else 0.0,
        )

    def connections(self) -> str:
        """Whether all connections fit after the grant, in words."""
        api, workers = (
            sum(self._counts[service.key] for service in self._services if service.role == role)
            for role in ("api", "worker")
        )
        clients = Clients(api=api, workers=workers, surge=self._database.surge)
        side = self._database
        plan = plan_connections(clients, self._policy, pooling=side.pooling, maximum=side.maximum, limit=side.limit)
        return plan.sentence
