"""Resume or roll back a Run, from this control machine or another: the hosts themselves hold what is needed."""

from __future__ import annotations

import os
import re
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from selextract_infra.apply.identity import owner
from selextract_infra.apply.outcome import concluded
from selextract_infra.errors import DriftError, HostUnreachableError, LockedError, SelextractError, UsageError
from selextract_infra.hosts.runner import stop_remains
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus
from selextract_infra.operations.announcement import announce_end
from selextract_infra.operations.apply import carry_out
from selextract_infra.operations.disruption import refuse_disruption, window_override
from selextract_infra.operations.fleet import Fleet
from selextract_infra.operations.performing import undo
from selextract_infra.operations.upgrade_hardware import refuse_other_key, refuse_strangers, wake

__all__ = [
    "at_work",
    "refuse_unfinished",
    "resume",
    "resume_only",
    "roll_back",
    "stop_remains_of",
    "unfinished_runs",
]

_STOPPED_WITHIN = 180.0  # seconds; nobody waits for it at a terminal, and a host may be busy
_OWNER = re.compile(r".*@(?P<machine>[^ ]+) \(process (?P<process>\d+)\)")


def unfinished_runs(seen: Observation) -> dict[str, dict[str, dict[str, Any]]]:
    """Runs without an end as the hosts hold them: by run ID, by host, the record that the host keeps."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for host in seen.hosts:
        for record in host.state.get("unfinished", []):
            found.setdefault(str(record["run_id"]), {})[host.name] = record
    return found


def at_work(host: HostObservation, run_id: str, now: datetime, *, idle: int | None = None) -> bool:
    """Whether somebody still works on that Run: its process lives on this machine, or elsewhere its lease holds.

    ``idle`` is a process of this machine that lives and is known to work on nothing.
    """
    lock = host.state.get("lock") or {}
    if lock.get("run_id") != run_id:
        return False
    named = _OWNER.fullmatch(str(lock.get("owner", "")))
    if named and named["machine"] == socket.gethostname():
        return int(named["process"]) != idle and _alive(int(named["process"]))
    return datetime.fromisoformat(str(lock["lease_until"])) > now


def refuse_unfinished(seen: Observation) -> None:
    """Raise ``LockedError`` when a host holds a Run without an end, at work or interrupted: that comes first."""
    for run, records in unfinished_runs(seen).items():
        name = next(iter(records))
        host = seen.host(name)
        if host is not None and at_work(host, run, seen.at):
            lock = host.state["lock"]
            raise LockedError(
                f"{name} is locked by {lock['owner']} for {lock['purpose']} since {lock['taken_at']} (run {run}).",
                remedy="wait until it ends",
            )
        raise LockedError(
            f"Run {run} of {records[name].get('owner', 'somebody')} is unfinished on {', '.join(records)}.",
            remedy=f"selextract-infra resume {run}, or rollback {run}",
        )


def resume(fleet: Fleet, run_id: str, *, now_reason: str | None = None, idle: int | None = None) -> Run:
    """Finish an interrupted Run: the steps that are verified on a host are left, the others are done again.

    What disturbs needs a window again, unless ``now_reason`` or the reason that this journal recorded says otherwise.
    ``idle`` is as for ``at_work``.
    Raises ``UsageError`` when no host holds such a Run, ``LockedError`` while somebody works on it, ``DriftError`` when
    the policy has changed since, ``OutsideWindowError`` when there is no time for what is left.
    """
    seen = _awake(fleet, run_id)
    run_id, records = _held(seen, run_id)
    _refuse_at_work(seen, run_id, fleet.clock(), idle)
    plan = _plan_of(records)
    refuse_strangers(plan, seen)
    if plan.policy_digest != fleet.policy.digest:
        raise DriftError(
            f"The policy changed since run {run_id} began, so it cannot be finished as it was meant.",
            remedy=f"selextract-infra rollback {run_id}",
        )
    known = fleet.journal.run(run_id)
    overrides = (*(known.overrides if known else ()), *window_override(now_reason))
    run = _run_of(run_id, plan, records).model_copy(update={"overrides": overrides})
    refuse_disruption(fleet, plan, overrides, done=_done_everywhere(plan, run))
    fleet.journal.record_plan(plan)
    fleet.journal.record_run(run)
    _stop_remains(fleet, run_id, seen, plan)
    return carry_out(fleet, plan, run)


def resume_only(fleet: Fleet, *, now_reason: str | None = None) -> Run | None:
    """Finish the one interrupted Run that the hosts hold, None where there is none; as after a reboot of this machine.

    Raises ``UsageError`` where there are several: then a person has to choose.
    """
    seen = fleet.observe()
    idle = [run for run, records in unfinished_runs(seen).items() if not _worked_on(seen, run, records, fleet.clock())]
    if not idle:
        return None
    if len(idle) > 1:
        raise UsageError(f"Several runs are unfinished: {', '.join(sorted(idle))}.", remedy="name one of them")
    return resume(fleet, idle[0], now_reason=now_reason)


def _worked_on(seen: Observation, run: str, records: dict[str, dict[str, Any]], now: datetime) -> bool:
    return any(at_work(host, run, now) for host in seen.hosts if host.name in records)


def roll_back(fleet: Fleet, run_id: str, *, idle: int | None = None, also: tuple[str, ...] = ()) -> Run:
    """Put back what a Run did, finished or not, newest step first, from what each host noted before each step.

    ``idle`` is as for ``at_work``; ``also`` names what others have changed since and may be overwritten. The loop that
    began the Run (``idle``) puts it back without asking.
    Raises ``UsageError`` when neither the hosts nor the journal know it, ``LockedError`` while somebody works on it,
    ``DriftError`` where others have changed something since, before anything is undone.
    """
    seen = _awake(fleet, run_id)
    unfinished = unfinished_runs(seen)
    known = fleet.journal.run(run_id)
    matching = [name for name in unfinished if name.startswith(run_id)]
    if not matching and known is None:
        _refuse_unseen(seen, run_id, tuple(seen.unreachable))
        raise _unknown(run_id, unfinished)
    full_id = matching[0] if matching else known.id if known else run_id
    records = unfinished.get(full_id, {})
    _refuse_at_work(seen, full_id, fleet.clock(), idle)
    plan = _plan_of(records) if records else _recorded_plan(fleet, known)
    refuse_strangers(plan, seen)
    run = _run_of(full_id, plan, records) if known is None else known
    hosts = tuple(host for host in plan.hosts if seen.host(host) and host not in seen.unreachable)
    if not hosts:
        _refuse_unseen(seen, full_id, plan.hosts)
    _stop_remains(fleet, full_id, seen, plan)
    by = "by the loop that began it" if idle else "by hand"
    fleet.journal.record_event(fleet.clock(), "rollback", f"Run {full_id} is rolled back {by}.", run=full_id)
    undone = undo(fleet, run, plan, plan.steps, hosts, None if idle is not None else also)
    return _ended(fleet, run, plan, undone.results)


def _awake(fleet: Fleet, run_id: str) -> Observation:
    """What is on the hosts; where none holds that Run, those that are off are switched on, if a provider can."""
    seen = fleet.observe()
    if any(name.startswith(run_id) for name in unfinished_runs(seen)) or not seen.unreachable:
        return seen
    return fleet.observe() if wake(fleet, tuple(seen.unreachable)) else seen


def stop_remains_of(fleet: Fleet, run_id: str, seen: Observation) -> None:
    """Before a Run is taken back in another way: stop what a killed process has left of it on the hosts.

    Raises ``LockedError`` while somebody works on it, or where something of it does not stop.
    """
    records = unfinished_runs(seen).get(run_id)
    if records:
        _refuse_at_work(seen, run_id, fleet.clock(), None)
        _stop_remains(fleet, run_id, seen, _plan_of(records))


def _stop_remains(fleet: Fleet, run_id: str, seen: Observation, plan: Plan) -> None:
    """Stop what a killed process has left working on the hosts, before its work is done again or undone."""
    hosts = tuple(host.name for host in seen.hosts if host.name in plan.hosts)
    stopped = stop_remains(fleet.inventory, hosts, run_id, bound=_STOPPED_WITHIN)
    left = [host for host, done in stopped.items() if not done]
    if left:
        raise LockedError(
            f"What is left of run {run_id} on {', '.join(left)} does not stop.", remedy="look at the host's processes"
        )


def _ended(fleet: Fleet, run: Run, plan: Plan, results: tuple[StepResult, ...]) -> Run:
    run = concluded(run.model_copy(update={"results": (*run.results, *results)}), fleet.clock())
    if all(result.status is StepStatus.ROLLED_BACK for result in results):
        run = run.model_copy(update={"status": RunStatus.ROLLED_BACK, "exit_code": 0, "message": _put_back(results)})
    run = announce_end(fleet, run, plan)
    fleet.journal.record_run(run)
    return run


def _put_back(results: tuple[StepResult, ...]) -> str:
    """The hosts' own words: what could only be put back in another way is in them."""
    sentences = {result.host: result.message for result in results}
    if len(set(sentences.values())) == 1:
        return next(iter(sentences.values())) or "Everything was put back."
    return " ".join(f"{host}: {sentence}" for host, sentence in sentences.items())


