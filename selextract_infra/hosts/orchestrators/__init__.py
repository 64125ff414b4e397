"""Orchestrators: how a step is carried out by what keeps the instances running. Pure.

Only here is it known which one that is; a step says what is wanted of it in values that hold for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.hosts.orchestrators.compose import CARRIED
from selextract_infra.model.act import PlannedAct
from selextract_infra.model.plan import Step

__all__ = ["acts_of", "carried_steps", "is_carried", "values_on"]


def is_carried(playbook: str, values: Mapping[str, Any] | None = None) -> bool:
    """Whether a host carries a step of that playbook out by itself; ``values`` are the step's for this host.

    Where a replica is restarted, the host of the primary takes part: that is led from here.
    """
    return playbook.rpartition(".")[2] in CARRIED and (values or {}).get("part") not in _LED


def acts_of(playbook: str, values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """What is done on a host for a step of that playbook, in this order; ``values`` are the step's for this host."""
    return CARRIED[playbook.rpartition(".")[2]](values)


def values_on(step: Step, host: str) -> dict[str, Any]:
    """What the step's playbook reads for a host; where that host carries the step out by itself, what it is to do."""
    values = step.values[host]
    if not is_carried(step.playbook, values):
        return values
    return {"steps": carried_steps((step,), host), "policy_digest": values.get("policy_digest")}


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
