"""Resume or roll back a Run, from this control machine or another: the hosts themselves hold what is needed."""

from __future__ import annotations

import os
import re
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from selextract_infra.errors import DriftError, HostUnreachableError, LockedError, SelextractError, UsageError
from selextract_infra.flow.context import Context
from selextract_infra.flow.disruption import window_override
from selextract_infra.flow.executor import RunExecutor
from selextract_infra.flow.machine.state import resuming, rolling_back
from selextract_infra.flow.reachability import refuse_other_key
from selextract_infra.flow.registry import completed, known_operation
from selextract_infra.hosts.identity import owner
from selextract_infra.hosts.providers import switch_on
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, StepResult, StepStatus

__all__ = [
    "at_work",
    "refuse_unfinished",
    "resume",
    "resume_only",
    "roll_back",
    "stop_remains_of",
    "unfinished_runs",
]

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


def resume(context: Context, run_id: str, *, now_reason: str | None = None, idle: int | None = None) -> Run:
    """Finish an interrupted Run: the steps that are verified on a host are left, the others are done again.

    What disturbs needs a window again, unless ``now_reason`` or the reason that this journal recorded says otherwise.
    ``idle`` is as for ``at_work``.
    Raises ``UsageError`` when no host holds such a Run, ``LockedError`` while somebody works on it, ``DriftError`` when
    the policy has changed since, ``OutsideWindowError`` when there is no time for what is left.
    """
    seen = _awake(context, run_id)
    run_id, records = _held(seen, run_id)
    _refuse_at_work(seen, run_id, context.clock(), idle)
    plan = _plan_of(records)
    _refuse_strangers(plan, seen)
    if plan.policy_digest != context.policy.digest:
        raise DriftError(
            f"The policy changed since run {run_id} began, so it cannot be finished as it was meant.",
            remedy=f"selextract-infra rollback {run_id}",
        )
    known = context.journal.run(run_id)
    overrides = (*(known.overrides if known else ()), *window_override(now_reason))
    run = _run_of(run_id, plan, records).model_copy(update={"overrides": overrides})
    return RunExecutor(context).run(resuming(plan, run, _hosts_seen(seen, plan)))


def resume_only(context: Context, *, now_reason: str | None = None) -> Run | None:
    """Finish the one interrupted Run that the hosts hold, None where there is none; as after a reboot of this machine.

    Raises ``UsageError`` where there are several: then a person has to choose.
    """
    seen = context.observe()
    idle = [
        run for run, records in unfinished_runs(seen).items() if not _worked_on(seen, run, records, context.clock())
    ]
    if not idle:
        return None
    if len(idle) > 1:
        raise UsageError(f"Several runs are unfinished: {', '.join(sorted(idle))}.", remedy="name one of them")
    return resume(context, idle[0], now_reason=now_reason)


def _worked_on(seen: Observation, run: str, records: dict[str, dict[str, Any]], now: datetime) -> bool:
    return any(at_work(host, run, now) for host in seen.hosts if host.name in records)


def roll_back(context: Context, run_id: str, *, idle: int | None = None, also: tuple[str, ...] = ()) -> Run:
    """Put back what a Run did, finished or not, newest step first, from what each host noted before each step.

    ``idle`` is as for ``at_work``; ``also`` names what others have changed since and may be overwritten. The loop that
    began the Run (``idle``) puts it back without asking.
    Raises ``UsageError`` when neither the hosts nor the journal know it, ``LockedError`` while somebody works on it,
    ``DriftError`` where others have changed something since, before anything is undone.
    """
    seen = _awake(context, run_id)
    unfinished = unfinished_runs(seen)
    known = context.journal.run(run_id)
    matching = [name for name in unfinished if name.startswith(run_id)]
    if not matching and known is None:
        _refuse_unseen(seen, run_id, tuple(seen.unreachable))
        raise _unknown(run_id, unfinished)
    full_id = matching[0] if matching else known.id if known else run_id
    records = unfinished.get(full_id, {})
    _refuse_at_work(seen, full_id, context.clock(), idle)
    plan = _plan_of(records) if records else _recorded_plan(context, known)
    _refuse_strangers(plan, seen)
    run = _run_of(full_id, plan, records) if known is None else known
    hosts = tuple(host for host in plan.hosts if seen.host(host) and host not in seen.unreachable)
    if not hosts:
        _refuse_unseen(seen, full_id, plan.hosts)
    by = "by the loop that began it" if idle else "by hand"
    note = f"Run {full_id} is rolled back {by}."
    allowed = None if idle is not None else also
    return RunExecutor(context).run(rolling_back(plan, run, hosts, note=note, also=allowed))


def _awake(context: Context, run_id: str) -> Observation:
    """What is on the hosts; where none holds that Run, those that are off are switched on, if a provider can."""
    seen = context.observe()
    if any(name.startswith(run_id) for name in unfinished_runs(seen)) or not seen.unreachable:
        return seen
    timeout = context.policy.vertical.comes_back
    return context.observe() if switch_on(context.inventory, tuple(seen.unreachable), timeout=timeout) else seen


def _refuse_strangers(plan: Plan, seen: Observation) -> None:
    """Raise ``DriftError`` where another machine stands in place of one of the Plan's."""
    operation = known_operation(plan.operation)
    if operation is not None and operation.refuse_strangers is not None:
        operation.refuse_strangers(plan, seen)


def stop_remains_of(context: Context, run_id: str, seen: Observation) -> None:
    """Before a Run is taken back in another way: stop what a killed process has left of it on the hosts.

    Raises ``LockedError`` while somebody works on it, or where something of it does not stop.
    """
    records = unfinished_runs(seen).get(run_id)
    if records:
        _refuse_at_work(seen, run_id, context.clock(), None)
        RunExecutor(context).stop_remains(run_id, _hosts_seen(seen, _plan_of(records)))


def _hosts_seen(seen: Observation, plan: Plan) -> tuple[str, ...]:
    return tuple(host.name for host in seen.hosts if host.name in plan.hosts)


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
        return completed(Plan.model_validate(blob))
    except ValidationError as problem:
        raise SelextractError("The plan that the host holds cannot be read by this version.") from problem


def _recorded_plan(context: Context, run: Run | None) -> Plan:
    plan = context.journal.plan(run.plan_digest) if run else None
    if plan is None:
        raise UsageError("The plan of that run is not in this journal.", remedy="use the journal that recorded it")
    return completed(plan)


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
