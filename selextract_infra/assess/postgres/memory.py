"""Postgres' memory: what each part gets so that all of them fit at once (X-01 to X-03).

Shared buffers, WAL buffers, maintenance and autovacuum take their shares first. What is left is divided among all
connections and parallel workers; each needs something for itself, page tables for the shared buffers it touches, and
``work_mem``. Everything that is counted here may be in use at the same time without the container being killed.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from selextract_infra.assess.hardware import reference_hardware
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model import figures
from selextract_infra.model.figures import KB, MB
from selextract_infra.model.tuning import BudgetPart, PostgresFacts

if TYPE_CHECKING:
    from selextract_infra.policy import Policy
    from selextract_infra.policy.schema.rules import PostgresWorkload

__all__ = [
    "HASHES",
    "HASHES_SINCE",
    "Memory",
    "beyond_guide",
    "divide_memory",
    "parallel_wish",
    "process_wish",
    "shared_memory_size",
    "whole",
]

_COARSE_FROM, _FINE = 8 * MB, 64 * KB
_PAGE, _PAGE_TABLE_ENTRY = 4 * KB, 8
HASHES = "hashes beyond work_mem"
"""The part of the budget that a smaller server goes without, by stating hash_mem_multiplier as 1."""

HASHES_SINCE = 15
"""hash_mem_multiplier is 2 by default from that version on, 1 before."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What each part of Postgres gets, in bytes, for how many connections and parallel workers.

    ``wanted_connections`` is how many were wished for, ``most_connections`` how many fit with the least work_mem.
    ``shared_share`` is the share of the memory that shared_buffers could take at most. ``process`` is what a connection
    needs beside work_mem, which it is expected to use ``sorts`` times at once, and a hash ``hashes`` times as much.
    ``allowed`` is what ``budget`` may add up to. ``larger``: there is more memory than the guide's own host has, so its
    figures are the least and not the most.
    """

    usable: int
    allowed: int
    shared_buffers: int
    shared_wish: int
    shared_share: float
    wal_buffers: int
    maintenance_work_mem: int
    autovacuum_work_mem: int
    work_mem: int
    effective_cache_size: int
    process: int
    connections: int
    wanted_connections: int
    most_connections: int
    parallel_workers: int
    sorts: int
    hashes: float
    larger: bool
    budget: tuple[BudgetPart, ...]


def whole(value: float) -> int:
    """Bytes rounded down to what a person reads: whole MB from 8 MB on, below that multiples of 64 kB."""
    step = MB if value >= _COARSE_FROM else _FINE
    return math.floor(value / step) * step


def divide_memory(
    facts: PostgresFacts, policy: Policy, *, shared_buffers: int | None = None, overrides: Collection[str] = ()
) -> Memory:
    """Divide the memory that there is.

    ``shared_buffers`` asks for that many bytes instead of the guide's; overriding X-01 lets them take the larger share.
    Raises RefusedError where shared_buffers would fill the memory (never overridable), where there is too little memory
    for any Postgres, or where a standby cannot hold as many connections as its primary.
    """
    rules, workload = policy.postgres, _workload(facts, policy)
    usable = int(facts.memory * workload.memory_share)
    if usable < rules.memory_minimum:
        least = rules.memory_minimum / workload.memory_share
        raise RefusedError(
            f"{figures.memory(facts.memory)} are too little for Postgres, which needs {figures.memory(least)}.",
            rule="postgres.memory_minimum",
            remedy="give its container more memory",
        )
    share = rules.shared_buffers_maximum_share if "X-01" in overrides else rules.shared_buffers_share
    guide, larger = policy.memory_parts.database, beyond_guide(facts, policy)
    wish = guide.shared_buffers if shared_buffers is None else shared_buffers
    if larger and shared_buffers is None:
        wish = max(wish, whole(usable * share))
    exact_shared = min(float(wish), usable * share)
    _refuse_filling(facts, shared_buffers, exact_shared)
    wal = min(max(exact_shared * rules.wal_buffers_share, rules.wal_buffers_minimum), rules.wal_buffers_maximum)
    maintenance = usable / rules.maintenance_divisor
    maintenance = maintenance if larger else min(guide.maintenance_work_mem, maintenance)
    parallel = min(parallel_wish(facts, policy), math.floor(facts.cpus))
    allowed = int(usable * policy.sizing.parts_share)
    left = allowed - exact_shared - wal - 2 * maintenance
    process = rules.connection_overhead + math.ceil(exact_shared / _PAGE) * _PAGE_TABLE_ENTRY
    most = max(0, math.floor(left / (rules.work_mem_floor * workload.sorts + process)) - parallel)
    wanted, connections = _connections(facts, policy, most)
    each = (left / (connections + parallel) - process) / workload.sorts
    usual = rules.hash_multiplier if facts.version >= HASHES_SINCE else 1.0
    hashes = usual if each >= usual * guide.work_mem else 1.0
    least = rules.work_mem_floor if connections == most else each / hashes
    granted = least if larger else min(least, guide.work_mem)
    used = whole(granted) * workload.sorts
    vacuum = whole(maintenance / rules.autovacuum_workers)
    return Memory(
        usable=usable,
        allowed=allowed,
        shared_buffers=whole(exact_shared),
        shared_wish=wish,
        shared_share=share,
        wal_buffers=whole(wal),
        maintenance_work_mem=whole(maintenance),
        autovacuum_work_mem=vacuum,
        work_mem=whole(granted),
        effective_cache_size=whole(usable * rules.cache_share),
        process=process,
        connections=connections,
        wanted_connections=wanted,
        most_connections=most,
        parallel_workers=parallel,
        sorts=workload.sorts,
        hashes=hashes,
        larger=larger,
        budget=(
            BudgetPart(name="shared_buffers", each=whole(exact_shared)),
            BudgetPart(name="wal_buffers", each=whole(wal)),
            BudgetPart(name="work_mem", each=used, count=connections),
            BudgetPart(name="connections themselves", each=process, count=connections),
            BudgetPart(name="parallel workers", each=used + process, count=parallel),
            BudgetPart(name=HASHES, each=math.ceil(used * (hashes - 1)), count=connections + parallel),
            BudgetPart(name="maintenance_work_mem", each=whole(maintenance)),
            BudgetPart(name="autovacuum_work_mem", each=vacuum, count=rules.autovacuum_workers),
        ),
    )


def beyond_guide(facts: PostgresFacts, policy: Policy) -> bool:
    """Whether a server has more memory than the guide's own host, and the formulas hold there.

    More cores alone change nothing: what helps queries there takes memory from connections.
    """
    return policy.postgres.larger_hosts.value == "formula" and facts.memory > reference_hardware(policy).memory


def parallel_wish(facts: PostgresFacts, policy: Policy) -> int:
    """How many parallel workers are wished for: the guide's, on a larger server the same share of its cores."""
    return _by_cores(policy.cpu_parts.database.max_parallel_workers, facts, policy)


