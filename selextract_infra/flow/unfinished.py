"""Resume or roll back a Run, from this control machine or another: the hosts themselves hold what is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from selextract_infra.errors import DriftError, HostUnreachableError, LockedError, UsageError
from selextract_infra.flow.approvals import refuse_unapproved_plan
from selextract_infra.flow.context import Context
from selextract_infra.flow.executor import RunExecutor, window_override
from selextract_infra.flow.machine.state import resuming, rolling_back
from selextract_infra.flow.reachability import refuse_other_key
from selextract_infra.flow.registry import known_operation
from selextract_infra.flow.run_plan import foreign_plan, recorded_plan, recorded_run, refuse_unapproved
from selextract_infra.hosts.identity import has_ended, identity_of, owner
from selextract_infra.hosts.providers import switch_on
from selextract_infra.hosts.takeover import TakingUp
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan, Step
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

_TAKE_OVER_AT_LEAST = 60.0  # seconds an act may take to come to its end where no step is recorded as running


def unfinished_runs(observation: Observation) -> dict[str, dict[str, dict[str, Any]]]:
    """Runs without an end as the hosts hold them: by run ID, by host, the record that the host keeps."""
    unfinished: dict[str, dict[str, dict[str, Any]]] = {}
    for host in observation.hosts:
        for record in host.state.get("unfinished", []):
            unfinished.setdefault(str(record["run_id"]), {})[host.name] = record
    return unfinished


def at_work(host: HostObservation, run_id: str, now: datetime, *, idle: int | None = None) -> bool:
    """Whether somebody still works on that Run: the lease of its holder holds, and its process is not known to be gone.

    ``idle`` is a process of this machine that lives and is known to work on nothing.
    """
    lock = host.state.get("lock") or {}
    return lock.get("run_id") == run_id and _lease_holds(lock, now) and not _is_gone(host, lock, idle)


def _lease_holds(lock: Mapping[str, Any], now: datetime) -> bool:
    """As the host says, whose clock it is."""
    left = lock.get("lease_left")
    return left > 0 if isinstance(left, (int, float)) else datetime.fromisoformat(str(lock["lease_until"])) > now


def _is_gone(host: HostObservation, lock: Mapping[str, Any], idle: int | None) -> bool:
    """Whether the process that holds a lock is known to be gone, or to be this one, which works on nothing."""
    identity, own = lock.get("identity"), identity_of()
    if not isinstance(identity, Mapping) or not identity:
        return False
    if idle is not None and idle == own.get("pid") and identity == own:
        return True
    return has_ended(identity, on_this_machine=host.facts.machine_id == own.get("machine_id"))


def refuse_unfinished(observation: Observation) -> None:
    """Raise ``LockedError`` when a host holds a Run without an end, at work or interrupted: that comes first."""
    for run, records in unfinished_runs(observation).items():
        name = next(iter(records))
        host = observation.host(name)
        if host is not None and at_work(host, run, observation.at):
            lock = host.state["lock"]
            raise LockedError(
                f"{name} is locked by {lock['owner']} for {lock['purpose']} since {lock['taken_at']} (run {run}).",
                remedy="wait until it ends",
            )
        raise LockedError(
            f"Run {run} of {records[name].get('owner', 'somebody')} is unfinished on {', '.join(records)}.",
            remedy=f"selextract-infra resume {run}, or rollback {run}",
        )


def resume(
    context: Context,
    run_id: str,
    *,
    now_reason: str | None = None,
    idle: int | None = None,
    take_over: str = "",
    approved: str = "",
    signatures: Sequence[str] = (),
) -> Run:
    """Finish an interrupted Run: the steps that are verified on a host are left, the others are done again.

    What disturbs needs a window again, unless ``now_reason`` or the reason that this journal recorded says otherwise.
    ``idle`` is as for ``at_work``. ``take_over`` is the reason why it is taken from whoever works on it: that work
    comes to its end first, at most until the bound of its step, and is refused from then on. ``approved`` is the
    digest of the Plan that a person has confirmed, and ``signatures`` are those of the people who approved it, where
    this journal does not know the Run.
    Raises ``UsageError`` when no host holds such a Run, ``LockedError`` while somebody works on it, ``DriftError`` when
    the policy has changed since, ``OutsideWindowError`` when there is no time for what is left, ``RefusedError`` where
    the word of the hosts for what the Run is does not do, ``ForeignRunError`` where nobody has confirmed it.
    """
    observation = _awake(context, run_id)
    run_id, records = _held(observation, run_id)
    if not take_over:
        _refuse_at_work(observation, run_id, context.clock(), idle, "resume")
    if any(record.get("undoing") for record in records.values()):
        raise LockedError(
            f"Run {run_id} had ended and is being rolled back, so it does not run again.",
            remedy=f"selextract-infra rollback {run_id}",
        )
    known = recorded_run(context, run_id)
    recorded = recorded_plan(context, known)
    plan = recorded or foreign_plan(run_id, records, context.policy, ended=_hosts_ended(observation, run_id))
    _refuse_strangers(plan, observation)
    if plan.policy_digest != context.policy.digest:
        raise DriftError(
            f"The policy changed since run {run_id} began, so it cannot be finished as it was meant.",
            remedy=f"selextract-infra rollback {run_id}",
        )
    if recorded is None or approved:
        refuse_unapproved(run_id, plan, approved)
    if recorded is None:  # whoever began one that is recorded here has shown its approvals then
        refuse_unapproved_plan(context, plan, signatures)
    overrides = (*(known.overrides if known else ()), *window_override(now_reason))
    ended = _ended_on(observation, run_id, plan)
    run = _run_of(run_id, plan, records, context.clock())
    run = run.model_copy(update={"overrides": overrides, "results": (*run.results, *ended)})
    taking = _taking_up(observation, run_id, plan.steps, records, idle=idle, reason=take_over)
    return RunExecutor(context, taking).run(resuming(plan, run, _hosts_seen(observation, plan)))


def resume_only(context: Context, *, now_reason: str | None = None) -> Run | None:
    """Finish the one interrupted Run that the hosts hold, None where there is none; as after a reboot of this machine.

    Raises ``UsageError`` where there are several: then a person has to choose.
    """
    observation = context.observe()
    idle = [
        run
        for run, records in unfinished_runs(observation).items()
        if not _worked_on(observation, run, records, context.clock())
    ]
    if not idle:
        return None
    if len(idle) > 1:
        raise UsageError(f"Several runs are unfinished: {', '.join(sorted(idle))}.", remedy="name one of them")
    return resume(context, idle[0], now_reason=now_reason)


def _worked_on(observation: Observation, run: str, records: dict[str, dict[str, Any]], now: datetime) -> bool:
    return any(at_work(host, run, now) for host in observation.hosts if host.name in records)


def roll_back(
    context: Context,
    run_id: str,
    *,
    idle: int | None = None,
    also: tuple[str, ...] = (),
    take_over: str = "",
    approved: str = "",
) -> Run:
    """Put back what a Run did, finished or not, newest step first, from what each host noted before each step.

    ``idle`` is as for ``at_work``; ``also`` names what others have changed since and may be overwritten. The loop that
    began the Run (``idle``) puts it back without asking. ``take_over`` and ``approved`` are as for ``resume``.
    Raises ``UsageError`` when neither the hosts nor the journal know it, ``LockedError`` while somebody works on it,
    ``DriftError`` where others have changed something since, before anything is undone.
    """
    observation = _awake(context, run_id)
    unfinished = unfinished_runs(observation)
    known = context.journal.run(run_id)
    matching = _of_that_id(run_id, (*unfinished, *([known.id] if known else ())))
    if len(matching) != 1:
        _refuse_unseen(observation, run_id, tuple(observation.unreachable))
        raise _unknown(run_id, unfinished)
    (full_id,) = matching
    records = unfinished.get(full_id, {})
    if not take_over:
        _refuse_at_work(observation, full_id, context.clock(), idle, "rollback")
    known = recorded_run(context, full_id)
    recorded = recorded_plan(context, known)
    if recorded is None and not records:
        raise UsageError("The plan of that run is not in this journal.", remedy="use the journal that recorded it")
    plan = recorded or foreign_plan(full_id, records, context.policy, undone=True)
    _refuse_strangers(plan, observation)
    if recorded is None or approved:
        refuse_unapproved(full_id, plan, approved)
    run = _run_of(full_id, plan, records, context.clock()) if known is None else _as_held(known, plan, records)
    hosts = tuple(host for host in plan.hosts if observation.host(host) and host not in observation.unreachable)
    if not hosts:
        _refuse_unseen(observation, full_id, plan.hosts)
    by = "by the loop that began it" if idle else "by hand"
    note = f"Run {full_id} is rolled back {by}."
    allowed = None if idle is not None else also
    taking = _taking_up(observation, full_id, plan.steps, records, idle=idle, reason=take_over)
    return RunExecutor(context, taking).run(rolling_back(plan, run, hosts, note=note, also=allowed))


def _awake(context: Context, run_id: str) -> Observation:
    """What is on the hosts; where none holds that Run, those that are off are switched on, if a provider can."""
    observation = context.observe()
    if any(name.startswith(run_id) for name in unfinished_runs(observation)) or not observation.unreachable:
        return observation
    timeout = context.policy.vertical.comes_back
    return (
        context.observe()
        if switch_on(context.inventory, tuple(observation.unreachable), timeout=timeout)
        else observation
    )


def _refuse_strangers(plan: Plan, observation: Observation) -> None:
    """Raise ``DriftError`` where another machine stands in place of one of the Plan's."""
    operation = known_operation(plan.operation)
    if operation is not None and operation.refuse_strangers is not None:
        operation.refuse_strangers(plan, observation)


