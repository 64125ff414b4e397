"""Plan: ordered steps that carry a Decision out, as data that can be shown, saved, checked and applied."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import AwareDatetime, Field

from selextract_infra.model.base import Frozen, digest_of
from selextract_infra.model.decision import Decision
from selextract_infra.model.finding import Finding

__all__ = ["BY_PLAYBOOK", "Change", "CostChange", "PendingRecreation", "Plan", "Step"]

BY_PLAYBOOK = "playbook"


class Change(Frozen):
    """One value before and after, for people and for the rollback."""

    host: str
    subject: str
    resource: str
    before: float | int | str | None
    after: float | int | str | None


class Step(Frozen):
    """One application of one playbook to some hosts, with its verification and its way back.

    ``performer`` says who carries it out: the playbook, or another by the name that the operation's manifest gives it.
    ``values`` is what the playbook reads as data, by host. ``estimate_seconds`` and ``rollback_seconds`` are expected
    durations, ``timeout_seconds`` is the bound after which the step is stopped on the host too. ``rollback`` says in
    words how it is undone, ``verification`` what must hold after it. After a step with ``point_of_no_return`` earlier
    steps are not undone.
    """

    id: str
    title: str
    playbook: str
    performer: str = BY_PLAYBOOK
    hosts: tuple[str, ...]
    values: dict[str, dict[str, Any]]
    changes: tuple[Change, ...] = ()
    verification: str
    rollback: str
    disrupts: bool = False
    point_of_no_return: bool = False
    estimate_seconds: float
    rollback_seconds: float
    timeout_seconds: float


class CostChange(Frozen):
    """Change of the monthly bill in dollars: what the guide claims and what is realised (X-55)."""

    claimed: float = 0.0
    realised: float = 0.0
    sentence: str = ""


class PendingRecreation(Frozen):
    """A service that the app's own next ``docker compose up`` will recreate once, and why."""

    host: str
    project: str
    service: str
    why: str


class Plan(Frozen):
    """Steps in order, what led to them, and what it means.

    ``parameters`` are the operation's own arguments; together with ``decisions`` they are enough to rebuild ``steps``,
    which is what applying a saved Plan does. ``host_digests`` says, by host, what the Plan rests on; a host that
    differs when it is applied has drifted. ``missing`` has, by host, why it could not be looked at: it is no part of
    the Plan, and the Plan no success. ``overrides`` lists rules the operator overrode.
    """

    format: int = 1
    operation: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    made_at: AwareDatetime
    made_by: str
    policy_digest: str
    observation_digest: str
    host_digests: dict[str, str] = Field(default_factory=dict)
    hosts: tuple[str, ...]
    missing: dict[str, str] = Field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    cost: CostChange = CostChange()
    pending_recreations: tuple[PendingRecreation, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing to do."""
        return not self.steps

    @property
    def disrupts(self) -> bool:
        """Whether any step may be noticed by users; such a Plan runs only inside a Window."""
        return any(step.disrupts for step in self.steps)

    @property
    def estimate_seconds(self) -> float:
        """Expected duration of all steps."""
        return sum(step.estimate_seconds for step in self.steps)

    @property
    def rollback_seconds(self) -> float:
        """Expected duration of undoing all steps."""
        return sum(step.rollback_seconds for step in self.steps)

    @property
    def point_of_no_return(self) -> str | None:
        """ID of the first step after which there is no way back, or None."""
        return next((step.id for step in self.steps if step.point_of_no_return), None)

    @property
    def digest(self) -> str:
        """Digest of the whole Plan without its own making (time and author).

        Who carries a step out follows from the operation, and Plans of version 0.1 do not say it: it is left out.
        """
        left_out: dict[str, Any] = {"made_at": True, "made_by": True, "steps": {"__all__": {"performer"}}}
        return digest_of(self.model_dump(mode="json", exclude=left_out))

    layout: ClassVar[Callable[[Plan], str] | None] = None
    """How a Plan is written for a person. ``report`` says it here, because model keeps no words for people."""

    def __str__(self) -> str:
        """The Plan as a person reads it."""
        if type(self).layout is None:  # whoever made it imported no more than the model
            importlib.import_module("selextract_infra.report.plan")
        layout = type(self).layout
        return super().__str__() if layout is None else layout(self)
