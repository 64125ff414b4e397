"""What an operation plans from, and what it makes of it: its own part of a Plan. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from selextract_infra.flow.manifest import Request
from selextract_infra.model.base import Frozen
from selextract_infra.model.decision import Decision
from selextract_infra.model.finding import Finding
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import CostChange, PendingRecreation, Step

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PlanDraft", "PlanInput"]

Asked = TypeVar("Asked", bound=Request)
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
