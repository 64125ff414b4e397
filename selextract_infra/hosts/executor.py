"""One step of a Plan on its hosts: hand the values to the playbook, and read what became of it on each host."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from selextract_infra.errors import DriftError, FencedError, LockedError, PreemptedError
from selextract_infra.hosts.identity import claim
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.orchestrators import values_on
from selextract_infra.hosts.program import host_program
from selextract_infra.hosts.runner import (
    HostOutcome,
    PlaybookOutcome,
    PlaybookRun,
    ReadyPlaybook,
    TaskEvent,
    run_playbook,
)
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, StepResult, StepStatus
from selextract_infra.model.text import displayable

__all__ = ["Execution", "Hands", "execute", "put_back", "refuse_unbegun", "values_of"]

UNDO = "selextract.infra.undo"
_NOT_HELD = ("fenced", "locked")  # kinds of ``HostSideError``
_CARRYING = ("Let the host carry the steps out", "Let the host carry the steps out with it", "On the host")  # tasks
_TAKE_OVER = "selextract-infra status says who has it; --take-over with a --reason takes it up all the same"


@dataclass(frozen=True)
class Hands:
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


@dataclass(frozen=True)
class Execution:
    """What became of a step: a result for each host, and whether it was cancelled."""

    results: tuple[StepResult, ...]
    cancelled: bool = False

    def hosts(self, status: StepStatus) -> tuple[str, ...]:
        """The hosts that ended in that status."""
        return tuple(result.host for result in self.results if result.status is status)


def execute(hands: Hands, run: Run, plan: Plan, step: Step, hosts: tuple[str, ...], *, last: bool) -> Execution:
    """Run the step's playbook on ``hosts``; it verifies itself and, where that fails, puts itself back.

    ``last`` lets the playbook end the Run on the hosts and release their locks, and so does it where the Plan has no
    later step for a host. Raises ``LockedError`` when a host is locked by somebody else, ``PreemptedError`` when it was
    asked for; the playbook then touched nothing on any host. Raises ``FencedError`` when the Run was taken up by
    somebody else, before or in the middle of the step: from then on nothing was touched.
    """
    started = hands.clock()
    outcome = run_playbook(
        PlaybookRun(
            playbook=step.playbook,
            inventory=hands.inventory,
            hosts=hosts,
            values=values_of(run, plan, step, hosts, last=last, holder=hands.holder),
            timeout=step.timeout_seconds + step.rollback_seconds,
            marker=run.id,
            fresh=hands.fresh,
        ),
        on_event=hands.on_event,
        cancel=hands.cancel,
        ready=hands.ready,
    )
    refuse_unbegun(outcome)
    return _judge(outcome, step.id, hosts, started, hands.clock())


def values_of(
    run: Run, plan: Plan, step: Step, hosts: tuple[str, ...], *, last: bool, holder: str = ""
) -> dict[str, Any]:
    """What the step's playbook is handed: the claim of the Run with its Plan, and the values of each host."""
    claimed = claim(
        run.id, run.operation, run.purpose, step=step.id, lease=step.timeout_seconds + step.rollback_seconds,
        policy_digest=run.policy_digest, plan_digest=run.plan_digest, by=run.owner, holder=holder, last=last,
    )  # fmt: skip
    return {
        "run": {**claimed, "plan": plan.model_dump(mode="json"), "program": host_program().digest},
        "hosts": {host: {**values_on(step, host), "last": last or _last(plan, step, host)} for host in hosts},
    }


def _last(plan: Plan, step: Step, host: str) -> bool:
    """Whether the Plan has nothing more to do on a host."""
    return step in plan.steps and not any(host in one.hosts for one in plan.steps[plan.steps.index(step) + 1 :])


