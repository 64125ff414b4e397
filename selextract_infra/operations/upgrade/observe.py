"""What an upgrade reads besides the Observation: the provider's books, and how long earlier upgrades took."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import TYPE_CHECKING

from selextract_infra.hosts.providers import chosen_provider
from selextract_infra.model.observation import Observation
from selextract_infra.model.run import Run, RunStatus, StepStatus
from selextract_infra.model.upgrade import Abilities, Mode
from selextract_infra.operations.upgrade.decide import read_phase
from selextract_infra.operations.upgrade.operation import UpgradeRequest
from selextract_infra.operations.upgrade.plan import OPERATION, HardwareLook, upgrade_of

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["learned_durations", "look_at_hardware"]

_RUNS_LOOKED_AT = 200


def look_at_hardware(context: Context, _: Observation, request: UpgradeRequest) -> HardwareLook:
    """What the provider of the one host can do and says of it, and what its steps are expected to take."""
    (host,) = context.inventory.hosts
    provider, phase = chosen_provider(request.provider, host, context.policy), read_phase(request.phase, context.policy)
    return HardwareLook(
        provider=provider.abilities,
        before=provider.current(host, phase),
        durations=learned_durations(context, phase, request.mode, provider.abilities),
    )


def learned_durations(context: Context, phase: str, mode: Mode | None, provider: Abilities) -> Mapping[str, float]:
    """By step, how long it took in the last upgrades of that kind, with a margin; none before the first."""
    rules = context.policy.vertical.learning
    wanted = mode or provider.modes.get(phase, (Mode.REBOOT,))[0]
    seconds: dict[str, list[float]] = {}
    counted = 0
    for run in context.journal.runs(_RUNS_LOOKED_AT):
        if counted == rules.runs:
            break
        if not _alike(context, run, phase, wanted):
            continue
        counted += 1
        for result in run.results:
            if result.status is StepStatus.VERIFIED and result.started_at and result.ended_at:
                seconds.setdefault(result.step, []).append((result.ended_at - result.started_at).total_seconds())
    return {step: round(fmean(times) * rules.margin, 1) for step, times in seconds.items()}


def _alike(context: Context, run: Run, phase: str, mode: Mode) -> bool:
    if run.operation != OPERATION or run.status is not RunStatus.DONE:
        return False
    plan = context.journal.plan(run.plan_digest)
    if plan is None or plan.empty:
        return False
    upgrade = upgrade_of(plan)
    return (upgrade.phase, upgrade.mode) == (phase, mode)