def process_wish(facts: PostgresFacts, policy: Policy) -> int:
    """How many worker processes are wished for, likewise."""
    return _by_cores(policy.cpu_parts.database.max_worker_processes, facts, policy)


def _by_cores(guide: int, facts: PostgresFacts, policy: Policy) -> int:
    if not beyond_guide(facts, policy):
        return guide
    return max(guide, math.floor(guide / reference_hardware(policy).cores * facts.cpus))


def shared_memory_size(memory: Memory, version: int, policy: Policy) -> int:
    """The ``shm_size`` that the container should have, in bytes.

    Parallel queries share their hash tables there, and a parallel vacuum what it remembers; Docker's default is too
    little for either. It is a ceiling and takes nothing while it is not used.
    """
    step = policy.postgres.shm_minimum
    if not memory.parallel_workers:
        return step
    factor = policy.postgres.hash_multiplier if version >= HASHES_SINCE else 1.0
    hashes = 2 * memory.parallel_workers * memory.work_mem * factor
    return math.ceil((memory.maintenance_work_mem + hashes) / step) * step


def _workload(facts: PostgresFacts, policy: Policy) -> PostgresWorkload:
    workload: PostgresWorkload = getattr(policy.postgres.workloads, facts.effective_workload.value)
    return workload


def _refuse_filling(facts: PostgresFacts, asked: int | None, granted: float) -> None:
    """X-01: never as much as there is."""
    wanted = granted if asked is None else float(asked)
    if wanted >= facts.memory:
        raise RefusedError(
            f"shared_buffers of {figures.memory(wanted)} are {wanted / facts.memory:.1f} times the"
            f" {figures.memory(facts.memory)} that Postgres has; it starts and is killed once they fill"
            " (X-01, which has no override).",
            rule="X-01",
            remedy="leave shared_buffers to its share of the memory",
        )


def _connections(facts: PostgresFacts, policy: Policy, most: int) -> tuple[int, int]:
    """How many connections are wished for and how many there will be."""
    needed = facts.primary.get("max_connections", 0) if facts.role.standby else 0
    wished = policy.scaling.connections.maximum if facts.connections is None else facts.connections
    wanted, reserved = max(wished, needed), policy.postgres.superuser_reserved
    if wanted <= reserved:
        raise UsageError(
            f"{figures.count(wanted, 'connection')} cannot be: {reserved} are reserved for superusers.",
            remedy=f"ask for more than {reserved}",
        )
    if needed > most:
        raise RefusedError(
            f"The primary has {needed} connections and its standby may not have fewer, but {most} fit into"
            f" {figures.memory(facts.memory)} (X-02, DRV-10).",
            rule="X-02",
            remedy="give the standby more memory, or lower max_connections on the primary first",
        )
    if most <= reserved:
        raise RefusedError(
            f"{figures.memory(facts.memory)} leave room for {figures.count(most, 'connection')}, and {reserved} are"
            " reserved for superusers (X-02).",
            rule="X-02",
            remedy="give its container more memory",
        )
    return wanted, min(wanted, most)
