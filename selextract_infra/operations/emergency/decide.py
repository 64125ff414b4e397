"""What an emergency is granted: the guide's multipliers, cut to what helps and to what fits (EMA, X-14 to X-17).

By the bottleneck first: see `emergency_class`. Then inside the bounds, the host's memory (without exception) and the
database's connections, instances before limits. CPU limits may add up to any multiple for as long as it lasts. Each
value says what was requested, what is granted, and why less. Cooldowns do not count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from selextract_infra.assess.incident import EmergencySituation
from selextract_infra.assess.room import DatabaseSide, HostSize, Room
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.scaling import EmergencyDecision, HostLoad, IncidentBottleneckKind
from selextract_infra.operations.emergency.edge import edge_decisions

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["grant"]

_CRITICAL = ("api", "worker")


def grant(situation: EmergencySituation, policy: Policy) -> EmergencyDecision:
    """What may be done now. Raises RefusedError while an emergency is on (X-74), UsageError without a time zone."""
    if situation.at.utcoffset() is None:
        raise UsageError(f"The instant ({situation.at.isoformat()}) has no time zone.")
    if situation.active_since is not None:
        raise RefusedError(
            f"An emergency is on since {situation.active_since:%Y-%m-%d %H:%M:%S}; a second would multiply it (X-74).",
            rule="X-74",
            remedy="revert it first, or let it expire",
        )
    grants = _Grants(situation, policy)
    decisions = [*grants.instances(), *grants.limits(), *edge_decisions(policy, situation.redis, situation.edges)]
    return EmergencyDecision(
        at=situation.at,
        expires_at=situation.at + timedelta(seconds=policy.emergency.actions.lifetime.value),
        severity=situation.severity,
        confirm=situation.severity not in (None, IncidentSeverity.P1),
        bounds=tuple(situation.bounds),
        decisions=tuple(decisions),
        loads=tuple(_load(host, grants.room) for host in grants.room.hosts.values()),
        connections=grants.room.connections().sentence,
        escalate=_escalation(situation, decisions),
        findings=tuple(_failover(situation)),
    )


class _Grants:
    """Instances first, then limits, out of one room."""

    def __init__(self, situation: EmergencySituation, policy: Policy) -> None:
        self._situation, self._policy = situation, policy
        kinds = {bottleneck.kind for bottleneck in situation.bounds}
        self._saturated = {
            bottleneck.host: bottleneck
            for bottleneck in situation.bounds
            if bottleneck.kind is IncidentBottleneckKind.HOST
        }
        self._database = next(
            (bottleneck for bottleneck in situation.bounds if bottleneck.kind is IncidentBottleneckKind.DATABASE), None
        )
        self._tight = {
            bottleneck.service for bottleneck in situation.bounds if bottleneck.kind is IncidentBottleneckKind.LIMIT
        }
        self._concurrency = bool(kinds & {IncidentBottleneckKind.CONCURRENCY, IncidentBottleneckKind.UNKNOWN})
        self._unknown = IncidentBottleneckKind.UNKNOWN in kinds
        # CPU limits may add up to any multiple for as long as it lasts.
        database = situation.database or DatabaseSide(surge=0)
        self.room = Room(situation.services, situation.hosts, policy, database=database, overrides={"X-09"})

    def instances(self) -> list[Decision]:
        """API and workers; those under pressure get theirs first."""
        pressed = {bottleneck.service for bottleneck in self._situation.bounds}
        critical = [service for service in self._situation.services if service.role in _CRITICAL]
        critical.sort(key=lambda scaled: (scaled.name not in pressed, _CRITICAL.index(scaled.role), scaled.key))
        return [self._instances_of(service) for service in critical]

    def _instances_of(self, service: ScaledService) -> Decision:
        actions = self._policy.emergency.actions
        factor = actions.api.factor if service.role == "api" else actions.worker.factor
        requested = _times(service.count, factor)
        item = self._policy.origin(f"emergency.actions.{service.role}.factor").item_id or "emergency.actions"
        self.room.requested.counts[service.key] = requested
        forbidden = self._forbidden(service)
        if forbidden is not None:
            return self._decision(service, "instances", item, service.count, requested, service.count, forbidden)
        bounds = self._policy.scaling.api.instances if service.role == "api" else self._policy.scaling.worker.instances
        wanted, less = max(service.count, min(requested, bounds.maximum)), []
        if wanted < requested:
            less.append(f"the maximum is {bounds.maximum} (X-14)")
        granted, reasons = self.room.take(service, wanted)
        return self._decision(
            service, "instances", item, service.count, requested, granted, "; ".join((*less, *reasons)) or None
        )

    def _forbidden(self, service: ScaledService) -> str | None:
        """Why no instance more would help, or would make it worse; None where more may help."""
        if service.count < 1:
            return "no instance runs, so there is nothing to multiply; start it first"
        if service.key in self._situation.pinned:
            return self._situation.pinned[service.key]
        saturated = self._saturated.get(service.host) or self._saturated.get("")
        if saturated is not None:
            return f"its host is exhausted, and every instance more makes that worse: {saturated.why} (X-16)"
        if self._database is not None:
            return f"the database is the bottleneck, and every instance more connects to it: {self._database.why}"
        if not self._concurrency and not self._saturated:
            return "a container is at its limit, so the limit is raised and not the count"
        return None

    def limits(self) -> list[Decision]:
        """Higher limits: of what is at its limit, or of the scope where nobody knows."""
        wide = self._policy.emergency.actions.scope.value == "all"
        decisions = []
        for service in self._situation.services:
            scoped = self._unknown and (wide or service.role in _CRITICAL)
            wanted = scoped or service.name in self._tight or self._tight_database(service)
            if wanted and service.count:
                decisions += self._limits_of(service)
        return decisions

    def _tight_database(self, service: ScaledService) -> bool:
        return service.role == "database" and self._database is not None and self._database.service == service.name

    def _limits_of(self, service: ScaledService) -> list[Decision]:
        factor = self._policy.emergency.actions.limits.factor
        item = self._policy.origin("emergency.actions.limits.factor").item_id or "emergency.actions.limits"
        saturated = self._saturated.get(service.host) or self._saturated.get("")
        decisions: list[Decision] = []
        less: str | None
        for resource, now, take in (
            ("memory", service.memory, self.room.take_memory),
            ("cpus", service.cpus, self.room.take_cpus),
        ):
            if not now:
                continue
            requested = float(Fraction(str(factor)) * Fraction(str(now)))
            if saturated is not None:
                granted, less = now, f"its host is exhausted: {saturated.why} (X-16)"
            else:
                granted, less = take(service, requested)
            decisions.append(self._decision(service, resource, item, now, requested, granted, less))
        return decisions

    def _decision(
        self,
        service: ScaledService,
        resource: str,
        item: str,
        now: float,
        requested: float,
        granted: float,
        less: str | None,
    ) -> Decision:
        verdict = Verdict.RAISE if granted > now else Verdict.REFUSED
        whole = resource != "cpus"
        return Decision(
            host=service.host,
            project=service.project,
            service=service.name,
            resource=resource,
            verdict=verdict,
            rule=item,
            current=int(now) if whole else now,
            requested=int(requested) if whole else requested,
            granted=int(granted) if whole else granted,
            why="; ".join(bottleneck.why for bottleneck in self._situation.bounds),
            why_less=less or None,
            severity=Severity.INFO if verdict is Verdict.RAISE else Severity.MAJOR,
        )


def _load(host: HostSize, room: Room) -> HostLoad:
    """The limits on a host, as requested and as granted."""
    (asked_cores, asked_memory), (cores, memory) = (
        (room.held(host, "cpus", holdings), room.held(host, "memory", holdings))
        for holdings in (room.requested, room.granted)
    )
    return HostLoad(
        host=host.name,
        requested_cores=asked_cores,
        requested_cores_ratio=asked_cores / host.cpus if host.cpus else 0.0,
        requested_memory=asked_memory,
        requested_memory_ratio=asked_memory / host.memory if host.memory else 0.0,
        cores=cores,
        cores_ratio=cores / host.cpus if host.cpus else 0.0,
        memory=memory,
        memory_ratio=memory / host.memory if host.memory else 0.0,
    )


def _times(count: int, factor: float) -> int:
    return math.ceil(count * Fraction(str(factor)))


def _escalation(situation: EmergencySituation, decisions: Sequence[Decision]) -> str | None:
    """Why others have to hear of it at once: nothing more could be granted, or scaling cannot help here."""
    edge = [decision.resource for decision in decisions if not decision.service and decision.changes]
    left = f"only {' and '.join(edge)} can still help" if edge else "the program can do nothing more"
    if not any(_capacity(decision, situation) for decision in decisions):
        return f"no capacity could be granted; {left}, so a person has to look at it"
    for bottleneck in situation.bounds:
        if bottleneck.kind in (IncidentBottleneckKind.HOST, IncidentBottleneckKind.DATABASE):
            return f"it is {bottleneck.kind}, which more instances do not cure; {left}, so a person has to look at it"
    return None


def _capacity(decision: Decision, situation: EmergencySituation) -> bool:
    """Whether it is more to work with. A higher CPU limit is that only where the limit is what is in the way."""
    if not decision.service or not decision.changes:
        return False
    return decision.resource != "cpus" or any(
        bottleneck.kind is IncidentBottleneckKind.LIMIT for bottleneck in situation.bounds
    )


def _failover(situation: EmergencySituation) -> list[Finding]:
    """With one host there is nowhere to fail over to (X-65)."""
    if not situation.unavailable or len(situation.hosts) > 1:
        return []
    names = ", ".join(situation.unavailable)
    return [
        Finding(
            rule="X-65",
            severity=Severity.MAJOR,
            rule_class=RuleClass.FIX,
            subject=names,
            sentence=f"{names} does not answer, and with one host there is no failover.",
            resolution="It is restarted or scaled where it is, and others hear of it at once.",
        )
    ]
