"""What hosts and database still carry: the one room that every decision is fitted to (X-09, X-11, X-13, X-14).

Limits of memory may add up to the host's memory less its reserve, without exception; limits of CPU to a multiple of its
cores; connections, with one instance more of a service while it is replaced, to what Postgres accepts. What runs holds
its limits, or what it uses where it has none; what does not run holds nothing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from selextract_infra.assess.pooling import SURGE, Clients, plan_connections
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.assess.service import held_by
from selextract_infra.errors import RefusedError
from selextract_infra.model.figures import amount, cores, count, memory, percent
from selextract_infra.model.postgres import Pooling
from selextract_infra.model.postgres_observation import ConnectionLimit

if TYPE_CHECKING:
    from selextract_infra.model.observation import HostObservation
    from selextract_infra.model.planning import Hardware
    from selextract_infra.model.tuning import ConnectionPlan
    from selextract_infra.policy import Policy

__all__ = ["SCALED_ROLES", "DatabaseSide", "Holdings", "HostRoom", "HostSize", "Room"]

SCALED_ROLES = ("api", "worker")

_NEARLY = 1e-9
_ANY = 1 << 30
_RAM = "bytes of RAM"


@dataclass(frozen=True, slots=True)
class HostRoom:
    """What one host has of one resource, in bytes or cores.

    All limits together may be ``total``, one limit may be ``single``; both are 0 where the host's size is unknown.
    ``others`` is what the containers hold that the decision is not about.
    """

    host: str
    resource: str
    rule: str
    size: float
    total: float
    single: float
    others: float

    def text(self, value: float) -> str:
        """A value with its unit."""
        return memory(value) if self.resource == "memory" else cores(value)

    def refuse_beyond(self, wanted: float, name: str, remedy: str) -> None:
        """Raise ``RefusedError`` where a container of that name does not fit beside the others; no flag overrides it.

        Nothing is refused on a host whose size is not known.
        """
        if self.size and self.others + wanted > self.total:
            raise RefusedError(
                f"{self.host} has room for {self.text(self.total)} of limits, {self.text(self.others)} are given, and"
                f" {name} takes {self.text(wanted)} ({self.rule}).",
                rule=self.rule,
                remedy=remedy,
            )


@dataclass(frozen=True, slots=True)
class HostSize:
    """A host: cores, bytes of memory, and what everything holds there that the decision is not about."""

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
    def seen(cls, host: HostObservation, without: Collection[str] = ()) -> HostSize:
        """An observed host; ``without`` are the IDs of the containers that the decision is about."""
        others = [container for container in host.containers if container.id not in without]
        return cls(
            host.name,
            float(host.facts.cpus),
            float(host.facts.memory),
            sum(held_by(container, "cpus", host.facts) for container in others),
            sum(held_by(container, "memory", host.facts) for container in others),
        )

    def room(self, resource: str, policy: Policy) -> HostRoom:
        """What the host has of ``memory`` or ``cpus``."""
        rules = policy.rightsizing
        if resource == "memory":
            total = self.memory * (1 - rules.host_reserve_memory)
            return HostRoom(self.name, resource, "X-11", self.memory, total, total, self.fixed_memory)
        total = self.cpus * rules.cpu_overcommit_refuse
        # A limit at all cores limits nothing and counts as none: given here, the next plan would give its room again.
        single = max(0.0, self.cpus - rules.cpu_step)
        return HostRoom(self.name, resource, "X-09", self.cpus, total, single, self.fixed_cpus)


@dataclass(frozen=True, slots=True)
class DatabaseSide:
    """How the app reaches Postgres, and its ``max_connections`` (None for the guide's).

    ``limit`` is what the app's role or its database may have, where Postgres limits them.
    """

    pooling: Pooling = Pooling.DIRECT
    maximum: int | None = None
    surge: int = SURGE
    limit: ConnectionLimit | None = None


@dataclass(slots=True)
class Holdings:
    """What services hold: their counts, and by service and resource the limits that all their instances get."""

    counts: dict[tuple[str, str], int]
    limits: dict[tuple[tuple[str, str], str], float] = field(default_factory=dict)

    def of(self, service: ScaledService, resource: str) -> float:
        """What all instances of a service hold together, in bytes or cores."""
        number, limit = self.counts[service.key], self.limits.get((service.key, resource))
        return service.held(resource, number) if limit is None else number * limit


class Room:
    """What is left on the hosts and at the database; what is taken is taken away from the rest of the tick.

    ``services`` are all that the decision counts, those that cannot be scaled among them. ``requested`` is what it
    would come to if everything was granted that was asked for.
    """

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
        self.hosts = {host.name: host for host in hosts}
        self._services = {service.key: service for service in services}
        self.granted = Holdings({service.key: service.count for service in self._services.values()})
        self.requested = Holdings(dict(self.granted.counts))

    def take(self, service: ScaledService, wanted: int) -> tuple[int, list[str]]:
        """So many of the wanted instances as fit, never fewer than there are, and what each refusal is for."""
        now, reasons = self.granted.counts[service.key], []
        granted = wanted
        for most, reason in (self._memory(service), self._cpus(service), self._connections(service, wanted)):
            if most < granted:
                granted = max(now, most)
                reasons.append(reason)
        if now < granted < now + service.stopped:
            reasons.append(
                f"{count(service.stopped, 'instance')} of {service.name} beside those that run are stopped, and Compose"
                " would choose which of all to remove; start or remove them first"
            )
            granted = now
        self.granted.counts[service.key] = granted
        return granted, reasons

    def take_memory(self, service: ScaledService, wanted: float) -> tuple[float, str | None]:
        """As much of a higher memory limit as fits for all instances, in whole steps; what is not worth it is none."""
        now, rules, key = service.memory or 0.0, self._policy.rightsizing, (service.key, "memory")
        self.requested.limits[key] = wanted
        host = self.hosts.get(service.host)
        if host is None or not host.memory:
            return now, f"the size of {service.host or 'the host'} is not known (X-11)"
        room = host.room("memory", self._policy)
        beside = self.held(host, "memory") - self.granted.of(service, "memory")
        free = max(0.0, room.total - self.held(host, "memory"))
        fits = min(room.single, max(now, (room.total - beside) / max(1, self.granted.counts[service.key])))
        if wanted <= fits:
            self.granted.limits[key] = wanted
            return wanted, None
        part = math.floor(fits / rules.memory_step) * float(rules.memory_step)
        less = f"{host.name} has {amount(free, _RAM)} left of {amount(room.total, _RAM)} for limits (X-14)"
        if part <= now * (1 + rules.minimum_change):
            return now, less
        self.granted.limits[key] = part
        return part, f"{less}; {memory(part)} for each fit"

    def take_cpus(self, service: ScaledService, wanted: float) -> tuple[float, str | None]:
        """A higher CPU limit, at most the host's cores; the sum may be any multiple of them for a while."""
        key, host, now = (service.key, "cpus"), self.hosts.get(service.host), service.cpus or 0.0
        self.requested.limits[key] = wanted
        if host is None or not host.cpus:
            return now, f"the size of {service.host or 'the host'} is not known (X-09)"
        granted = max(now, min(wanted, host.cpus))
        self.granted.limits[key] = granted
        return granted, None if granted >= wanted else f"{host.name} has {cores(host.cpus)} (X-09)"

    def held(self, host: HostSize, resource: str, holdings: Holdings | None = None) -> float:
        """What everything on the host holds, with what was granted or with other ``holdings``."""
        fixed = host.fixed_memory if resource == "memory" else host.fixed_cpus
        own = [service for service in self._services.values() if service.host == host.name]
        return fixed + sum((holdings or self.granted).of(service, resource) for service in own)

    def connections(self, counts: dict[tuple[str, str], int] | None = None) -> ConnectionPlan:
        """Whether all connections fit with these counts, by default with those that were granted."""
        counts = counts or self.granted.counts
        api, workers = (
            sum(counts[service.key] for service in self._services.values() if service.role == role)
            for role in SCALED_ROLES
        )
        return plan_connections(
            Clients(api=api, workers=workers, surge=self._database.surge),
            self._policy,
            pooling=self._database.pooling,
            maximum=self._database.maximum,
            limit=self._database.limit,
        )

    def _memory(self, service: ScaledService) -> tuple[int, str]:
        now, host = self.granted.counts[service.key], self.hosts.get(service.host)
        if host is None or not host.memory:
            return now, f"the size of {service.host or 'the host'} is not known (X-11)"
        room, held = host.room("memory", self._policy), self.held(host, "memory")
        each, what = service.memory, "an instance takes"
        if not each:  # it may take all there is; what it is expected to take is what it does now, and some more
            each = service.memory_use * (1 + self._policy.rightsizing.memory_margin)
            what = "an instance has no limit and with its margin uses"
        if not each:
            return now, f"{service.name} has no memory limit and no known use, so it cannot be said what fits (X-11)"
        return now + _times(room.total - held, each), (
            f"{host.name} has room for {amount(room.total, _RAM)} of limits, {amount(held, _RAM)} are given, "
            f"{what} {amount(each, _RAM)} (X-11)"
        )

    def _cpus(self, service: ScaledService) -> tuple[int, str]:
        now, host = self.granted.counts[service.key], self.hosts.get(service.host)
        if host is None or not host.cpus or not service.cpus or "X-09" in self._overrides:
            return _ANY, ""
        room, held = host.room("cpus", self._policy), self.held(host, "cpus")
        return now + _times(room.total - held, service.cpus), (
            f"CPU limits of {cores(held)} are given on {cores(host.cpus)} of {host.name}, at most "
            f"{percent(self._policy.rightsizing.cpu_overcommit_refuse)} may be; an instance takes"
            f" {cores(service.cpus)} (X-09)"
        )

    def _connections(self, service: ScaledService, wanted: int) -> tuple[int, str]:
        """The most instances, up to those wanted, with which all connections fit."""
        now = self.granted.counts[service.key]
        if service.role not in SCALED_ROLES or "X-13" in self._overrides or wanted <= now:
            return _ANY, ""
        plan = self._with(service, wanted)
        if plan.fits:
            return _ANY, ""
        most = next((number for number in range(wanted - 1, now, -1) if self._with(service, number).fits), now)
        return most, f"{plan.sentence} (X-13)"

    def _with(self, service: ScaledService, number: int) -> ConnectionPlan:
        return self.connections({**self.granted.counts, service.key: number})


def _times(free: float, each: float) -> int:
    return math.floor(free / each + _NEARLY)
