"""Something urgent goes first: who works on the hosts stops at the next safe point and gives the lock back."""

from __future__ import annotations

from threading import Event
from time import monotonic

from selextract_infra.errors import LockedError
from selextract_infra.flow.context import Context
from selextract_infra.flow.single_playbook import ask_for_hosts, let_hosts_go
from selextract_infra.flow.unfinished import at_work, unfinished_runs

__all__ = ["let_go", "make_way"]

_LOOK_AGAIN_SECONDS = 2.0


def make_way(
    context: Context, *, operation: str, reason: str, wait_seconds: float, hold_seconds: float
) -> tuple[str, ...]:
    """Ask for every host for ``operation`` and wait until nobody works there; returns the Runs that stopped for it.

    They stop between two steps and are left unfinished: resume them, or roll them back, after ``let_go``. The request
    ends by itself after ``hold_seconds``. Raises ``LockedError``, with the request taken back, when somebody still
    works after ``wait_seconds``.
    """
    ask_for_hosts(context, operation=operation, reason=reason, seconds=hold_seconds)
    pause, give_up = context.cancel or Event(), monotonic() + wait_seconds
    while True:
        observation = context.observe()
        stopped = unfinished_runs(observation)
        busy = [(host.name, run) for run in stopped for host in observation.hosts if at_work(host, run, observation.at)]
        if not busy:
            return tuple(sorted(stopped))
        if monotonic() > give_up or pause.is_set():
            let_go(context)
            name, run = busy[0]
            raise LockedError(
                f"Run {run} on {name} came to no safe point in {wait_seconds:.0f} s.",
                remedy="wait until its step ends, or stop it",
            )
        pause.wait(_LOOK_AGAIN_SECONDS)


def let_go(context: Context) -> None:
    """Take the request back: what stopped for it may be resumed or rolled back."""
    let_hosts_go(context)
