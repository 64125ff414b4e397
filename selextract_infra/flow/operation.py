"""Operation: a named change that people ask for: its manifest, and the work behind it that the flow does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from selextract_infra.flow.draft import Planner
from selextract_infra.flow.machine.messages import Stop
from selextract_infra.flow.manifest import Manifest
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.hosts.step_results import Execution
    from selextract_infra.model.assessment import IncidentSeverity
    from selextract_infra.policy import Policy

__all__ = ["Acts", "Message", "Notice", "Operation", "Performance", "StepWork", "Stop"]


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


@dataclass(frozen=True, kw_only=True)
class Acts:
    """What an operation does itself beside what the flow does for all.

    ``look`` reads what it needs besides the Observation. ``refuse_plan`` is asked before the Plan is recorded.
    ``performers`` carry out the steps that say so by ``Step.performer``; all others are playbooks. ``undo`` puts steps
    back where restoring them on the host is not all; with ``undone_past_no_return`` also past such a point, as far as
    that goes. ``refuse_strangers`` raises where another machine stands in place of the Plan's.
    """

    look: Callable[[Context, Observation, Any], Any] | None = None
    refuse_plan: Callable[[Context, Plan], None] | None = None
    performers: Mapping[str, Performer] = field(default_factory=dict)
    undo: Undoing | None = None
    undone_past_no_return: bool = False
    announcement: Notice | None = None
    refuse_strangers: Callable[[Plan, Observation], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Operation(Manifest[Any], Planner[Any, Any, Any], Acts):
    """One operation: what it is, how it comes to its Plan, and what it does itself. The registry puts it together."""
