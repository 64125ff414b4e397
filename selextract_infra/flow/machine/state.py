"""Where a Run stands between two requests: its Plan, what was done, and what comes next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from selextract_infra.flow.machine.messages import Failure, FlowRequest, StepPerformed, Stop
from selextract_infra.flow.outcome import OBSERVE
from selextract_infra.model.base import Frozen, digest_of
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, StepResult, StepStatus

__all__ = [
    "WINDOW_OVERRIDE",
    "Goal",
    "OperationTraits",
    "RunPhase",
    "RunState",
    "applying",
    "carrying_out",
    "new_run",
    "resuming",
    "rolling_back",
]

WINDOW_OVERRIDE = "window: "


class Goal(StrEnum):
    """What is to become of the Plan. ``carry out``: its Run is begun and its hosts were looked at a moment ago."""

    APPLY = "apply"
    CARRY_OUT = "carry out"
    RESUME = "resume"
    ROLL_BACK = "roll back"


class RunPhase(StrEnum):
    """What the answer to come is about."""

    START = "start"
    WINDOW = "window before the run"
    LOOK = "look"
    BEGIN = "begin"
    REMAINS = "remains"
    READY = "ready"
    STEP_WINDOW = "window before a step"
    STEP = "step"
    STEP_RECORDED = "step recorded"
    UNDO = "undo"
    UNDO_RECORDED = "undo recorded"
    TELL = "tell"
    LAST_RECORD = "last record"
    ENDED = "ended"


class OperationTraits(Frozen):
    """What of the operation the flow depends on: the step before which people are told, and how far it is undone.

    ``segments`` are the IDs of steps that a host carries out one after the other by itself.
    """

    announced_before: str | None = None
    undone_past_no_return: bool = False
    segments: tuple[tuple[str, ...], ...] = ()


class RunState(Frozen):
    """One Run of one Plan. ``queue`` is what is asked for before the answer that ``phase`` is about.

    ``position`` is the index of the step at hand, ``left_out`` are hosts that take no part any more, ``undoing`` those
    that are put back. ``hosts`` can be reached, where that is known before the Run; ``missing`` cannot, with the reason
    of each. ``overrides`` and ``unattended`` hold before there is a Run that has them. ``also`` is as for
    ``hosts.executor.put_back``.
    """

    goal: Goal
    plan: Plan
    traits: OperationTraits = OperationTraits()
    policy_digest: str = ""
    overrides: tuple[str, ...] = ()
    unattended: bool = False
    hosts: tuple[str, ...] = ()
    note: str = ""
    also: tuple[str, ...] | None = None
    phase: RunPhase = RunPhase.START
    queue: tuple[FlowRequest, ...] = ()
    run: Run | None = None
    missing: dict[str, str] = Field(default_factory=dict)
    position: int = 0
    left_out: frozenset[str] = frozenset()
    undoing: tuple[str, ...] = ()
    performed: StepPerformed | None = None
    stop: Stop | None = None
    failure: Failure | None = None

    def but(self, **changes: Any) -> RunState:
        """This state with other values."""
        return self.model_copy(update=changes)

    @property
    def step(self) -> Step:
        """The step at hand."""
        return self.plan.steps[self.position]

    @property
    def begun_run(self) -> Run:
        """The Run; raises ``ValueError`` before it has begun."""
        if self.run is None:
            raise ValueError("The Run has not begun.")
        return self.run

    @property
    def begun_hosts(self) -> tuple[str, ...]:
        """The hosts of the Plan on which something was done that stands."""
        last = {result.host: result for result in self.begun_run.results}
        return tuple(host for host in self.plan.hosts if host in last and last[host].status is StepStatus.VERIFIED)

    @property
    def window_overridden(self) -> bool:
        """Whether the operator said that users may be disturbed at any time."""
        overrides = self.run.overrides if self.run else self.overrides
        return any(override.startswith(WINDOW_OVERRIDE) for override in overrides)

    def with_results(self, results: tuple[StepResult, ...]) -> RunState:
        """This state with more results of its Run."""
        run = self.begun_run
        return self.but(run=run.model_copy(update={"results": (*run.results, *results)}))

    @property
    def digest(self) -> str:
        """What tells this state from another of the same Plan.

        Logs from before there were segments hold it too, so what they do not know is left out where it says nothing.
        """
        content = self.model_dump(mode="json", exclude={"plan"}) | {"left_out": sorted(self.left_out)}
        for part, name in (
            (content, "unattended"),
            (content["run"] or {}, "unattended"),
            (content["traits"], "segments"),
        ):
            if not part.get(name):
                part.pop(name, None)
        return digest_of(content)


def applying(plan: Plan, policy_digest: str, *, overrides: tuple[str, ...] = (), unattended: bool = False) -> RunState:
    """The beginning of one application of a Plan under the policy of that digest; ``unattended`` is as in ``Run``."""
    return RunState(
        goal=Goal.APPLY,
        plan=plan,
        policy_digest=policy_digest,
        overrides=(*plan.overrides, *overrides),
        unattended=unattended,
    )


def carrying_out(plan: Plan, run: Run) -> RunState:
    """The beginning of the steps of a Run that is written down already."""
    return _with_run(Goal.CARRY_OUT, plan, run)


def resuming(plan: Plan, run: Run, hosts: tuple[str, ...]) -> RunState:
    """The beginning of what is left of a Run; ``hosts`` are those of the Plan that can be reached."""
    return _with_run(Goal.RESUME, plan, run).but(hosts=hosts)


def rolling_back(
    plan: Plan, run: Run, hosts: tuple[str, ...], *, note: str, also: tuple[str, ...] | None = None
) -> RunState:
    """The beginning of undoing a Run on these hosts; ``note`` is what is written down about it before.

    ``also`` are the keys that others have changed since and that may be overwritten; None does not ask for them.
    """
    return _with_run(Goal.ROLL_BACK, plan, run).but(hosts=hosts, note=note, also=also)


def _with_run(goal: Goal, plan: Plan, run: Run) -> RunState:
    return RunState(goal=goal, plan=plan, run=run, left_out=not_verified(run.results))


def not_verified(results: Collection[StepResult]) -> frozenset[str]:
    """The hosts on which something did not go well."""
    return frozenset(result.host for result in results if result.status is not StepStatus.VERIFIED)


def new_run(
    plan: Plan,
    *,
    run_id: str,
    owner: str,
    at: datetime,
    missing: Mapping[str, str],
    overrides: tuple[str, ...],
    unattended: bool = False,
) -> Run:
    """The Run of that Plan, as it is written down before anything is touched; ``missing`` says why, by host."""
    return Run(
        id=run_id,
        operation=plan.operation,
        plan_digest=plan.digest,
        policy_digest=plan.policy_digest,
        owner=owner,
        purpose=f"{plan.operation} {', '.join(plan.hosts)}",
        hosts=plan.hosts,
        started_at=at,
        results=tuple(
            StepResult(step=OBSERVE, host=host, status=StepStatus.UNREACHABLE, message=reason)
            for host, reason in missing.items()
        ),
        overrides=overrides,
        unattended=unattended,
    )
