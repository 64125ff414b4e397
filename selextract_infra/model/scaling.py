"""What scaling decides: instance counts with everything that led to them, and the stamps that outlive a restart.

Times are Unix seconds where a program counts with them and zoned datetimes where a person reads them.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from selextract_infra.model.assessment import IncidentSeverity
from selextract_infra.model.base import Frozen
from selextract_infra.model.decision import Decision
from selextract_infra.model.finding import Finding

__all__ = [
    "Direction",
    "EmergencyDecision",
    "Flap",
    "HostLoad",
    "IncidentBottleneck",
    "IncidentBottleneckKind",
    "ScalingDecision",
    "ServiceOutcome",
    "ServiceStamps",
    "SimulatedAction",
    "Simulation",
]


class Direction(StrEnum):
    """Which way a count changes."""

    OUT = "out"
    IN = "in"


class ServiceStamps(Frozen):
    """What the autoscaler has to remember of one service across a restart; times are Unix seconds, None for never.

    ``count`` is the count that was seen or set last: another one means that somebody else changed it, at
    ``changed_by_hand``. ``usual`` is the count from before the calendar asked for another; None while it does not.
    """

    count: int | None = None
    last_out: float | None = None
    last_in: float | None = None
    changed_by_hand: float | None = None
    usual: int | None = None


class ScalingDecision(Decision):
    """A Decision about the instances of a service, with its own explanation.

    ``fired`` names the rules that asked for a change, ``held`` says what kept each of them (or a scale-in) back,
    ``clamped`` what made the count smaller or larger than asked for. ``next_at`` is the earliest time at which what is
    held by time alone may happen.
    """

    at: AwareDatetime
    direction: Direction | None = None
    fired: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    clamped: tuple[str, ...] = ()
    next_at: AwareDatetime | None = None


class SimulatedAction(Frozen):
    """One change of a count in a replay."""

    at: AwareDatetime
    service: str
    before: int
    after: int
    rule: str
    why: str
    why_less: str | None = None


class Flap(Frozen):
    """An action that took back the one before it sooner than the longest cooldown of the service."""

    at: AwareDatetime
    service: str
    after_seconds: float


class HeldBackKind(StrEnum):
    """Why a replay did not act where somebody might have expected it to."""

    HELD = "held"
    MISSING = "missing"
    BLIND = "blind"


class HeldBack(Frozen):
    """One reason for which a service kept its count: how often it was met, and when first."""

    at: AwareDatetime
    service: str
    kind: HeldBackKind
    why: str
    times: int


class ServiceOutcome(Frozen):
    """What a replay came to for one service.

    ``refused`` counts how often more instances were wanted and not one more fitted.
    ``minutes_over`` has, by metric, for how many minutes it was over its target. ``cost`` is dollars for the
    instance-hours by unit price, None where no price is known; a fixed host costs the same however many instances it
    carries (X-55).
    """

    name: str
    role: str
    samples: int
    first_count: int
    last_count: int
    highest_count: int
    actions: int
    flaps: int
    refused: int
    minutes_over: dict[str, float]
    instance_hours: float
    cost: float | None


class Simulation(Frozen):
    """A replay of recorded metrics by the rules of the autoscaler.

    ``refusals`` is what was wanted and did not fit, ``held`` what was asked for and not done, or could not be seen.
    """

    source: str
    start: AwareDatetime
    end: AwareDatetime
    interval_seconds: float
    ticks: int
    samples: int
    services: tuple[ServiceOutcome, ...]
    actions: tuple[SimulatedAction, ...]
    flaps: tuple[Flap, ...]
    refusals: tuple[SimulatedAction, ...] = ()
    held: tuple[HeldBack, ...] = ()
    findings: tuple[Finding, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def instance_hours(self) -> float:
        """Over all services."""
        return sum(service.instance_hours for service in self.services)

    @property
    def cost(self) -> float | None:
        """Dollars by unit price, over all services; None where no price is known."""
        known = [service.cost for service in self.services if service.cost is not None]
        return sum(known) if len(known) == len(self.services) else None


class IncidentBottleneckKind(StrEnum):
    """What keeps a system from doing more, and so what helps."""

    HOST = "host-bound"
    DATABASE = "database-bound"
    LIMIT = "container-limit-bound"
    CONCURRENCY = "concurrency-bound"
    UNKNOWN = "unknown"


class IncidentBottleneck(Frozen):
    """One bottleneck of an emergency: its kind, where it is (empty for everywhere), and what shows it."""

    kind: IncidentBottleneckKind
    host: str = ""
    service: str = ""
    why: str


class HostLoad(Frozen):
    """The limits on a host in cores and bytes, with their share of it: as asked for, and as granted."""

    host: str
    requested_cores: float
    requested_cores_ratio: float
    requested_memory: float
    requested_memory_ratio: float
    cores: float
    cores_ratio: float
    memory: float
    memory_ratio: float


class EmergencyDecision(Frozen):
    """What an emergency may do: each Decision says what was requested, what is granted, and why less.

    ``decisions`` are about ``instances``, ``memory`` and ``cpus`` of services and about ``caching`` and ``throttling``
    of the edge (1 on, 0 off). Everything is taken back at ``expires_at``. ``confirm``: a person has to agree first.
    ``escalate`` says why others have to hear of it at once; None where nobody has to.
    """

    at: AwareDatetime
    expires_at: AwareDatetime
    severity: IncidentSeverity | None = None
    confirm: bool = False
    bounds: tuple[IncidentBottleneck, ...]
    decisions: tuple[Decision, ...]
    loads: tuple[HostLoad, ...]
    connections: str
    escalate: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def granted(self) -> tuple[Decision, ...]:
        """What changes."""
        return tuple(decision for decision in self.decisions if decision.changes)
