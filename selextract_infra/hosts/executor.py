"""One step of a Plan on its hosts: hand the values to the playbook, and read what became of it on each host."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from selextract_infra.errors import DriftError, FencedError, LockedError, PreemptedError
from selextract_infra.hosts.identity import claim
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.program import host_program
from selextract_infra.hosts.runner import (
    PlaybookOutcome,
    PlaybookRun,
    ReadyPlaybook,
    TaskEvent,
    run_playbook,
)
from selextract_infra.hosts.step_results import (
    Execution,
    Segment,
    judged,
    result_with,
    results_on,
    sentence_of,
    why_not_begun,
)
from selextract_infra.hosts.steps import values_on
from selextract_infra.model.bounds import run_id_in_command
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, StepStatus
from selextract_infra.model.text import displayable

__all__ = ["HostAccess", "execute", "execute_segment", "put_back", "refuse_unbegun", "values_of"]

UNDO = "selextract.infra.undo"
_NOT_HELD = ("fenced", "locked")  # kinds of ``HostSideError``
_TAKE_OVER = "selextract-infra status says who has it; --take-over with a --reason takes it up all the same"


@dataclass(frozen=True)
class HostAccess:
    """What every execution needs: where the hosts are, who listens, what cancels it, what time it is.

    ``holder`` is the token that each act on a host shows; without one, each playbook has its own.
    ``fresh`` logs in anew, as is needed after a reboot. ``ready`` is a playbook that waits for its values already.
    """

    inventory: Inventory
    clock: Callable[[], datetime]
    on_event: Callable[[TaskEvent], None] | None = None
    cancel: threading.Event | None = None
    holder: str = ""
    fresh: bool = False
    ready: ReadyPlaybook | None = None


def execute(access: HostAccess, run: Run, plan: Plan, step: Step, hosts: tuple[str, ...], *, last: bool) -> Execution:
    """Run the step's playbook on ``hosts``; it verifies itself and, where that fails, puts itself back.

    ``last`` lets the playbook end the Run on the hosts and release their locks, and so does it where the Plan has no
    later step for a host. Raises ``LockedError`` when a host is locked by somebody else, ``PreemptedError`` when it was
    asked for; the playbook then touched nothing on any host. Raises ``FencedError`` when the Run was taken up by
    somebody else, before or in the middle of the step: from then on nothing was touched.
    """
    started, segment = access.clock(), Segment((step,), hosts, last)
    outcome = _carried_out(access, run, plan, segment)
    return judged(outcome, step.id, hosts, started, access.clock())


def execute_segment(access: HostAccess, run: Run, plan: Plan, segment: Segment) -> Execution:
    """Let one host carry several steps out; results are those of the steps that it began, in their order.

    A step that fails is undone, and none begins after it. Where the host stops before its last step there are fewer
    results, and all are verified. Raises like ``execute``, and ``LockedError`` where it stopped before the first one.
    """
    (host,) = segment.hosts
    outcome = _carried_out(access, run, plan, segment)
    stopped = outcome.status in ("cancelled", "timed out")
    results = results_on(host, outcome.hosts[host], segment, access.clock(), stopped=stopped)
    if not results:
        why = why_not_begun(outcome.hosts[host])
        raise LockedError(
            f"{host} stopped before: {segment.steps[0].title}. {why}", remedy=f"selextract-infra resume {run.id}"
        )
    return Execution(results, cancelled=stopped)


def _carried_out(access: HostAccess, run: Run, plan: Plan, segment: Segment) -> PlaybookOutcome:
    outcome = run_playbook(
        PlaybookRun(
            playbook=segment.steps[0].playbook,
            inventory=access.inventory,
            hosts=segment.hosts,
            values=values_of(run, plan, segment, holder=access.holder),
            timeout=sum(segment.bounds),
            marker=run.id,
            fresh=access.fresh,
        ),
        on_event=access.on_event,
        cancel=access.cancel,
        ready=access.ready,
    )
    refuse_unbegun(outcome)
    return outcome


def values_of(run: Run, plan: Plan, segment: Segment, *, holder: str = "") -> dict[str, Any]:
    """What the playbook is handed: the claim of the Run with its Plan, and the values of each host."""
    steps = segment.steps
    claimed = claim(
        run.id, run.operation, run.purpose, step=steps[0].id, lease=max(segment.bounds),
        policy_digest=run.policy_digest, plan_digest=run.plan_digest, by=run.owner, holder=holder, last=segment.last,
    )  # fmt: skip
    about = {"plan": plan.model_dump(mode="json"), "program": host_program().digest, "unattended": run.unattended}
    return {
        "run": {**claimed, **about},
        "hosts": {
            host: {
                **values_on(steps, host, segment.begins_within),
                "last": segment.last or _last(plan, steps[-1], host),
            }
            for host in segment.hosts
        },
    }


def _last(plan: Plan, step: Step, host: str) -> bool:
    """Whether the Plan has nothing more to do on a host."""
    return step in plan.steps and not any(host in later.hosts for later in plan.steps[plan.steps.index(step) + 1 :])


def put_back(
    access: HostAccess,
    run: Run,
    hosts: tuple[str, ...],
    steps: tuple[str, ...],
    *,
    bound: float,
    also: tuple[str, ...] | None = None,
) -> Execution:
    """Undo ``steps`` on ``hosts``, newest first, from what each host itself noted before the step; then end the Run.

    ``also`` are the keys whose later change a person allows to overwrite. Without it the Run itself has just failed, so
    nobody else can have changed anything. Raises ``DriftError`` where something else was changed since, before anything
    is undone on any host.
    """
    started = access.clock()
    outcome = run_playbook(
        PlaybookRun(
            playbook=UNDO,
            inventory=access.inventory,
            hosts=hosts,
            values={
                "run": {
                    **claim(
                        run.id,
                        "undo",
                        f"roll back {run.id}",
                        step="rollback",
                        lease=bound,
                        policy_digest=run.policy_digest,
                        plan_digest=run.plan_digest,
                        holder=access.holder,
                    ),
                    "program": host_program().digest,
                },
                "hosts": {
                    host: {
                        "steps": [{"id": step} for step in reversed(steps)],
                        "fails": also is None,
                        "also": list(also or ()),
                    }
                    for host in hosts
                },
            },
            timeout=bound,
            marker=run.id,
            fresh=access.fresh,
        ),
        on_event=access.on_event,
    )
    refuse_unbegun(outcome)
    _refuse_overwriting(outcome, run)
    done = {
        StepStatus.VERIFIED: StepStatus.ROLLED_BACK,
        StepStatus.FAILED: StepStatus.ROLLBACK_FAILED,
        StepStatus.ROLLED_BACK: StepStatus.ROLLBACK_FAILED,
    }
    undone = judged(outcome, "rollback", hosts, started, access.clock())
    return Execution(
        tuple(
            result.model_copy(
                update={
                    "status": done.get(result.status, result.status),
                    "message": result.message or sentence_of(outcome.hosts[result.host]),
                }
            )
            for result in undone.results
        ),
        undone.cancelled,
    )


def _refuse_overwriting(outcome: PlaybookOutcome, run: Run) -> None:
    """Raise ``DriftError`` for what later Runs or people have changed of what the Run set."""
    later = [
        (name, change)
        for name, host in sorted(outcome.hosts.items())
        for change in (result_with(host, "changed_since") or {}).get("changed_since", ())
    ]
    if not later:
        return
    sentences = "; ".join(f"{name}: {displayable(str(change.get('sentence')), limit=200)}" for name, change in later)
    keys = dict.fromkeys(displayable(str(change.get("key")), limit=200) for _, change in later)
    raise DriftError(
        f"A rollback of {run.id} would overwrite what came after it, so nothing was undone. {sentences}.",
        remedy=f"selextract-infra rollback {run.id} {' '.join(f'--also {shlex.quote(key)}' for key in keys)}",
    )


def refuse_unbegun(outcome: PlaybookOutcome) -> None:
    """Raise why a host let nothing, or nothing more, be done for this holder.

    Raises ``FencedError`` where somebody else has taken the Run up, ``PreemptedError`` where something more urgent has
    asked for the host, ``LockedError`` where another Run has its lock or is unfinished there.
    """
    outcome.refuse_unrun()
    _refuse_fenced(outcome)
    holders = {
        name: lock["holder"]
        for name, host in outcome.hosts.items()
        if (lock := result_with(host, "acquired")) and not lock["acquired"]
    }
    if not holders:
        return
    name, holder = sorted(holders.items())[0]
    if holder.get("refused"):
        raise FencedError(f"{name}: {displayable(str(holder['refused']), limit=400)}", remedy=_TAKE_OVER)
    if holder.get("preempted"):
        urgent = holder["preempted"]
        raise PreemptedError(
            f"{name} is asked for by {urgent.get('owner')} since {urgent.get('since')}: {urgent.get('operation')},"
            f" {urgent.get('reason')}.",
            remedy=f"wait until it ends, at most until {urgent.get('until')}",
        )
    unfinished = run_id_in_command(holder.get("unfinished"))
    owned_by, purpose = holder.get("owner", "somebody unknown"), holder.get("purpose", "an unknown purpose")
    raise LockedError(
        f"{name} is locked by {owned_by} for {purpose} since {holder.get('taken_at', 'an unknown time')}"
        f" (run {holder.get('run_id', 'unknown')}).",
        remedy=f"selextract-infra resume {unfinished}, or rollback {unfinished}"
        if unfinished
        else "wait until it ends",
    )


def _refuse_fenced(outcome: PlaybookOutcome) -> None:
    """Raise ``FencedError`` where an act was refused because its holder has the lock no more."""
    for name, host in sorted(outcome.hosts.items()):
        refused = next((result for result in host.results.values() if result.get("kind") in _NOT_HELD), None)
        if refused is not None:
            raise FencedError(f"{name}: {displayable(str(refused.get('msg')), limit=400)}", remedy=_TAKE_OVER)
