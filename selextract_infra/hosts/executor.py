"""One step of a Plan on its hosts: hand the values to the playbook, and read what became of it on each host."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from selextract_infra.errors import DriftError, FencedError, LockedError, PreemptedError
from selextract_infra.hosts.identity import claim
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.program import host_program
from selextract_infra.hosts.runner import (
    HostOutcome,
    PlaybookOutcome,
    PlaybookRun,
    ReadyPlaybook,
    TaskEvent,
    run_playbook,
)
from selextract_infra.hosts.steps import values_on
from selextract_infra.model.bounds import run_id_in_command
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, StepResult, StepStatus
from selextract_infra.model.text import displayable

__all__ = ["Execution", "Hands", "Segment", "execute", "execute_segment", "put_back", "refuse_unbegun", "values_of"]

UNDO = "selextract.infra.undo"
_TOLD_BY_HOSTS = (StepStatus.VERIFIED, StepStatus.FAILED, StepStatus.ROLLED_BACK, StepStatus.ROLLBACK_FAILED)
_LONGEST_AGO = 86_400.0  # seconds
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
class Segment:
    """Steps of a Plan that follow each other; several only where one host carries them out by itself.

    ``last`` ends the Run on the hosts. ``begins_within`` has, by step, the seconds within which it may begin.
    """

    steps: tuple[Step, ...]
    hosts: tuple[str, ...]
    last: bool
    begins_within: Mapping[str, float] = field(default_factory=dict)

    @property
    def bounds(self) -> tuple[float, ...]:
        """Seconds that each step may take with its way back."""
        return tuple(step.timeout_seconds + step.rollback_seconds for step in self.steps)


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
    started, segment = hands.clock(), Segment((step,), hosts, last)
    outcome = _carried_out(hands, run, plan, segment)
    return _judge(outcome, step.id, hosts, started, hands.clock())


def execute_segment(hands: Hands, run: Run, plan: Plan, segment: Segment) -> Execution:
    """Let one host carry several steps out; results are those of the steps that it began, in their order.

    A step that fails is undone, and none begins after it. Where the host stops before its last step there are fewer
    results, and all are verified. Raises like ``execute``, and ``LockedError`` where it stopped before the first one.
    """
    (host,) = segment.hosts
    outcome = _carried_out(hands, run, plan, segment)
    stopped = outcome.status in ("cancelled", "timed out")
    results = _results_on(host, outcome.hosts[host], segment, hands.clock(), stopped=stopped)
    if not results:
        why = _why_not_begun(outcome.hosts[host])
        raise LockedError(
            f"{host} stopped before: {segment.steps[0].title}. {why}", remedy=f"selextract-infra resume {run.id}"
        )
    return Execution(results, cancelled=stopped)


def _carried_out(hands: Hands, run: Run, plan: Plan, segment: Segment) -> PlaybookOutcome:
    outcome = run_playbook(
        PlaybookRun(
            playbook=segment.steps[0].playbook,
            inventory=hands.inventory,
            hosts=segment.hosts,
            values=values_of(run, plan, segment, holder=hands.holder),
            timeout=sum(segment.bounds),
            marker=run.id,
            fresh=hands.fresh,
        ),
        on_event=hands.on_event,
        cancel=hands.cancel,
        ready=hands.ready,
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
                "run": {
                    **claim(
                        run.id,
                        "undo",
                        f"roll back {run.id}",
                        step="rollback",
                        lease=bound,
                        policy_digest=run.policy_digest,
                        plan_digest=run.plan_digest,
                        holder=hands.holder,
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


def _judge(
    outcome: PlaybookOutcome, step: str, hosts: tuple[str, ...], started: datetime, ended: datetime
) -> Execution:
    stopped = outcome.status in ("cancelled", "timed out")
    results = []
    for name in hosts:
        host = outcome.hosts[name]
        done = not stopped and host.status == "failed" and _all_done(host, (step,))
        status = StepStatus.VERIFIED if done else _status(host, stopped=stopped)
        results.append(
            StepResult(
                step=step, host=name, status=status, started_at=started, ended_at=ended,
                changed=host.changed > 0, message=host.message or _why_not_begun(host) or _not_proved(host, status),
            )
        )  # fmt: skip
    return Execution(tuple(results), cancelled=stopped)


def _results_on(
    name: str, host: HostOutcome, segment: Segment, now: datetime, *, stopped: bool
) -> tuple[StepResult, ...]:
    """What became of each step that the host began, as it tells; and of the step at hand where it tells nothing."""
    answer = (_result_with(host, "steps") or {}).get("steps")
    outcomes: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {}
    begun = [step for step in segment.steps if isinstance(outcomes.get(step.id), Mapping)]
    results = [_result_of(step, name, outcomes[step.id], now) for step in begun]
    if host.status == "failed" and not stopped and _all_done(host, (step.id for step in segment.steps)):
        return tuple(results)
    if all(result.status is StepStatus.VERIFIED for result in results) and (host.status != "ok" or stopped):
        # Where nothing is known of a step that failed, each of them may have done something.
        status = _status(host, stopped=stopped)
        left = [step for step in segment.steps if step not in begun] or [begun[-1]]
        at_hand = left[-1] if status is StepStatus.FAILED and not begun else left[0]
        results = [result for result in results if result.step != at_hand.id]
        results.append(StepResult(step=at_hand.id, host=name, status=status, ended_at=now, message=host.message))
    elif stopped:
        results[-1] = results[-1].model_copy(update={"status": StepStatus.CANCELLED, "message": host.message})
    return tuple(results)


def _result_of(step: Step, host: str, outcome: Mapping[str, Any], now: datetime) -> StepResult:
    """What a host tells of one step, whatever that is; its own clock counts only for how long ago something was."""
    statuses = {status.value: status for status in _TOLD_BY_HOSTS}
    return StepResult(
        step=step.id,
        host=host,
        status=statuses.get(str(outcome.get("status")), StepStatus.FAILED),
        started_at=_ago(outcome.get("began_ago"), now),
        ended_at=_ago(outcome.get("ended_ago"), now),
        changed=outcome.get("changed") is True,
        message=displayable(str(outcome.get("message") or "")),
    )


def _ago(seconds: object, now: datetime) -> datetime:
    known = isinstance(seconds, (int, float)) and 0 <= seconds <= _LONGEST_AGO
    return now - timedelta(seconds=float(seconds)) if known and isinstance(seconds, (int, float)) else now


def _not_proved(host: HostOutcome, status: StepStatus) -> str:
    """Of which services nothing tells that they serve, in the words of the host; empty where all is proved."""
    if status is not StepStatus.VERIFIED:
        return ""
    gate = _result_with(host, "finished") or _result_with(host, "not_proved")
    return displayable(str(gate.get("sentence") or "")) if gate else ""


def _status(host: HostOutcome, *, stopped: bool) -> StepStatus:
    if host.status == "ok":
        return StepStatus.NOT_BEGUN if _why_not_begun(host) else StepStatus.VERIFIED
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


def _why_not_begun(host: HostOutcome) -> str:
    """Why the host stopped before it began anything of what was sent; empty where it did not."""
    answer = _result_with(host, "finished") or {}
    return displayable(str(answer.get("stopped") or ""), limit=400) if not answer.get("steps") else ""


def _all_done(host: HostOutcome, steps: Iterable[str]) -> bool:
    """Whether the host said that these steps are verified: then only its lock was not given back."""
    outcomes = (_result_with(host, "finished") or {}).get("steps")
    known = outcomes if isinstance(outcomes, Mapping) else {}
    return all(isinstance(known.get(step), Mapping) and known[step].get("status") == "verified" for step in steps)


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
