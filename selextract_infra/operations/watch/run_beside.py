"""A Run in a thread of its own, so that the loop goes on looking: what is more urgent is seen, and goes first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING

from selextract_infra.flow.apply import apply

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context
    from selextract_infra.model.plan import Plan
    from selextract_infra.model.run import Run

__all__ = ["RunBeside"]


class RunBeside:
    """Carries one Plan out beside the thread that asks for it, as another holder of the lock.

    Whatever more urgent begins here asks for the hosts as it would from another machine: the Run then stops at its
    next safe point.
    """

    def __init__(self, context: Context, plan: Plan) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._run = self._pool.submit(_carried_out, context.beside(), plan)
        self._pool.shutdown(wait=False)

    def ended_within(self, seconds: float) -> bool:
        """Whether it has ended, waiting at most so long."""
        return bool(wait_for([self._run], timeout=seconds).done)

    def result(self) -> Run:
        """The Run as it ended; waits for that. Raises what ``apply`` raises."""
        return self._run.result()


def _carried_out(context: Context, plan: Plan) -> Run:
    with context:
        return apply(context, plan)
