"""What scaling decides: instance counts with everything that led to them, and the stamps that outlive a restart.

Times are Unix seconds where a program counts with them and zoned datetimes where a person reads them.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from selextract_infra.model.base import Frozen
from selextract_infra.model.decision import Decision
from selextract_infra.model.finding import Finding

__all__ = [
    "Direction",
    "Flap",
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
    ``changed_by_hand``.
    """

    count: int | None = None
    last_out: float | None = None
    last_in: float | None = None
    changed_by_hand: float | None = None


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


class ServiceOutcome(Frozen):
    """What a replay came to for one service.

    ``held_back`` counts the times at which more instances were wanted than bounds, host or database allow.
    ``minutes_over`` has, by metric, for how many minutes it was over its target. ``cost`` is dollars for the
    instance-hours by unit price; a fixed host costs the same however many instances it carries (X-55).
    """

    name: str
    role: str
    samples: int
    first_count: int
    last_count: int
    highest_count: int
    actions: int
    flaps: int
    held_back: int
    minutes_over: dict[str, float]
    instance_hours: float
    cost: float


class Simulation(Frozen):
    """A replay of recorded metrics by the rules of the autoscaler."""

    source: str
    start: AwareDatetime
    end: AwareDatetime
    interval_seconds: float
    ticks: int
    samples: int
    services: tuple[ServiceOutcome, ...]
    actions: tuple[SimulatedAction, ...]
    flaps: tuple[Flap, ...]
    findings: tuple[Finding, ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def instance_hours(self) -> float:
        """Over all services."""
        return sum(service.instance_hours for service in self.services)

    @property
    def cost(self) -> float:
        """Dollars by unit price, over all services."""
        return sum(service.cost for service in self.services)
