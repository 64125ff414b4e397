"""How much a number of instances needs, and what a load needs in instances."""

from __future__ import annotations

import math
from dataclasses import dataclass

from selextract_infra.policy.model import Policy

__all__ = ["Needed", "fits", "fixed_roles", "instances_for", "limits_of", "needed"]

SCALED = ("api", "worker")


@dataclass(frozen=True, slots=True)
class Needed:
    """CPU limits in cores and memory limits in bytes, summed."""

    cpus: float
    memory: float


def fixed_roles(policy: Policy) -> list[str]:
    """The containers that are not scaled out."""
    return [role for role in policy.containers if role not in SCALED]


def limits_of(policy: Policy) -> Needed:
    """The limits of all containers of the reference system together, with their stated counts."""
    rows = policy.containers.values()
    return Needed(sum(row.cpus * row.count for row in rows), sum(row.memory * row.count for row in rows))


def needed(policy: Policy, api: int, worker: int, *, factor: float = 1.0, everything: bool = False) -> Needed:
    """Limits of so many API instances and workers beside everything else.

    ``factor`` raises the limits of the API and the workers, of all containers with ``everything``.
    """
    rows, others = policy.containers, factor if everything else 1.0
    counts = {"api": api, "worker": worker}
    cpus = sum(rows[role].cpus * n for role, n in counts.items() if role in rows) * factor
    memory = sum(rows[role].memory * n for role, n in counts.items() if role in rows) * factor
    fixed = [rows[role] for role in fixed_roles(policy)]
    return Needed(cpus + others * sum(row.cpus for row in fixed), memory + others * sum(row.memory for row in fixed))


def instances_for(policy: Policy, requests: float) -> int:
    """API instances for so many requests per second, before any bounds (HAPI-05)."""
    return math.ceil(round(requests / policy.scaling.api.scale_up.threshold, 9))


def fits(policy: Policy, need: Needed, cores: float, memory: float) -> bool:
    """Whether limits fit into a host: memory inside the host less its reserve, CPU overcommitted at most as allowed."""
    rules = policy.rightsizing
    return need.memory <= memory * (1 - rules.host_reserve_memory) and need.cpus <= cores * rules.cpu_overcommit_refuse
