"""The step of an upgrade that no playbook can do: a provider changes the hardware, and the same machine comes back.

Between the two notes on the host, that it begins and that it is verified, everything may be interrupted: it is done
again from where the provider's books and the host's facts say that it stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from selextract_infra.errors import (
    DriftError,
    HostUnreachableError,
    RefusedError,
    SelextractError,
    WaitingForOperatorError,
)
from selextract_infra.flow.operation import Performance, StepWork, Stop
from selextract_infra.flow.reachability import refuse_other_key
from selextract_infra.hosts.executor import execute, put_back
from selextract_infra.hosts.observe.hosts import observe_hosts
from selextract_infra.hosts.providers import Provider, provider_named
from selextract_infra.hosts.step_results import Execution
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run, RunStatus, StepResult, StepStatus
from selextract_infra.model.upgrade import Mode, UpgradeOfHost, size_text
from selextract_infra.operations.upgrade.decide import disk_seen, misses, size_seen
from selextract_infra.operations.upgrade.plan import upgrade_of
from selextract_infra.operations.upgrade.steps import DRAIN, HARDWARE, STOP

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["change_hardware", "mark", "refuse_strangers", "undo_upgrade"]

_PAUSE = 2.0  # seconds between two looks at a host that is coming back
_NOTICEABLE = 0.1  # of what is to be added; less is what a kernel keeps more or less of at each boot


def change_hardware(context: Context, work: StepWork) -> Performance:
    """Let the provider give the host its new size, and see that the same machine is back and has it.

    A person's work ends the Run for now: it waits, the host has its lock back, and ``resume`` goes on.
    """
    run, plan, step = work.run, work.plan, work.step
    upgrade = upgrade_of(plan)
    provider = provider_named(upgrade.provider.name)
    begun = mark(context, run, plan, step, "running", last=upgrade.provider.waits)
    if not begun.hosts(StepStatus.VERIFIED):
        return Performance(begun)
    started = context.clock()

    def ended(status: StepStatus, message: str = "") -> Performance:
        times = {"started_at": started, "ended_at": context.clock()}
        result = StepResult(step=step.id, host=upgrade.host, status=status, message=message, **times)
        return Performance(Execution((result,)))

    try:
        host = _change(context, upgrade, provider)
        _refuse_stranger(upgrade, host)
    except WaitingForOperatorError as waiting:
        return _stopped(RunStatus.WAITING, waiting, f"{waiting} (selextract-infra resume {run.id})")
    except DriftError as stranger:
        return _stopped(RunStatus.INTERRUPTED, stranger, str(stranger))
    except HostUnreachableError as missing:
        return ended(StepStatus.UNREACHABLE, str(missing))
    except SelextractError as problem:
        return ended(StepStatus.FAILED, str(problem))
    missing_size = _missed(upgrade, host, context)
    if missing_size:
        return ended(StepStatus.FAILED, f"{upgrade.host} came back, and {missing_size}.")
    verified = mark(context, run, plan, step, "verified", fresh=upgrade.mode is Mode.REBOOT)
    if not verified.hosts(StepStatus.VERIFIED):
        return Performance(verified)
    return ended(StepStatus.VERIFIED)


def _stopped(status: RunStatus, why: SelextractError, sentence: str) -> Performance:
    return Performance(Execution(()), Stop(status=status, exit_code=why.exit_code, sentence=sentence))


def mark(
    context: Context, run: Run, plan: Plan, step: Step, state: str, *, last: bool = False, fresh: bool = False
) -> Execution:
    """Note on the host where a step stands; ``last`` gives the lock back, for a wait."""
    values = {host: {**given, "state": state} for host, given in step.values.items()}
    access = replace(context.access, fresh=fresh)
    return execute(access, run, plan, step.model_copy(update={"values": values}), step.hosts, last=last)


def undo_upgrade(context: Context, run: Run, plan: Plan, steps: tuple[Step, ...], hosts: tuple[str, ...]) -> Execution:
    """Give the host its former size back where that can be done, then put back everything else, newest first.

    Storage stays as it is: past that point services come back on the new size, and scaling is allowed again.
    """
    upgrade = upgrade_of(plan)
    notes: list[str] = []
    failure: str | None = None
    fresh = False
    if any(step.id == HARDWARE for step in steps):
        try:
            fresh = _give_back(context, run, plan, upgrade)
        except RefusedError as stays:
            notes.append(f"{stays} It goes on with what it has.")
        except SelextractError as problem:
            failure = str(problem)
    bound = sum(step.timeout_seconds + step.rollback_seconds for step in steps)
    undone = put_back(
        replace(context.access, fresh=fresh), run, hosts, tuple(step.id for step in steps), bound=bound
    )  # fmt: skip
    return Execution(tuple(_told(result, notes, failure) for result in undone.results), undone.cancelled)


def refuse_strangers(plan: Plan, observation: Observation) -> None:
    """Raise ``DriftError`` when another machine stands where the one of an upgrade was; nothing is done to it."""
    upgrade = upgrade_of(plan)
    host = observation.host(upgrade.host)
    if host is not None and host.facts.machine_id:
        _refuse_stranger(upgrade, host)


def _told(result: StepResult, notes: list[str], failure: str | None) -> StepResult:
    if failure is not None:
        message = f"{failure} {result.message}".strip()
        return result.model_copy(update={"status": StepStatus.ROLLBACK_FAILED, "message": message})
    return result.model_copy(update={"message": " ".join([*notes, result.message]).strip()}) if notes else result


def _change(context: Context, upgrade: UpgradeOfHost, provider: Provider) -> HostObservation:
    """Change the size and wait for the host; what is there already is left alone."""
    host, bound = context.inventory.host(upgrade.host), context.policy.vertical.comes_back
    if upgrade.provider.waits:
        observed = _look(context, upgrade.host, fresh=True)
        if isinstance(observed, HostObservation) and (_shows(upgrade, observed, context) or _grew(upgrade, observed)):
            return _awaited(context, upgrade.host, bound, lambda _: True)
    provider.resize(host, upgrade.phase, upgrade.target, upgrade.mode)
    provider.wait(host, bound)
    return _awaited(context, upgrade.host, bound, lambda observed: _shows(upgrade, observed, context))


def _give_back(context: Context, run: Run, plan: Plan, upgrade: UpgradeOfHost) -> bool:
    """Whether the host was rebooted on the way; raises ``RefusedError`` where the size stays."""
    provider, host = provider_named(upgrade.provider.name), context.inventory.host(upgrade.host)
    now = provider.current(host, upgrade.phase)
    if now is None:
        observed = _look(context, upgrade.host, fresh=True)
        if not _grew(upgrade, observed):
            return False
        now = _size(upgrade, observed)
    if upgrade.before is None or now == upgrade.before:
        return False
    if upgrade.phase == "storage" or not upgrade.provider.reverts:
        size = size_text(upgrade.phase, now)
        raise RefusedError(f"The {upgrade.phase} of {upgrade.host} stays at {size}.", rule="X-54")
    if upgrade.mode is Mode.REBOOT:
        for step in plan.steps:
            if step.id in (DRAIN, STOP):
                execute(context.access, run, plan, step, step.hosts, last=False)
    provider.revert(host, upgrade.phase, upgrade.before, upgrade.mode)
    bound = context.policy.vertical.comes_back
    provider.wait(host, bound)
    observed = _awaited(context, upgrade.host, bound, lambda _: True)
    _refuse_stranger(upgrade, observed)
    return upgrade.mode is Mode.REBOOT


def _awaited(
    context: Context, host: str, bound: float, enough: Callable[[HostObservation | str], bool]
) -> HostObservation:
    """The host as soon as it answers, its Docker works and it is ``enough``; after ``bound`` as it then is.

    Raises ``HostUnreachableError`` when it does not answer, ``DriftError`` when somebody else answers in its place.
    """
    give_up = time.monotonic() + bound
    while True:
        observed = _look(context, host, fresh=True)
        if isinstance(observed, HostObservation) and observed.problem is None and enough(observed):
            return observed
        if isinstance(observed, str):
            refuse_other_key(host, observed)
        if time.monotonic() >= give_up:
            break
        time.sleep(_PAUSE)
    if isinstance(observed, HostObservation):
        return observed
    raise HostUnreachableError(
        f"{host} did not come back within {bound:.0f} s after its hardware was changed ({observed.rstrip('.')});"
        " its services are stopped.",
        remedy=f"look at its console and bring {host} back, then resume the run, or roll it back",
    )


def _look(context: Context, host: str, *, fresh: bool = False) -> HostObservation | str:
    """The host as it is now, or why it cannot be reached."""
    alone = replace(context.inventory, hosts=(context.inventory.host(host),))
    observation = observe_hosts(
        alone, context.policy, cursors={}, at=context.clock(), cancel=context.cancel, fresh=fresh
    )
    return observation.host(host) or observation.unreachable.get(host, "it does not answer")


def _refuse_stranger(upgrade: UpgradeOfHost, host: HostObservation) -> None:
    """Raise ``DriftError`` when the machine that came back is not the one that went down."""
    if host.facts.machine_id != upgrade.machine_id:
        raise DriftError(
            f"Another machine came back as {upgrade.host}: its machine-id is {host.facts.machine_id[:8] or 'unknown'}…"
            f" and not {upgrade.machine_id[:8]}…. Nothing was done to it.",
            remedy="bring the right machine back, then resume the run, or roll it back",
        )


def _shows(upgrade: UpgradeOfHost, host: Any, context: Context) -> bool:
    """Whether the host's own facts show the new size; for storage the disk, as its file system grows later."""
    if not isinstance(host, HostObservation):
        return False
    if upgrade.phase == "storage":
        disk = disk_seen(host.facts)
        return disk is not None and disk >= upgrade.target * context.policy.facts.storage
    known = size_seen(upgrade.phase, host.facts) is not None or not upgrade.provider.waits
    return known and misses(upgrade.phase, host.facts, upgrade.target, context.policy) is None


def _grew(upgrade: UpgradeOfHost, host: Any) -> bool:
    """Whether the facts show that something was added, even if it is not all that was asked for."""
    size = _size(upgrade, host)
    if upgrade.before is None:
        return False
    noticeable = upgrade.before + _NOTICEABLE * (upgrade.target - upgrade.before)
    return size is not None and size >= noticeable


def _size(upgrade: UpgradeOfHost, host: Any) -> float | None:
    """What the host's facts show of the resource; for storage its disk."""
    if not isinstance(host, HostObservation):
        return None
    return disk_seen(host.facts) if upgrade.phase == "storage" else size_seen(upgrade.phase, host.facts)


def _missed(upgrade: UpgradeOfHost, host: HostObservation, context: Context) -> str | None:
    """What is not as it should be, in words."""
    if host.problem:
        return host.problem.rstrip(".")
    if upgrade.phase == "storage":
        disk = disk_seen(host.facts)
        if disk is not None and disk < upgrade.target * context.policy.facts.storage:
            wanted = size_text("storage", upgrade.target)
            return f"its disk has {size_text('storage', disk)} instead of {wanted}"
        return None
    return misses(upgrade.phase, host.facts, upgrade.target, context.policy)