def put_back(
    hands: Hands,
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
    started = hands.clock()
    outcome = run_playbook(
        PlaybookRun(
            playbook=UNDO,
            inventory=hands.inventory,
            hosts=hosts,
            values={
                "run": claim(
                    run.id,
                    "undo",
                    f"roll back {run.id}",
                    step="rollback",
                    lease=bound,
                    policy_digest=run.policy_digest,
                    plan_digest=run.plan_digest,
                    holder=hands.holder,
                ),
                "hosts": {
                    host: {"steps": list(reversed(steps)), "fails": also is None, "also": list(also or ())}
                    for host in hosts
                },
            },
            timeout=bound,
            marker=run.id,
            fresh=hands.fresh,
        ),
        on_event=hands.on_event,
    )
    refuse_unbegun(outcome)
    _refuse_overwriting(outcome, run)
    done = {
        StepStatus.VERIFIED: StepStatus.ROLLED_BACK,
        StepStatus.FAILED: StepStatus.ROLLBACK_FAILED,
        StepStatus.ROLLED_BACK: StepStatus.ROLLBACK_FAILED,
    }
    judged = _judge(outcome, "rollback", hosts, started, hands.clock())
    return Execution(
        tuple(
            result.model_copy(
                update={
                    "status": done.get(result.status, result.status),
                    "message": result.message or _sentence(outcome.hosts[result.host]),
                }
            )
            for result in judged.results
        ),
        judged.cancelled,
    )


def _refuse_overwriting(outcome: PlaybookOutcome, run: Run) -> None:
    """Raise ``DriftError`` for what later Runs or people have changed of what the Run set."""
    later = [
        (name, change)
        for name, host in sorted(outcome.hosts.items())
        for change in (_result_with(host, "changed_since") or {}).get("changed_since", ())
    ]
    if not later:
        return
    told = "; ".join(f"{name}: {displayable(str(change.get('sentence')), limit=200)}" for name, change in later)
    keys = dict.fromkeys(displayable(str(change.get("key")), limit=200) for _, change in later)
    raise DriftError(
        f"A rollback of {run.id} would overwrite what came after it, so nothing was undone. {told}.",
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
        if (lock := _result_with(host, "acquired")) and not lock["acquired"]
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
    unfinished = holder.get("unfinished")
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


def _judge(
    outcome: PlaybookOutcome, step: str, hosts: tuple[str, ...], started: datetime, ended: datetime
) -> Execution:
    stopped = outcome.status in ("cancelled", "timed out")
    results = []
    for name in hosts:
        host = outcome.hosts[name]
        status = _status(host, stopped=stopped)
        results.append(
            StepResult(
                step=step, host=name, status=status, started_at=started, ended_at=ended,
                changed=host.changed > 0, message=host.message or _not_proved(host, status),
            )
        )  # fmt: skip
    return Execution(tuple(results), cancelled=stopped)


def _not_proved(host: HostOutcome, status: StepStatus) -> str:
    """Of which services nothing tells that they serve, in the words of the host; empty where all is proved."""
    if status is not StepStatus.VERIFIED:
        return ""
    gate = _result_with(host, "finished") or _result_with(host, "not_proved")
    return displayable(str(gate.get("sentence") or "")) if gate else ""


def _status(host: HostOutcome, *, stopped: bool) -> StepStatus:
    if host.status == "ok" or (host.status == "failed" and _carried_out_well(host)):
        return StepStatus.VERIFIED
    if host.status == "unreachable" or _unheard(host):
        return StepStatus.UNREACHABLE
    if host.status == "missing":
        return StepStatus.NOT_BEGUN
    if stopped:
        return StepStatus.CANCELLED
    restored = _result_with(host, "restored")
    if restored is None:
        return StepStatus.FAILED if _result_with(host, "acquired") else StepStatus.NOT_BEGUN
    as_before = restored["restored"] and not restored.get("differences")
    return StepStatus.ROLLED_BACK if as_before else StepStatus.ROLLBACK_FAILED


def _carried_out_well(host: HostOutcome) -> bool:
    """Whether the host said that all steps are verified, so that only giving the lock back failed; its lease ends."""
    answer = _result_with(host, "finished") or {}
    steps = answer.get("steps")
    results = list(steps.values()) if isinstance(steps, Mapping) else []
    return bool(results) and all(isinstance(one, Mapping) and one.get("status") == "verified" for one in results)


def _unheard(host: HostOutcome) -> bool:
    """Whether the module that follows the host's own work was killed: as of a lost host, how it goes on is unknown."""
    return any("module_stderr" in host.results.get(task, {}) for task in _CARRYING)


def _sentence(host: HostOutcome) -> str:
    """What was put back there and how, in the host's own words; its notes must reach a person."""
    restored = _result_with(host, "restored")
    return displayable(str(restored.get("sentence") or "")) if restored else ""


def _result_with(host: HostOutcome, key: str) -> Mapping[str, Any] | None:
    """The newest task result of that host that has ``key``: what a module of ours reports, whatever its task's name."""
    return next((result for result in reversed(list(host.results.values())) if key in result), None)
