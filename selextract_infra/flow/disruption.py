"""Whether users may be disturbed now: the maintenance windows, before a Run begins and before each disruptive step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.flow.machine.messages import WindowChecked
from selextract_infra.flow.machine.state import WINDOW_OVERRIDE
from selextract_infra.flow.windows import Windows

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["window_answer", "window_override"]


def window_override(reason: str | None) -> tuple[str, ...]:
    """How ``--now REASON`` is recorded among a Run's overrides."""
    return (f"{WINDOW_OVERRIDE}{reason}",) if reason else ()


def window_answer(context: Context, needed_seconds: float) -> WindowChecked:
    """Whether so much time is left of the window that is open, and what to do where it is not."""
    now = context.clock()
    check = Windows.of(context.policy).check(now, needed_seconds)
    left = check.opening.seconds_left(now) if check.opening else 0.0
    return WindowChecked(at=now, fits=check.fits, seconds_left=left, sentence=check.sentence, remedy=_remedy(context))


def _remedy(context: Context) -> str:
    now = 'run it now with --now "REASON", which is recorded'
    if not context.policy.windows:
        return f"write the section windows of the policy, or {now}"
    return f"queue it with apply PLAN --at-window {next(iter(context.policy.windows))}, or {now}"