def stop_remains_of(context: Context, run_id: str, observation: Observation) -> None:
    """Before a Run is taken back in another way: stop what a killed process has left of it on the hosts.

    Raises ``LockedError`` while somebody works on it, or where something of it does not stop.
    """
    records = unfinished_runs(observation).get(run_id)
    if records:
        _refuse_at_work(observation, run_id, context.clock(), None, "resume")
        plan = recorded_plan(context, recorded_run(context, run_id))
        taking = _taking_up(observation, run_id, plan.steps if plan else (), records)
        RunExecutor(context, taking).stop_remains(run_id, tuple(records))


def _taking_up(
    observation: Observation,
    run_id: str,
    steps: tuple[Step, ...],
    records: Mapping[str, Mapping[str, Any]],
    *,
    idle: int | None = None,
    reason: str = "",
) -> TakingUp:
    """On what grounds the Run is taken up; an act of a holder who lives has as long as its step may take."""
    locks = {host.name: (host, host.state.get("lock") or {}) for host in observation.hosts}
    dead = {
        name: int(lock.get("epoch", 0))
        for name, (host, lock) in locks.items()
        if lock.get("run_id") == run_id and _is_gone(host, lock, idle)
    }
    running = {step for record in records.values() for step, state in _steps(record) if state == "running"}
    bounds = [step.timeout_seconds for step in steps if step.id in running]
    return TakingUp(reason, dead, max([_TAKE_OVER_AT_LEAST, *bounds]) if reason else 0.0)


