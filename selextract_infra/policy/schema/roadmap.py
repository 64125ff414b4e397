"""The roadmap: phases, milestones, outcomes, next steps (RP, NXT, REC-04)."""

from typing import Literal

from selextract_infra.policy.section import FrozenTable, Section, Table
from selextract_infra.policy.units import (
    Factor,
    Months,
    Seconds,
    Share,
)

__all__ = [
    "MilestonePolicy",
    "NextStep",
    "Outcome",
    "Recommendations",
    "Roadmap",
    "RoadmapPeriod",
    "RoadmapPhasePolicy",
]


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
