"""Which steps go over to a host together, and until when each of them may begin there. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from selextract_infra.flow.machine.state import RunState
from selextract_infra.model.plan import Step
from selextract_infra.model.run import StepResult

__all__ = ["begins_within", "first_disruptive", "hosts_to_do", "needed_from", "position_reached", "segment_from"]


def hosts_to_do(state: RunState, step: Step) -> tuple[str, ...]:
    """The hosts on which a step is still to be done."""
    done = {result.host for result in state.begun_run.results if result.step == step.id}
    return tuple(host for host in step.hosts if host not in state.left_out and host not in done)


def segment_from(state: RunState) -> tuple[Step, ...]:
    """The step at hand and those behind it that its host carries out without a word from here.

    People are told before a step of the Plan, so that one begins a segment.
    """
    together = next((names for names in state.traits.segments if state.step.id in names), ())
    steps = [state.step]
    for step in state.plan.steps[state.position + 1 :]:
        if step.id not in together or step.id == state.traits.announced_before:
            break
        if hosts_to_do(state, step):
            steps.append(step)
    return tuple(steps)


def first_disruptive(state: RunState) -> Step | None:
    """The first step from the one at hand on that goes over with it and that users may notice."""
    return next((step for step in segment_from(state) if step.disrupts), None)


def needed_from(state: RunState, step: Step) -> float:
    """Seconds for that step and all behind it, and for undoing the whole Plan."""
    left = state.plan.steps[state.plan.steps.index(step) :]
    return sum(follower.estimate_seconds for follower in left) + state.plan.rollback_seconds


def begins_within(state: RunState, steps: tuple[Step, ...], seconds_left: float) -> dict[str, float]:
    """By step behind the first that users may notice, the seconds from now within which it may begin.

    ``seconds_left`` are those of the window. Past a point of no return an unattended Run goes on without asking: to
    stop there would leave the service worse off than a window that is overrun.
    """
    if state.window_overridden:
        return {}
    return {
        step.id: seconds_left - needed_from(state, step)
        for step in steps[1:]
        if step.disrupts and not (state.begun_run.unattended and _past_no_return(state, step))
    }


def _past_no_return(state: RunState, step: Step) -> bool:
    before = state.plan.steps[: state.plan.steps.index(step)]
    return any(earlier.point_of_no_return for earlier in before)


def position_reached(state: RunState, results: Sequence[StepResult]) -> int:
    """The position of the last step that was begun: of a segment, not always the last one."""
    if not results:
        return state.position
    names = [step.id for step in state.plan.steps]
    last = results[-1].step
    return names.index(last) if last in names else state.position
