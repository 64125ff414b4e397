"""Steps as a host carries them out: by the name of a step's playbook, its acts. Pure.

What is about instances is an orchestrator's; a step says what is wanted of it in values that hold for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any

from selextract_infra.hosts.orchestrators import ORCHESTRATOR, Orchestrator
from selextract_infra.hosts.orchestrators.orchestrator import PlannedAct, PlannedPart
from selextract_infra.hosts.steps.postgres import restart_primary, tune_postgres
from selextract_infra.hosts.steps.proxies import pool_connections, turn_balancer
from selextract_infra.hosts.steps.replicas import balance_reads, make_replica, remove_replica, restart_replica
from selextract_infra.hosts.steps.services import begin_emergency, carry, scale, set_limits
from selextract_infra.hosts.steps.upgrade import LED, upgrade_host
from selextract_infra.model.plan import BY_PLAYBOOK, Plan, Step

__all__ = ["acts_of", "carried_steps", "is_carried", "parts_of", "segments_of", "values_on"]

_CARRIED: Mapping[str, Callable[[Mapping[str, Any], Orchestrator], tuple[PlannedAct, ...]]] = {
    "balancer": turn_balancer,
    "carry": carry,
    "emergency": begin_emergency,
    "pgbouncer": pool_connections,
    "read_balancer": balance_reads,
    "restart_postgres": restart_primary,
    "rightsize": set_limits,
    "scale": scale,
    "settle": carry,
    "tune_postgres": tune_postgres,
    "tune_workers": carry,
    "upgrade": upgrade_host,
}

_IN_PARTS: Mapping[str, Callable[[Mapping[str, Mapping[str, Any]]], tuple[PlannedPart, ...]]] = {
    "replica": make_replica,
    "replica_remove": remove_replica,
    "restart_postgres": restart_replica,
}
"""Steps of several hosts, by the values of each; a step that is carried out by one host alone is in ``_CARRIED``."""


def is_carried(playbook: str, values: Mapping[str, Any] | None = None) -> bool:
    """Whether a host carries a step of that playbook out by itself; ``values`` are the step's for this host.

    In one with parts another host takes part, so the hosts' turns are led from here. So is a change of hardware.
    """
    name, given = playbook.rpartition(".")[2], values or {}
    in_parts = name in _IN_PARTS and given.get("part") in _WITH_PARTS
    return name in _CARRIED and not in_parts and given.get("kind") not in LED


def parts_of(step: Step) -> tuple[PlannedPart, ...]:
    """What its hosts do by turns, in this order; empty where no host waits for another one."""
    name = step.playbook.rpartition(".")[2]
    if name not in _IN_PARTS or is_carried(step.playbook, next(iter(step.values.values()), {})):
        return ()
    return _IN_PARTS[name](step.values)


def acts_of(
    playbook: str, values: Mapping[str, Any], orchestrator: Orchestrator = ORCHESTRATOR
) -> tuple[PlannedAct, ...]:
    """What is done on a host for a step of that playbook, in this order; ``values`` are the step's for this host."""
    return _CARRIED[playbook.rpartition(".")[2]](values, orchestrator)


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
    step = steps[0]
    values = step.values[host]
    parts = parts_of(step)
    if parts:
        ends = values.get("part") == _FAILS or len(step.values) == 1
        return {"parts": _by_turns(step, parts, host), "ends": ends, "policy_digest": _policy_digest(step)}
    if not is_carried(step.playbook, values):
        return values
    carried = carried_steps(steps, host)
    for carried_step in carried:
        if carried_step["id"] in begins_within:
            carried_step["begins_within_seconds"] = begins_within[carried_step["id"]]
    return {"steps": carried, "policy_digest": values.get("policy_digest")}


def _by_turns(step: Step, parts: tuple[PlannedPart, ...], host: str) -> list[list[dict[str, Any]]]:
    """For each turn what this host carries out, nothing where it is another one's."""
    last = max((number for number, part in enumerate(parts) if part.host == host), default=-1)
    return [
        [
            {
                **_carried(step, part.acts),
                **({"receives": dict(part.receives)} if part.receives else {}),
                **({"goes_on": True} if number < last else {}),
            }
        ]
        if part.host == host
        else []
        for number, part in enumerate(parts)
    ]


def _policy_digest(step: Step) -> str | None:
    """Of a step in parts each host has it, or only the one that all depends on."""
    return next((values["policy_digest"] for values in step.values.values() if "policy_digest" in values), None)


def carried_steps(steps: tuple[Step, ...], host: str) -> list[dict[str, Any]]:
    """These steps as the host carries them out."""
    return [_carried(step, acts_of(step.playbook, step.values[host])) for step in steps]


def _carried(step: Step, acts: tuple[PlannedAct, ...]) -> dict[str, Any]:
    return {
        "id": step.id,
        "title": step.title,
        "timeout_seconds": step.timeout_seconds,
        "rollback_seconds": max(step.rollback_seconds, _LEAST_ROLLBACK),
        "acts": [act.model_dump(mode="json") for act in acts],
    }


_FAILS = "replica"  # whose part is that is what a step is about, so it fails there
_WITH_PARTS = (_FAILS, "beside")
_LEAST_ROLLBACK = 120.0  # seconds: Docker may have to come back first
