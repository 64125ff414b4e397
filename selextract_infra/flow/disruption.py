"""Whether users may be disturbed now: the maintenance windows, before a Run begins and before each disruptive step."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from selextract_infra.errors import OutsideWindowError
from selextract_infra.flow.windows import Windows
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["closing_before", "refuse_disruption", "window_override"]

_OVERRIDE = "window: "


def window_override(reason: str | None) -> tuple[str, ...]:
    """How ``--now REASON`` is recorded among a Run's overrides."""
    return (f"{_OVERRIDE}{reason}",) if reason else ()


def refuse_disruption(context: Context, plan: Plan, overrides: Collection[str], *, done: Collection[str] = ()) -> None:
    """Raise ``OutsideWindowError`` when a step that is still to do disturbs and there is no time for all of them now.

    What is needed is the time of the steps that are not ``done`` (IDs) and the time to undo the whole Plan.
    """
    steps = [step for step in plan.steps if step.id not in done]
    disruptive = [step.title for step in steps if step.disrupts]
    if not disruptive or _overridden(overrides):
        return
    check = Windows.of(context.policy).check(context.clock(), _needed(plan, steps))
    if not check.fits:
        raise OutsideWindowError(
            f"Users may notice this plan ({'; '.join(disruptive)}). {check.sentence}",
            remedy=_remedy(context),
        )


def closing_before(context: Context, plan: Plan, run: Run, step: Step) -> str | None:
    """Why a disruptive step may not begin any more, as the window is about to close; None where it may."""
    if not step.disrupts or _overridden(run.overrides):
        return None
    steps = plan.steps[plan.steps.index(step) :]
    check = Windows.of(context.policy).check(context.clock(), _needed(plan, steps))
    return None if check.fits else f"There was no time left for: {step.title}. {check.sentence}"


def _needed(plan: Plan, steps: Sequence[Step]) -> float:
    return sum(step.estimate_seconds for step in steps) + plan.rollback_seconds


def _overridden(overrides: Collection[str]) -> bool:
    return any(override.startswith(_OVERRIDE) for override in overrides)


def _remedy(context: Context) -> str:
    now = 'run it now with --now "REASON", which is recorded'
    if not context.policy.windows:
        return f"write the section windows of the policy, or {now}"
    return f"queue it with apply PLAN --at-window {next(iter(context.policy.windows))}, or {now}"
