"""The autoscaler: from recent samples and present counts to the instances that there should be, with every reason.

A rule fires when every sample of its duration breaches and enough samples are there (TRG-06); it is evaluated during
its cooldown too, which only blocks the action (TRG-07). More instances go before fewer (TRG-09). An instance is removed
only when all metrics of its service are calm and the others can carry its share (X-33); a missing metric vetoes that,
but never more instances. The calendar's floor, the bounds, the host and the database have the last word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from selextract_infra.assess.calendar import Calendar
from selextract_infra.assess.room import DatabaseSide, HostSize, Room
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.decision import Verdict
from selextract_infra.model.figures import printable
from selextract_infra.model.finding import Severity
from selextract_infra.model.scaling import Direction, ScalingDecision
from selextract_infra.operations.scaling.floor import SUSPENDING, CountFloor, Floors
from selextract_infra.operations.scaling.judge import CountProposal, Judge
from selextract_infra.operations.scaling.rules import RoleRules, rules_by_role

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["Autoscaler", "wanted_counts"]


class Autoscaler:
    """One policy, calendar, database and set of hosts; ``decide`` may be asked as often as one likes.

    ``cheaper`` is the cost profile (ASO), acted on only where the policy takes it for production (X-34). ``overrides``
    names rules that the operator overrides: X-09 (CPU) and X-13 (connections); memory has no override.
    """

    def __init__(
        self,
        policy: Policy,
        hosts: Iterable[HostSize],
        calendar: Calendar,
        *,
        cheaper: bool = False,
        usual: dict[str, int] | None = None,
        database: DatabaseSide | None = None,
        overrides: Collection[str] = (),
    ) -> None:
        self._policy, self._hosts = policy, tuple(hosts)
        self._database, self._overrides = database, overrides
        self._roles = rules_by_role(policy, cheaper=cheaper)
        self._by_service: dict[tuple[str, str], RoleRules] = {}
        self.floors = Floors(calendar, usual, cheaper=cheaper)
        self._judge = Judge(policy)

    @property
    def looks_back(self) -> float:
        """Seconds of samples that the rules need."""
        return max(rule.duration for role in self._roles.values() for rule in (*role.out, *role.back))

    def rules_of(self, service: ScaledService) -> RoleRules:
        """The rules that hold for a service. Raises UsageError for a role that is not scaled."""
        key = (service.name, service.role)
        if key not in self._by_service:
            if service.role not in self._roles:
                name = printable(service.name[:60])
                raise UsageError(
                    f"{name} has the role {printable(service.role[:60])!r}, which is not scaled.",
                    remedy=f"map it to one of {', '.join(self._roles)}",
                )
            self._by_service[key] = self._roles[service.role].only(service.name)
        return self._by_service[key]

    def may_act(self, service: ScaledService, at: float) -> bool:
        """False where the newest samples and the cooldowns alone say that no count will change; cheap, for replays.

        ``decide`` then keeps the count as well; where it is True, only ``decide`` knows.
        """
        rules = self.rules_of(service)
        return self._judge.may_act(service, rules, self.floors.of(service, rules, at), at)

    def wants_more(self, service: ScaledService) -> bool:
        """Whether the newest samples ask for more instances."""
        return self._judge.newest_breaches(service, self.rules_of(service))

    def full(self, service: ScaledService, at: float) -> bool:
        """Whether more may be wanted than the maximum allows, by the newest samples alone."""
        return self._judge.full(service, self.rules_of(service), at)

    def decide(
        self,
        services: Sequence[ScaledService],
        at: float,
        *,
        incident: IncidentSeverity | None = None,
        beside: Iterable[ScaledService] = (),
    ) -> tuple[ScalingDecision, ...]:
        """A Decision for each service, those that keep their count too; ``at`` is Unix seconds.

        ``beside`` are services that are not scaled and share the room: what they hold is not free, and they connect.

        What one service is granted is no longer there for those after it. Room that a removal frees counts from the
        next time on, when it has really happened.
        """
        room = Room((*services, *beside), self._hosts, self._policy, database=self._database, overrides=self._overrides)
        return tuple(self._decided(service, at, room, incident) for service in services)

    def _decided(
        self, service: ScaledService, at: float, room: Room, incident: IncidentSeverity | None
    ) -> ScalingDecision:
        rules = self.rules_of(service)
        floor = self.floors.of(service, rules, at, incident)
        wish = self._judge.wish(service, rules, floor, at, incident=incident in SUSPENDING)
        if wish.direction is Direction.OUT:
            return self._granted(service, rules, floor, wish, at, room)
        return _decision(service, rules, wish, at, granted=wish.requested)

    def _granted(
        self, service: ScaledService, rules: RoleRules, floor: CountFloor, wish: CountProposal, at: float, room: Room
    ) -> ScalingDecision:
        clamped = [floor.why_less] if floor.why_less and wish.why == floor.why else []
        wanted = max(service.count, min(wish.requested, rules.maximum))
        if wanted < wish.requested:
            clamped.append(f"the maximum is {rules.maximum} ({rules.bounds_item})")
        granted, reasons = room.take(service, wanted)
        return _decision(service, rules, wish, at, granted=granted, clamped=(*clamped, *reasons))


def wanted_counts(policy: Policy) -> dict[str, int]:
    """How many instances the team wants of a service, where its mapping says so."""
    return {name: service.count for name, service in policy.application.services.items() if service.count}


def _decision(
    service: ScaledService,
    rules: RoleRules,
    wish: CountProposal,
    at: float,
    *,
    granted: int,
    clamped: tuple[str, ...] = (),
) -> ScalingDecision:
    verdict = _verdict(service.count, wish, granted)
    return ScalingDecision(
        host=service.host,
        project=service.project,
        service=service.name,
        resource=rules.resource,
        verdict=verdict,
        rule=wish.rule,
        current=service.count,
        requested=wish.requested,
        granted=granted,
        why=wish.why,
        why_less="; ".join(clamped) or None,
        severity=Severity.MAJOR if verdict in (Verdict.REFUSED, Verdict.UNKNOWN) else Severity.INFO,
        numbers=dict(wish.numbers),
        at=datetime.fromtimestamp(at, UTC),
        direction=wish.direction,
        fired=tuple(wish.fired),
        held=tuple(wish.held),
        clamped=clamped,
        next_at=None if wish.next_at is None else datetime.fromtimestamp(wish.next_at, UTC),
    )


def _verdict(count: int, wish: CountProposal, granted: int) -> Verdict:
    if wish.blind:
        return Verdict.UNKNOWN
    if granted != count:
        return Verdict.RAISE if granted > count else Verdict.LOWER
    return Verdict.REFUSED if wish.direction is Direction.OUT else Verdict.KEEP
