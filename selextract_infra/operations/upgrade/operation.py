"""Upgrade a server's hardware: look, decide, plan one phase of one host, and on demand apply."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from statistics import fmean

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.flow.context import Context
from selextract_infra.flow.reachability import missing_hosts, refuse_missing
from selextract_infra.flow.resume_at_boot import BOOT_UNIT
from selextract_infra.flow.unfinished import refuse_unfinished
from selextract_infra.hosts.identity import owner
from selextract_infra.hosts.providers import chosen_provider
from selextract_infra.model.plan import Plan
from selextract_infra.model.run import Run, RunStatus, StepStatus
from selextract_infra.model.upgrade import Abilities, Mode
from selextract_infra.operations.upgrade.decide import read_phase
from selextract_infra.operations.upgrade.plan import OPERATION, plan_of_upgrade, upgrade_of

__all__ = ["learned_durations", "plan_upgrade"]

_RUNS_LOOKED_AT = 200


def plan_upgrade(
    context: Context,
    phase: str,
    *,
    provider: str | None = None,
    target: float | None = None,
    mode: Mode | None = None,
    overrides: Collection[str] = (),
    to_apply: bool = False,
) -> Plan:
    """The Plan that upgrades one phase of the fleet's one host, as it is seen now; recorded in the journal.

    Raises ``UsageError`` for an unknown phase or more than one host, ``RefusedError`` where a rule forbids it, and with
    ``to_apply`` ``LockedError`` when a Run is unfinished on the host.
    """
    named = read_phase(phase, context.policy)
    if len(context.inventory.hosts) != 1:
        known = ", ".join(host.name for host in context.inventory.hosts)
        raise UsageError("Hardware is upgraded one host at a time.", remedy=f"name one with --limit: {known}")
    (host,) = context.inventory.hosts
    seen = context.observe()
    refuse_missing(missing_hosts(seen), reached=bool(seen.hosts))
    if to_apply:
        refuse_unfinished(seen)
    there = seen.hosts[0]
    changer = chosen_provider(provider, host, context.policy)
    plan = plan_of_upgrade(
        seen,
        there,
        named,
        context.policy,
        provider=changer.abilities,
        before=changer.current(host, named),
        target=target,
        mode=mode,
        durations=learned_durations(context, named, mode, changer.abilities),
        overrides=overrides,
        made_by=owner(),
    )
    _refuse_cutting_off(context, plan)
    context.journal.record_plan(plan)
    return plan


def _refuse_cutting_off(context: Context, plan: Plan) -> None:
    """Raise ``RefusedError`` when the reboot would end this very program and nothing would start it again (DRV-07)."""
    if plan.empty or upgrade_of(plan).mode is not Mode.REBOOT or plan.hosts[0] not in context.inventory.local:
        return
    if not BOOT_UNIT.is_symlink():
        raise RefusedError(
            f"{plan.hosts[0]} is this very machine: its reboot ends this program, and nothing goes on afterwards.",
            rule="DRV-07",
            remedy="selextract-infra resume --at-boot on; or work from another machine, or with --mode live",
        )


def learned_durations(context: Context, phase: str, mode: Mode | None, provider: Abilities) -> Mapping[str, float]:
    """By step, how long it took in the last upgrades of that kind, with a margin; none before the first."""
    rules = context.policy.vertical.learning
    wanted = mode or provider.modes.get(phase, (Mode.REBOOT,))[0]
    found: dict[str, list[float]] = {}
    counted = 0
    for run in context.journal.runs(_RUNS_LOOKED_AT):
        if counted == rules.runs:
            break
        if not _alike(context, run, phase, wanted):
            continue
        counted += 1
        for result in run.results:
            if result.status is StepStatus.VERIFIED and result.started_at and result.ended_at:
                found.setdefault(result.step, []).append((result.ended_at - result.started_at).total_seconds())
    return {step: round(fmean(times) * rules.margin, 1) for step, times in found.items()}


def _alike(context: Context, run: Run, phase: str, mode: Mode) -> bool:
    if run.operation != OPERATION or run.status is not RunStatus.DONE:
        return False
    plan = context.journal.plan(run.plan_digest)
    if plan is None or plan.empty:
        return False
    upgrade = upgrade_of(plan)
    return (upgrade.phase, upgrade.mode) == (phase, mode)
