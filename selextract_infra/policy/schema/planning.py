"""Growth scenarios and the roadmap: what is planned for later."""

from typing import Generic, Literal, TypeVar

from selextract_infra.policy.section import FrozenTable, PolicyReading, Section, Table
from selextract_infra.policy.units import (
    BitsPerSecond,
    Change,
    Cores,
    Count,
    DiskBytes,
    Factor,
    MemoryBytes,
    Months,
    PerHour,
    PerSecond,
    Seconds,
    Share,
)

__all__ = [
    "DemandPolicy",
    "GrowthPolicy",
    "MilestonePolicy",
    "Need",
    "Needs",
    "NextStep",
    "Outcome",
    "Recommendations",
    "Roadmap",
    "RoadmapPeriod",
    "RoadmapPhasePolicy",
    "Scenario",
]

Amount = TypeVar("Amount")


class DemandPolicy(Section, Generic[Amount]):
    """Growth in one year as a ratio (0.5 is +50 %), and the result that the guide states."""

    growth: Change
    result: Amount


class Need(Section, Generic[Amount]):
    """What is needed at least, and the change that the guide calls it; None where it calls it none."""

    amount: Amount
    change: Change | None = None


class Needs(Section):
    """The host a scenario needs (REQ): cores, bytes of RAM, bytes of disk, bits per second."""

    cpus: Need[Cores]
    memory: Need[MemoryBytes]
    storage: Need[DiskBytes]
    network: Need[BitsPerSecond]


class Scenario(Section):
    """One growth scenario for the first year (GRO)."""

    users: DemandPolicy[Count]
    tasks: DemandPolicy[PerHour]
    data: DemandPolicy[DiskBytes]
    api_requests: DemandPolicy[PerSecond]
    needs: Needs


class GrowthPolicy(Section):
    """All scenarios, and what the storage percentages refer to (X-54)."""

    scenarios: Table[Scenario]
    storage_basis: PolicyReading[Literal["data"]]


class RoadmapPeriod(Section):
    """When a roadmap phase is, and what the guide calls it; ``label`` is not unique (X-60)."""

    label: str
    title: str
    start: Months
    end: Months


class MilestonePolicy(Section):
    """What is due by the end of a month. ``operation`` None: this program only tracks it."""

    month: Months
    operation: str | None = None
    upgrade: Literal["memory", "cpu", "storage", "network"] | None = None
    adds_server: bool = False


class Outcome(Section):
    """A measurable outcome of a phase: a capacity factor, a utilisation, an availability or a response time."""

    factor: Factor | None = None
    above: Share | None = None
    availability: Share | None = None
    response_time: Seconds | None = None


class RoadmapPhasePolicy(Section):
    """One of the four half years."""

    period: RoadmapPeriod
    milestones: Table[MilestonePolicy]
    outcomes: Table[Outcome] = FrozenTable()


class NextStep(Section):
    """What the conclusion wants next (NXT); ``completes`` and ``begins`` name roadmap phases."""

    within: Months
    what: str
    completes: str | None = None
    begins: str | None = None


class Roadmap(Section):
    """The roadmap, in order."""

    phases: Table[RoadmapPhasePolicy]
    next_steps: Table[NextStep]


class Review(Section):
    """How often the plan is reviewed (REC-04)."""

    every: Months


class Recommendations(Section):
    """The guide's recommendations that have numbers."""

    review: Review
