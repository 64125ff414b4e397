"""Orchestrators: how a step is carried out by what keeps the instances running. Pure.

Only here is it known which one that is; a step says what is wanted of it in values that hold for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any

from selextract_infra.hosts.orchestrators.compose import CARRIED
from selextract_infra.model.act import PlannedAct
from selextract_infra.model.plan import BY_PLAYBOOK, Plan, Step

__all__ = ["acts_of", "carried_steps", "is_carried", "segments_of", "values_on"]


def is_carried(playbook: str, values: Mapping[str, Any] | None = None) -> bool:
    """Whether a host carries a step of that playbook out by itself; ``values`` are the step's for this host.

    Where a replica is restarted, the host of the primary takes part: that is led from here.
    """
    return playbook.rpartition(".")[2] in CARRIED and (values or {}).get("part") not in _LED


def acts_of(playbook: str, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """What is done on a host for a step of that playbook, in this order; ``values`` are the step's for this host."""
    return CARRIED[playbook.rpartition(".")[2]](values)


def segments_of(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """The IDs of steps that follow each other on one host, which carries them out without a word from here."""
    groups = groupby(plan.steps, _carried_by)
    names = [tuple(step.id for step in steps) for host, steps in groups if host is not None]
    return tuple(group for group in names if len(group) > 1)


def _carried_by(step: Step) -> str | None:
    """The only host of a step, where it carries the step out by itself."""
    if step.performer != BY_PLAYBOOK or len(step.hosts) != 1:
        return None
    (host,) = step.hosts
    return host if is_carried(step.playbook, step.values.get(host)) else None


def values_on(
    steps: tuple[Step, ...], host: str, begins_within: Mapping[str, float] = MappingProxyType({})
) -> dict[str, Any]:
    """What a step's playbook reads for a host; where that host carries the steps out by itself, what it is to do.

    The playbook is that of the first step; there are several only where the host carries them out.
    ``begins_within`` has, by step, the seconds from now within which it may begin.
    """
    values = steps[0].values[host]
    if not is_carried(steps[0].playbook, values):
        return values
    carried = carried_steps(steps, host)
    for step in carried:
        if step["id"] in begins_within:
            step["begins_within_seconds"] = begins_within[step["id"]]
    return {"steps": carried, "policy_digest": values.get("policy_digest")}


def carried_steps(steps: tuple[Step, ...], host: str) -> list[dict[str, Any]]:
    """These steps as the host carries them out."""
    return [
        {
            "id": step.id,
            "title": step.title,
            "timeout_seconds": step.timeout_seconds,
            "rollback_seconds": max(step.rollback_seconds, _LEAST_ROLLBACK),
            "acts": [act.model_dump(mode="json") for act in acts_of(step.playbook, step.values[host])],
        }
        for step in steps
    ]


_LED = ("replica", "beside")
_LEAST_ROLLBACK = 120.0  # seconds: Docker may have to come back first
