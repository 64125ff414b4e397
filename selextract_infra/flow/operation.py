"""Operation: a named change that people ask for: its manifest, and the work behind it that the flow does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from selextract_infra.flow.draft import PlanDraft, PlanInput
from selextract_infra.flow.machine.messages import Stop
from selextract_infra.flow.manifest import Effects, Manifest, Request
from selextract_infra.model.base import Frozen
from selextract_infra.model.decision import Decision
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.hosts.executor import Execution
    from selextract_infra.model.assessment import IncidentSeverity
    from selextract_infra.policy import Policy

__all__ = ["AnyOperation", "Message", "Notice", "Operation", "Performance", "StepWork", "Stop"]

Asked = TypeVar("Asked", bound=Request)
Kept = TypeVar("Kept", bound=Frozen)
Own = TypeVar("Own")


@dataclass(frozen=True)
class StepWork:
    """One step as it is to be carried out: on which hosts of it, and whether it ends the Run on them."""

    run: Run
    plan: Plan
    step: Step
    hosts: tuple[str, ...]
    last: bool


@dataclass(frozen=True)
class Performance:
    """What became of a step; with ``stop`` where the Run ends there for now."""

    execution: Execution
    stop: Stop | None = None


Performer = Callable[["Context", StepWork], Performance]
Undoing = Callable[["Context", Run, Plan, tuple[Step, ...], tuple[str, ...]], "Execution"]


@dataclass(frozen=True)
class Message:
    """What people are told: a headline and a sentence or two."""

    title: str
    body: str


@dataclass(frozen=True)
class Notice:
    """People are told before the step ``before`` begins, and how it ended; as urgently as ``severity`` says.

    ``begins`` is what they hear first. ``ended`` is the headline at the end, whose body is the Run's own message with
    ``outcome`` behind it.
    """

    before: str
    severity: Callable[[Policy], IncidentSeverity]
    begins: Callable[[Plan], Message]
    ended: Callable[[Plan, Run], str]
    outcome: Callable[[Run], str]


@dataclass(frozen=True)
class Operation(Generic[Asked, Kept, Own]):
    """One operation: its manifest, and the work that the flow does for it.

    ``parameters`` are what a Plan keeps. ``draft`` decides and plans; ``steps`` builds the
    same steps again from what a saved Plan says, and ``refuse_impossible`` raises for what it would never have said;
    without ``steps`` a saved Plan is not carried out. The three are pure. ``guards`` raise where what is seen forbids
    it. ``look`` reads what it needs besides the Observation.

    ``refuse_request`` is asked before anything is looked at, ``refuse_plan`` before the Plan is recorded.

    ``performers`` carry out the steps that say so by ``Step.performer``; all others are playbooks. ``undo`` puts steps
    back where restoring them on the host is not all; with ``undone_past_no_return`` also past such a point, as far as
    that goes. ``refuse_strangers`` raises where another machine stands in place of the Plan's. ``completed`` adds to a
    Plan of version 0.1 what that did not write.
    """

    manifest: Manifest[Asked]
    parameters: type[Kept]
    draft: Callable[[PlanInput[Asked, Own]], PlanDraft]
    steps: Callable[[Sequence[Decision], Kept, Policy], tuple[Step, ...]] | None = None
    refuse_impossible: Callable[[Plan, Kept, Policy], None] | None = None
    guards: tuple[Callable[[Observation], None], ...] = ()
    look: Callable[[Context, Observation, Asked], Own] | None = None
    refuse_request: Callable[[Context, Asked], None] | None = None
    refuse_plan: Callable[[Context, Plan], None] | None = None
    performers: Mapping[str, Performer] = field(default_factory=dict)
    undo: Undoing | None = None
    undone_past_no_return: bool = False
    announcement: Notice | None = None
    refuse_strangers: Callable[[Plan, Observation], None] | None = None
    completed: Callable[[Plan], Plan] | None = None

    @property
    def name(self) -> str:
        """What a Plan calls it."""
        return self.manifest.name

    @property
    def noun(self) -> str:
        """What a sentence calls it."""
        return self.manifest.noun

    @property
    def summary(self) -> str:
        """What it is, in one sentence."""
        return self.manifest.summary

    @property
    def request(self) -> type[Asked]:
        """What people ask."""
        return self.manifest.request

    @property
    def effects(self) -> Effects:
        """What it means for a host and its users."""
        return self.manifest.effects


AnyOperation = Operation[Any, Any, Any]