def _steps(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, step.get("status")) for name, step in (record.get("steps") or {}).items()]


def _hosts_ended(observation: Observation, run_id: str) -> frozenset[str]:
    return frozenset(host.name for host in observation.hosts if (host.state.get("ended") or {}).get(run_id))


def _ended_on(observation: Observation, run_id: str, plan: Plan) -> tuple[StepResult, ...]:
    """Results of hosts on which the Run has ended already: it does not run there again."""
    ended = {host.name: str((host.state.get("ended") or {}).get(run_id, "")) for host in observation.hosts}
    status = {"done": StepStatus.VERIFIED, "rolled back": StepStatus.ROLLED_BACK}
    return tuple(
        StepResult(step=step.id, host=host, status=status.get(ended[host], StepStatus.ROLLBACK_FAILED))
        for step in plan.steps
        for host in step.hosts
        if ended.get(host)
    )


def _hosts_seen(observation: Observation, plan: Plan) -> tuple[str, ...]:
    return tuple(host.name for host in observation.hosts if host.name in plan.hosts)


def _held(observation: Observation, run_id: str) -> tuple[str, dict[str, dict[str, Any]]]:
    unfinished = unfinished_runs(observation)
    matching = _of_that_id(run_id, unfinished)
    if not matching:
        _refuse_unseen(observation, run_id, tuple(observation.unreachable))
    if len(matching) != 1:
        raise _unknown(run_id, unfinished)
    return matching[0], unfinished[matching[0]]


