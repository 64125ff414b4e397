"""PGTune's rules, to compare with: what a widely used calculator would answer for the same server.

They are someone else's rules, so they are written out here and do not follow the policy. Source: PGTune's published
rules for PostgreSQL on Linux (le0pard/pgtune), as of 2025.
"""

from __future__ import annotations

import math

from selextract_infra.assess.postgres.parameters import context_of, parameter
from selextract_infra.model.figures import GB, KB, MB
from selextract_infra.model.postgres import Storage, Workload
from selextract_infra.model.tuning import Setting

__all__ = ["pgtune_settings"]

_WAL_SIZES = {
    Workload.WEB: (1 * GB, 4 * GB),
    Workload.OLTP: (2 * GB, 8 * GB),
    Workload.DW: (4 * GB, 16 * GB),
    Workload.MIXED: (1 * GB, 4 * GB),
    Workload.DESKTOP: (100 * MB, 2 * GB),
}
_READS_AT_ONCE = {Storage.HDD: 2, Storage.SSD: 200, Storage.SAN: 300, Storage.NVME: 1000}
_MAINTENANCE_LIMIT = 8 * GB
_LEAST_WORK_MEM = 4 * MB
_WAL_BUFFERS = (32 * KB, 14 * MB, 16 * MB)
_PARALLEL_FROM = 4
_LEAST_PARALLEL = 8


def pgtune_settings(
    memory: int, cpus: int, connections: int, workload: Workload, storage: Storage, version: int
) -> tuple[Setting, ...]:
    """What PGTune answers for ``memory`` bytes and whole ``cpus``, sorted by name; it rounds down to whole kB."""
    shared = _kb(memory / (16 if workload is Workload.DESKTOP else 4))
    smallest, largest = _WAL_SIZES[workload]
    sizes = {
        "shared_buffers": shared,
        "effective_cache_size": _kb(memory / 4 if workload is Workload.DESKTOP else memory * 3 / 4),
        "maintenance_work_mem": min(_kb(memory / (8 if workload is Workload.DW else 16)), _MAINTENANCE_LIMIT),
        "wal_buffers": _wal_buffers(shared),
        "work_mem": _work_mem(memory, shared, cpus, connections, workload),
        "min_wal_size": smallest,
        "max_wal_size": largest,
    }
    plain: dict[str, bool | int | float | str] = {
        "max_connections": connections,
        "checkpoint_completion_target": 0.9,
        "default_statistics_target": 500 if workload is Workload.DW else 100,
        "random_page_cost": 4.0 if storage is Storage.HDD else 1.1,
        "effective_io_concurrency": _READS_AT_ONCE[storage],
        "huge_pages": "try" if shared >= 2 * GB else "off",
        **_parallelism(cpus, workload),
    }
    if workload in (Workload.WEB, Workload.OLTP, Workload.MIXED):
        plain["jit"] = False
    if version >= 15:
        plain["wal_compression"] = "lz4"
    return tuple(_setting(name, value, version) for name, value in sorted({**sizes, **plain}.items()))


def _wal_buffers(shared: int) -> int:
    least, nearly, most = _WAL_BUFFERS
    value = _kb(shared * 3 / 100)
    return most if value > nearly else max(value, least)


def _work_mem(memory: int, shared: int, cpus: int, connections: int, workload: Workload) -> int:
    workers = max(cpus if cpus >= _PARALLEL_FROM else 0, _LEAST_PARALLEL)
    share = (memory - shared) / ((connections + workers) * 3)
    if workload in (Workload.DW, Workload.MIXED):
        share /= 2
    elif workload is Workload.DESKTOP:
        share /= 6
    return max(_kb(share), _LEAST_WORK_MEM)


def _parallelism(cpus: int, workload: Workload) -> dict[str, bool | int | float | str]:
    if cpus < _PARALLEL_FROM:
        return {}
    half = math.ceil(cpus / 2)
    return {
        "max_worker_processes": cpus,
        "max_parallel_workers": cpus,
        "max_parallel_workers_per_gather": half if workload is Workload.DW else min(half, 4),
        "max_parallel_maintenance_workers": min(half, 4),
    }


def _setting(name: str, value: bool | float | str, version: int) -> Setting:
    context = context_of(name, version)
    return Setting(name=name, value=value, unit=parameter(name).unit, context=context, rule="PGTune", why="its rule")


def _kb(value: float) -> int:
    return math.floor(value / KB) * KB