def _held(seen: Observation, run_id: str) -> tuple[str, dict[str, dict[str, Any]]]:
    unfinished = unfinished_runs(seen)
    matching = [name for name in unfinished if name.startswith(run_id)]
    if not matching:
        _refuse_unseen(seen, run_id, tuple(seen.unreachable))
    if len(matching) != 1:
        raise _unknown(run_id, unfinished)
    return matching[0], unfinished[matching[0]]


def _refuse_unseen(seen: Observation, run_id: str, hosts: tuple[str, ...]) -> None:
    """Raise where the Run may be on a host that nobody could look at: another machine answers there, or none."""
    for host in hosts:
        refuse_other_key(host, seen.unreachable.get(host, ""))
    if hosts:
        why = "; ".join(f"{host}: {seen.unreachable.get(host, 'not there').rstrip('.')}" for host in hosts)
        raise HostUnreachableError(f"No host that may hold run {run_id} can be reached ({why}).")


def _unknown(run_id: str, unfinished: dict[str, Any]) -> UsageError:
    known = ", ".join(sorted(unfinished)) or "none"
    return UsageError(
        f"No host holds an unfinished run {run_id}; unfinished: {known}.", remedy="selextract-infra history"
    )


def _refuse_at_work(seen: Observation, run_id: str, now: datetime, idle: int | None) -> None:
    busy = next((host for host in seen.hosts if at_work(host, run_id, now, idle=idle)), None)
    if busy is not None:
        lock = busy.state["lock"]
        raise LockedError(
            f"Run {run_id} is still at work on {busy.name}: {lock['owner']}, lease until {lock['lease_until']}.",
            remedy="wait until it ends, or until its lease has run out",
        )