def _of_that_id(run_id: str, names: Iterable[str]) -> list[str]:
    """The very Run of that ID, else those whose IDs begin so: a host may hold any name it likes beside a real one."""
    known = dict.fromkeys(names)
    return [run_id] if run_id in known else [name for name in known if run_id and name.startswith(run_id)]


def _refuse_unseen(observation: Observation, run_id: str, hosts: tuple[str, ...]) -> None:
    """Raise where the Run may be on a host that nobody could look at: another machine answers there, or none."""
    for host in hosts:
        refuse_other_key(host, observation.unreachable.get(host, ""))
    if hosts:
        why = "; ".join(f"{host}: {observation.unreachable.get(host, 'not there').rstrip('.')}" for host in hosts)
        raise HostUnreachableError(f"No host that may hold run {run_id} can be reached ({why}).")


def _unknown(run_id: str, unfinished: dict[str, Any]) -> UsageError:
    known = ", ".join(sorted(unfinished)) or "none"
    return UsageError(
        f"No host holds an unfinished run {run_id}; unfinished: {known}.", remedy="selextract-infra history"
    )


def _refuse_at_work(observation: Observation, run_id: str, now: datetime, idle: int | None, command: str) -> None:
    busy = next((host for host in observation.hosts if at_work(host, run_id, now, idle=idle)), None)
    if busy is not None:
        lock = busy.state["lock"]
        raise LockedError(
            f"Run {run_id} is still at work on {busy.name}: {lock['owner']} since {lock.get('taken_at')}, lease until"
            f" {lock['lease_until']}.",
            remedy="wait until it ends, or until its lease has run out; or take it from there: selextract-infra"
            f" {command} {run_id} --take-over --reason TEXT",
        )


def _run_of(run_id: str, plan: Plan, records: Mapping[str, Mapping[str, Any]], now: datetime) -> Run:
    """The Run as the hosts tell it: the steps they hold as verified are results, everything else is still to do.

    Each is believed about itself alone, and only about steps that the Plan has for it.

    The last step is always to do: it changes nothing where it is done already, and it ends the Run on the host.
    """
    first = next(iter(records.values()))
    verified = tuple(result for result in _verified_on_hosts(plan, records) if result.step != plan.steps[-1].id)
    return Run(
        id=run_id,
        operation=plan.operation,
        plan_digest=plan.digest,
        policy_digest=plan.policy_digest,
        owner=owner(),
        purpose=str(first.get("purpose", "")),
        hosts=plan.hosts,
        started_at=datetime.fromisoformat(str(first["started_at"])) if first.get("started_at") else now,
        results=verified,
    )


def _as_held(run: Run, plan: Plan, records: Mapping[str, Mapping[str, Any]]) -> Run:
    """The Run as it is known here, with the steps that hosts have verified since nobody asked them any more."""
    known = {(result.step, result.host) for result in run.results if result.status is StepStatus.VERIFIED}
    return run.model_copy(update={"results": (*run.results, *_verified_on_hosts(plan, records, known))})


def _verified_on_hosts(
    plan: Plan, records: Mapping[str, Mapping[str, Any]], known: Collection[tuple[str, str]] = ()
) -> tuple[StepResult, ...]:
    """Each host is believed about itself alone, and only about steps that the Plan has for it."""
    return tuple(
        _verified(step.id, host, state)
        for host, record in records.items()
        for step in plan.steps
        if host in step.hosts and (step.id, host) not in known
        if (state := (record.get("steps") or {}).get(step.id) or {}).get("status") == StepStatus.VERIFIED
    )


def _verified(step: str, host: str, state: Mapping[str, Any]) -> StepResult:
    times = {key: datetime.fromisoformat(state[key]) for key in ("started_at", "ended_at") if state.get(key)}
    return StepResult(step=step, host=host, status=StepStatus.VERIFIED, **times)
