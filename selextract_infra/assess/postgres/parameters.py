"""The parameters of Postgres that are set here: what they count, when they take effect, in PostgreSQL 14 to 18."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from selextract_infra.errors import UsageError
from selextract_infra.model.postgres import SettingContext, Unit

__all__ = [
    "PARAMETERS",
    "STANDBY_PARAMETERS",
    "VERSIONS",
    "Parameter",
    "context_of",
    "parameter",
]

VERSIONS = (14, 15, 16, 17, 18)

STANDBY_PARAMETERS = (
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
)
"""A standby with less of any of these than its primary pauses or ends replay (DRV-10)."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. ``contexts`` has, by version, where its context changed from that version on."""

    name: str
    context: SettingContext
    unit: Unit = Unit.NONE
    contexts: Mapping[int, SettingContext] = field(default_factory=dict)


def _parameters() -> Iterable[Parameter]:
    postmaster, sighup, user = SettingContext.POSTMASTER, SettingContext.SIGHUP, SettingContext.USER
    for name in STANDBY_PARAMETERS:
        yield Parameter(name, postmaster)
    yield Parameter("superuser_reserved_connections", postmaster)
    yield Parameter("shared_buffers", postmaster, Unit.BYTES)
    yield Parameter("wal_buffers", postmaster, Unit.BYTES)
    yield Parameter("huge_pages", postmaster)
    yield Parameter("autovacuum_max_workers", postmaster, contexts={18: sighup})
    for name in ("autovacuum_work_mem", "min_wal_size", "max_wal_size", "max_slot_wal_keep_size"):
        yield Parameter(name, sighup, Unit.BYTES)
    yield Parameter("max_standby_streaming_delay", sighup, Unit.SECONDS)
    for name in ("checkpoint_completion_target", "hot_standby_feedback"):
        yield Parameter(name, sighup)
    yield Parameter("wal_compression", SettingContext.SUPERUSER)
    for name in ("work_mem", "maintenance_work_mem", "effective_cache_size"):
        yield Parameter(name, user, Unit.BYTES)
    for name in (
        "hash_mem_multiplier",
        "max_parallel_workers",
        "max_parallel_workers_per_gather",
        "max_parallel_maintenance_workers",
        "random_page_cost",
        "effective_io_concurrency",
        "default_statistics_target",
        "jit",
    ):
        yield Parameter(name, user)


PARAMETERS: Mapping[str, Parameter] = {each.name: each for each in _parameters()}


def parameter(name: str) -> Parameter:
    """The parameter of that name; raises UsageError for one that is not set here."""
    if name not in PARAMETERS:
        raise UsageError(f"{name} is not a parameter that is tuned here.")
    return PARAMETERS[name]


def context_of(name: str, version: int) -> SettingContext:
    """When the parameter takes effect in that major version; raises UsageError for an unknown parameter."""
    known = parameter(name)
    changes = [context for since, context in sorted(known.contexts.items()) if version >= since]
    return changes[-1] if changes else known.context
