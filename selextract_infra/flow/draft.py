"""What an operation plans from, and what it makes of it: its own part of a Plan. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from selextract_infra.flow.manifest import Request
from selextract_infra.model.base import Frozen
from selextract_infra.model.decision import Decision
from selextract_infra.model.finding import Finding
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import CostChange, PendingRecreation, Plan, Step

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["AnyPlanner", "PlanDraft", "PlanInput", "Planner"]

Asked = TypeVar("Asked", bound=Request)
Kept = TypeVar("Kept", bound=Frozen)
Own = TypeVar("Own")


@dataclass(frozen=True)
class PlanInput(Generic[Asked, Own]):
    """All that an operation plans from. ``look`` is what it reads besides the Observation, None where that is nothing.

    ``at`` is the time to judge by, ``made_by`` who asks.
    """

    observation: Observation
    request: Asked
    policy: Policy
    look: Own
    at: datetime
    made_by: str = ""


@dataclass(frozen=True)
class PlanDraft:
    """What an operation wants: everything of a Plan that is its own.

    ``parameters`` are what the steps rest on beside the decisions, None for a Plan that will never have steps.
    ``hosts`` are those that it is about.
    """

    parameters: Frozen | None
    hosts: tuple[str, ...]
    decisions: Sequence[Decision] = ()
    steps: Sequence[Step] = ()
    findings: Sequence[Finding] = ()
    cost: CostChange = field(default_factory=CostChange)
    pending_recreations: Sequence[PendingRecreation] = ()
    overrides: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Planner(Generic[Asked, Kept, Own]):
    """How an operation comes to its Plan. Pure.

    ``parameters`` are what a Plan keeps. ``draft`` decides and plans; ``steps`` builds the same steps again from what a
    saved Plan says, and ``refuse_impossible`` raises for what it would never have said; without ``steps`` a saved Plan
    is not carried out. ``refuse_request`` is asked before anything is looked at, with the names of the hosts;
    ``guards`` raise where what is seen forbids it; with ``about_app`` it is refused where the mapping fits nothing.
    ``completed`` adds to a Plan of version 0.1 what that did not write.
    """

    parameters: type[Kept]
    draft: Callable[[PlanInput[Asked, Own]], PlanDraft]
    steps: Callable[[Sequence[Decision], Kept, Policy], tuple[Step, ...]] | None = None
    refuse_impossible: Callable[[Plan, Kept, Policy], None] | None = None
    refuse_request: Callable[[Asked, Policy, tuple[str, ...]], None] | None = None
    about_app: bool = True
    guards: tuple[Callable[[Observation], None], ...] = ()
    completed: Callable[[Plan], Plan] | None = None


AnyPlanner = Planner[Any, Any, Any]
