"""What planning answers: growth against capacity, cost, and the roadmap with dates.

Money is dollars a month. Memory is bytes (binary), storage bytes (decimal), network bits per second, CPU cores; rates
say their unit. Months count from the start of the program, month 0 being today's capacity.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from selextract_infra.model.base import Frozen
from selextract_infra.model.finding import Finding

__all__ = [
    "CostReport",
    "CostRow",
    "Demand",
    "ExhaustionChange",
    "GrowthReport",
    "Hardware",
    "Milestone",
    "MilestoneStatus",
    "Optimisation",
    "PhaseQuote",
    "Requirement",
    "Reservation",
    "ReservationOrder",
    "RoadmapGate",
    "RoadmapPhase",
    "RoadmapReport",
    "SeasonDemand",
]


class Hardware(Frozen):
    """What a host has, or what is asked of it."""

    cores: float
    memory: int
    storage: int
    network: int

    def covers(self, other: Hardware) -> bool:
        """Whether it has at least as much of everything."""
        return (
            self.cores >= other.cores
            and self.memory >= other.memory
            and self.storage >= other.storage
            and self.network >= other.network
        )


class Demand(Frozen):
    """One kind of load: today, projected, and against the capacity that is planned for the same month (GRO, X-56).

    ``utilisation`` is projected over planned; ``needed`` is the capacity that leaves the wanted headroom. ``short`` is
    what is missing even without headroom, 0 where the plan suffices.
    """

    metric: str
    unit: str
    item: str
    today: float
    growth: float
    projected: float
    planned: float | None = None
    utilisation: float | None = None
    needed: float | None = None
    short: float = 0.0
    headroom_kept: bool | None = None


class Requirement(Frozen):
    """One resource that a scenario needs against what the host has (REQ).

    ``missing`` is never negative: requirements are minima and nothing is ever shrunk (X-54). ``phase`` closes the gap,
    None where there is none or where no phase reaches far enough; ``after`` is what the host has after that phase.
    """

    resource: str
    unit: str
    item: str
    required: float
    present: float
    missing: float
    phase: str | None = None
    after: float
    reachable: bool = True
    sentence: str


class SeasonDemand(Frozen):
    """What a season asks of the hosts (X-44): instances, and whether they fit."""

    name: str
    first_day: date
    days_ahead: int
    multiplier: float
    users: float
    requests_per_second: float
    tasks_per_hour: float
    api_instances: int
    worker_instances: int
    cores: float
    memory: int
    cores_share: float
    memory_share: float
    fits: bool
    phases: tuple[str, ...] = ()
    sentence: str


class GrowthReport(Frozen):
    """A scenario: demand, requirements, the phases that close the gap, and what that costs a month."""

    scenario: str
    month: int
    host: Hardware
    demands: tuple[Demand, ...]
    requirements: tuple[Requirement, ...]
    phases: tuple[str, ...]
    reachable: bool
    cost_now: float
    cost_required: float
    cost_after_phases: float
    seasons: tuple[SeasonDemand, ...] = ()
    findings: tuple[Finding, ...] = ()


class CostRow(Frozen):
    """One row of the cost table, recomputed. ``growth`` is against the first, ``implies`` what the money buys."""

    name: str
    item: str
    month: int
    cpu: float
    memory: float
    storage: float
    network: float
    total: float
    growth: float
    stated_total: float | None = None
    stated_growth: float | None = None
    agrees: bool = True
    implies: Hardware


class PhaseQuote(Frozen):
    """What a phase costs by its own quote, and by the unit prices of the table; the two are never summed (X-49)."""

    phase: str
    title: str
    item: str
    resource: str
    quoted: float
    by_unit_price: float
    excess: float
    cumulative_quoted: float
    cumulative_by_unit_price: float


class Reservation(Frozen):
    """A commitment on the run rate: its discount and what is left to pay."""

    name: str
    item: str
    discount: float
    before: float
    after: float
    saving: float
    recommended: bool = False


class ReservationOrder(Frozen):
    """Two orders of the same two steps, with what each costs a month in the end (X-73)."""

    title: str
    first: str
    first_cost: float
    second: str
    second_cost: float
    better: str


class Optimisation(Frozen):
    """An optimisation: the saving that the guide claims and what is realised on this hardware (X-55)."""

    name: str
    item: str
    gain: float
    claimed: float
    realised: float
    effort: str
    sentence: str


class ExhaustionChange(Frozen):
    """When a growing resource is used up before and after a change of its capacity, in days; None is never."""

    resource: str
    unit: str
    before: float
    after: float
    days_before: float | None
    days_after: float | None
    sentence: str


class CostReport(Frozen):
    """What the hardware costs and will cost. ``prices`` are dollars a month per core, GB, TB and Gbps."""

    host: Hardware
    run_rate: float
    prices: dict[str, float]
    rows: tuple[CostRow, ...]
    phases: tuple[PhaseQuote, ...]
    reservations: tuple[Reservation, ...]
    orders: tuple[ReservationOrder, ...]
    optimisations: tuple[Optimisation, ...]
    claimed_total: float
    realised_total: float
    gain_added: float
    gain_compounded: float
    findings: tuple[Finding, ...] = ()


class MilestoneStatus(StrEnum):
    """Where a milestone stands on a day."""

    DONE = "done"
    DUE = "due"
    OVERDUE = "overdue"
    UPCOMING = "upcoming"


class Milestone(Frozen):
    """One milestone with its dates: ``starts`` is included, ``due`` is the first day after it."""

    id: str
    title: str
    phase: str
    month: int | None
    starts: date
    due: date
    status: MilestoneStatus
    operation: str | None = None
    command: str | None = None


class RoadmapPhase(Frozen):
    """One phase of any path; ``ends`` is the first day after it."""

    id: str
    title: str
    path: str
    first_month: int
    last_month: int
    starts: date
    ends: date
    current: bool
    done: int
    milestones: int


class RoadmapGate(Frozen):
    """A policy that the roadmap brings only later, and whether it holds yet (X-62)."""

    policy: str
    item: str
    from_milestone: str
    from_day: date
    open: bool
    sentence: str


class RoadmapReport(Frozen):
    """The roadmap on one day. ``month`` is the running month of the program (1 is the first), 0 before its start.

    ``review_due`` is the day the guide itself names, ``next_review`` the next by its interval.
    """

    start: date
    today: date
    month: int
    phases: tuple[RoadmapPhase, ...]
    milestones: tuple[Milestone, ...]
    review_due: date | None = None
    next_review: date | None = None
    review_overdue: bool = False
    gates: tuple[RoadmapGate, ...] = ()
    findings: tuple[Finding, ...] = ()

    def with_status(self, status: MilestoneStatus) -> tuple[Milestone, ...]:
        """The milestones of that status, in order."""
        return tuple(milestone for milestone in self.milestones if milestone.status is status)