def _plan_of(records: dict[str, dict[str, Any]]) -> Plan:
    blob = next((record["plan"] for record in records.values() if record.get("plan")), None)
    if blob is None:
        raise UsageError("That run was started by hand and holds no plan.", remedy="selextract-infra rollback RUN")
    try:
        return Plan.model_validate(blob)
    except ValidationError as problem:
        raise SelextractError("The plan that the host holds cannot be read by this version.") from problem


def _recorded_plan(fleet: Fleet, run: Run | None) -> Plan:
    plan = fleet.journal.plan(run.plan_digest) if run else None
    if plan is None:
        raise UsageError("The plan of that run is not in this journal.", remedy="use the journal that recorded it")
    return plan


def _run_of(run_id: str, plan: Plan, records: dict[str, dict[str, Any]]) -> Run:
    """The Run as the hosts tell it: the steps they hold as verified are results, everything else is still to do.

    The last step is always to do: it changes nothing where it is done already, and it ends the Run on the host.
    """
    first = next(iter(records.values()))
    last = plan.steps[-1].id
    verified = tuple(
        _verified(step, host, state)
        for host, record in records.items()
        for step, state in record.get("steps", {}).items()
        if state.get("status") == StepStatus.VERIFIED and step != last
    )
    return Run(
        id=run_id,
        operation=plan.operation,
        plan_digest=plan.digest,
        policy_digest=plan.policy_digest,
        owner=owner(),
        purpose=str(first.get("purpose", "")),
        hosts=plan.hosts,
        started_at=datetime.fromisoformat(str(first["started_at"])),
        results=verified,
    )


def _verified(step: str, host: str, state: dict[str, Any]) -> StepResult:
    times = {key: datetime.fromisoformat(state[key]) for key in ("started_at", "ended_at") if state.get(key)}
    return StepResult(step=step, host=host, status=StepStatus.VERIFIED, **times)


def _done_everywhere(plan: Plan, run: Run) -> tuple[str, ...]:
    done = {(result.step, result.host) for result in run.results if result.status is StepStatus.VERIFIED}
    return tuple(step.id for step in plan.steps if all((step.id, host) in done for host in step.hosts))


def _alive(process: int) -> bool:
    """Whether that process lives and may be ours: after a reboot its number soon belongs to something else."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        program = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:  # no Linux, or it is hidden: then it may be ours
        return True
    return b"python" in program or b"selextract" in program
