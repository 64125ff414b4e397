"""What the loop itself began and did not end is finished by the loop, or put back; what others began is theirs.

The loop was stopped or killed in the middle of a Run, or lost a host there. The journal of this machine says which Runs
the same user's loop began; what a host says of that could be made up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from selextract_infra.errors import DriftError, RefusedError
from selextract_infra.flow.context import Context
from selextract_infra.flow.run_plan import recorded_plan, recorded_run
from selextract_infra.flow.unfinished import at_work, resume, roll_back, unfinished_runs
from selextract_infra.hosts.identity import watcher
from selextract_infra.model.observation import Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run

__all__ = ["OwnRuns"]

_END = "expires_at"  # of an emergency, in its Plan's parameters


class OwnRuns:
    """Ends the Runs of this loop: each is finished once, then put back once, then left to a person."""

    def __init__(self, context: Context, tell: Callable[[str, str], None], *, dry_run: bool = False) -> None:
        self._context, self._tell, self._dry = context, tell, dry_run
        self._tries: dict[str, int] = {}
        self._told: set[str] = set()

    def end(self, observation: Observation) -> bool:
        """Finish or put back what is unfinished and nobody works on; returns whether that changed what was seen.

        A frozen host is left as it is. Raises ``LockedError``, ``HostUnreachableError`` and others of
        ``resume`` and ``roll_back``; the next look tries again.
        """
        changed = False
        for run_id, records in unfinished_runs(observation).items():
            if self._due(observation, run_id, records):
                self._end(observation, run_id, records)
                changed = True
        return changed

    def _due(self, observation: Observation, run_id: str, records: Mapping[str, Mapping[str, Any]]) -> bool:
        hosts = [host for host in observation.hosts if host.name in records]
        busy = any(at_work(host, run_id, observation.at, idle=os.getpid()) for host in hosts)
        frozen = any(host.state.get("freeze") for host in hosts)
        plan = self._plan(run_id)
        ours = plan is not None and plan.made_by == watcher()
        return ours and not busy and not frozen and not self._dry and self._tries.get(run_id, 0) <= 1

    def _end(self, observation: Observation, run_id: str, records: Mapping[str, Mapping[str, Any]]) -> None:
        tries = self._tries.get(run_id, 0)
        where = f"Run {run_id} of this loop is unfinished on {', '.join(sorted(records))}"
        if tries or _over(self._plan(run_id), observation.at):
            self._say(f"{where}; it is put back.")
            run = roll_back(self._context, run_id, idle=os.getpid())
        else:
            self._say(f"{where}; it is finished now.")
            run = self._finished(run_id)
        self._tries[run_id] = tries + 1
        self._tell("failed" if run.exit_code else "done", f"Run {run.id}: {run.message}")

    def _plan(self, run_id: str) -> Plan | None:
        return recorded_plan(self._context, recorded_run(self._context, run_id))

    def _finished(self, run_id: str) -> Run:
        try:
            return resume(self._context, run_id, idle=os.getpid())
        except (DriftError, RefusedError) as refused:
            self._say(f"{str(refused).rstrip('.')}. It is put back.")
            return roll_back(self._context, run_id, idle=os.getpid())

    def _say(self, sentence: str) -> None:
        """Once, however often it is tried."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._tell("unfinished", sentence)


def _over(plan: Plan | None, now: datetime) -> bool:
    """Whether it is an emergency whose time is over: to begin it again would only be to end it."""
    end = plan.parameters.get(_END) if plan is not None else None
    return bool(end) and datetime.fromisoformat(str(end)) <= now
