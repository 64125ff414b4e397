"""Postgres' settings beyond the division of memory: WAL, planner, parallelism, standbys."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from selextract_infra.assess.postgres.memory import HASHES_SINCE, Memory, process_wish, whole
from selextract_infra.assess.postgres.parameters import STANDBY_PARAMETERS, context_of, parameter
from selextract_infra.model import figures
from selextract_infra.model.figures import MB
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.postgres import Role
from selextract_infra.model.tuning import PostgresFacts, Setting

if TYPE_CHECKING:
    from selextract_infra.policy import Policy
    from selextract_infra.policy.schema.rules import PostgresStorage, PostgresWorkload

__all__ = ["LZ4_SINCE", "lz4_unknown", "postgres_settings"]

_WAL_SEGMENT = 16 * MB
LZ4_SINCE = 15


def postgres_settings(facts: PostgresFacts, memory: Memory, policy: Policy) -> tuple[Setting, ...]:
    """All settings of a server, sorted by name; what is not among them stays as Postgres has it."""
    settings = _Settings(facts, memory, policy)
    settings.memory_settings()
    settings.processes()
    settings.wal()
    settings.planner()
    settings.parallelism()
    if facts.role.standby:
        settings.standby()
    return tuple(settings.chosen[name] for name in sorted(settings.chosen))


def lz4_unknown() -> Finding:
    """WAL is not compressed, because a server that was built without lz4 does not start with it."""
    return Finding(
        rule="postgres.lz4",
        severity=Severity.INFO,
        rule_class=RuleClass.REPORT,
        subject="wal_compression",
        sentence="Nobody said whether the server was built with lz4, and one without it does not start with"
        " wal_compression = lz4, so that is left out.",
        resolution="SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'wal_compression'; then --lz4.",
    )


class _Settings:
    """Collects the settings of one server."""

    def __init__(self, facts: PostgresFacts, memory: Memory, policy: Policy) -> None:
        self.facts, self.memory, self.policy = facts, memory, policy
        name = facts.effective_workload.value
        self.workload: PostgresWorkload = getattr(policy.postgres.workloads, name)
        self.storage: PostgresStorage = getattr(policy.postgres.storage, facts.storage.value)
        self.chosen: dict[str, Setting] = {}

    def choose(self, name: str, value: float | str, rule: str, why: str) -> None:
        self.chosen[name] = Setting(
            name=name,
            value=value,
            unit=parameter(name).unit,
            context=context_of(name, self.facts.version),
            rule=rule,
            why=why,
        )

    def memory_settings(self) -> None:
        memory, rules, guide = self.memory, self.policy.postgres, self.policy.memory_parts.database
        most = "" if memory.larger else "at most "
        share = figures.percent(memory.shared_share)
        self.choose("shared_buffers", memory.shared_buffers, "X-01", f"{most}{share} of the memory there is")
        why = "what is left, divided by all who may use it at once"
        if memory.work_mem == guide.work_mem and not memory.larger:
            why = "the guide's; what is left would bear it for all at once"
        self.choose("work_mem", memory.work_mem, "X-02", why)
        if memory.hashes < rules.hash_multiplier and self.facts.version >= HASHES_SINCE:
            why = f"a hash may take {rules.hash_multiplier:g} times work_mem by default, and that does not fit"
            self.choose("hash_mem_multiplier", memory.hashes, "X-02", why)
        divisor = rules.maintenance_divisor
        self.choose("maintenance_work_mem", memory.maintenance_work_mem, "X-03", f"{most}1/{divisor} of the memory")
        self.choose("autovacuum_work_mem", memory.autovacuum_work_mem, "X-03", "all workers together take one share")
        self.choose("autovacuum_max_workers", rules.autovacuum_workers, "X-03", "the budget counts so many")
        why = f"{figures.percent(rules.cache_share)} of the memory"
        self.choose("effective_cache_size", memory.effective_cache_size, "postgres.cache_share", why)
        share = figures.percent(rules.wal_buffers_share)
        self.choose("wal_buffers", memory.wal_buffers, "postgres.wal_buffers_share", f"{share} of shared_buffers")
        worth = memory.shared_buffers >= rules.huge_pages_from
        why = f"worth it from {figures.memory(rules.huge_pages_from)} of shared_buffers"
        self.choose("huge_pages", "try" if worth else "off", "postgres.huge_pages_from", why)

    def processes(self) -> None:
        wish = process_wish(self.facts, self.policy)
        self.choose("max_connections", self.memory.connections, "X-13", "all that may be open at once")
        reserved = self.policy.postgres.superuser_reserved
        self.choose("superuser_reserved_connections", reserved, "X-13", "the way in when all others are taken")
        self.choose("max_worker_processes", wish, "X-04", "slots; queries use only what the CPUs allow")
        parallel = self.memory.parallel_workers
        guide = self.policy.cpu_parts.database.max_parallel_workers
        why = "the guide's; more of them would take memory from connections"
        if parallel > guide:
            why = f"the share of {figures.cores(self.facts.cpus)} that the guide gives of its host's"
        elif parallel < guide:
            why = f"no more than fit {figures.cores(self.facts.cpus)}"
        self.choose("max_parallel_workers", parallel, "X-04", why)

    def wal(self) -> None:
        rules, disk = self.policy.postgres, self.facts.disk
        largest = float(self.workload.maximum_wal)
        why = f"usual for {self.facts.effective_workload}"
        if disk is not None and disk * rules.wal_disk_share < largest:
            largest = max(disk * rules.wal_disk_share, rules.wal_minimum)
            why = f"{figures.percent(rules.wal_disk_share)} of the disk of {figures.disk(disk)}"
        largest = _segments(largest)
        smallest = _segments(min(self.workload.minimum_wal, largest / 2))
        self.choose("max_wal_size", int(largest), "postgres.wal_disk_share", why)
        self.choose("min_wal_size", smallest, "postgres.workloads", "kept for reuse; at most half of max_wal_size")
        if disk is not None:
            kept = _segments(max(disk * rules.slot_disk_share, rules.wal_minimum))
            share = figures.percent(rules.slot_disk_share)
            why = f"a lost replica holds back at most {share} of the disk"
            self.choose("max_slot_wal_keep_size", kept, "postgres.slot_disk_share", why)
        target = rules.checkpoint_completion
        self.choose("checkpoint_completion_target", target, "postgres.checkpoint_completion", "writes spread out")
        if self.facts.lz4 and self.facts.version >= LZ4_SINCE:
            self.choose("wal_compression", "lz4", "postgres", "less WAL for little CPU")

    def planner(self) -> None:
        storage, workload = self.storage, self.workload
        kind, name = self.facts.storage.value.upper(), self.facts.effective_workload
        self.choose("random_page_cost", storage.random_page_cost, "postgres.storage", f"reads out of order on {kind}")
        self.choose("effective_io_concurrency", storage.io_concurrency, "postgres.storage", f"reads at once on {kind}")
        self.choose("default_statistics_target", workload.statistics, "postgres.workloads", f"usual for {name}")
        if not workload.jit:
            why = f"compiling costs more than it gains for {name}"
            self.choose("jit", value=False, rule="postgres.workloads", why=why)

    def parallelism(self) -> None:
        """Helpers for a single query are stated only where there are CPUs to spare."""
        rules, workers = self.policy.postgres, self.memory.parallel_workers
        if self.facts.cpus < rules.parallel_from:
            return
        half = math.ceil(self.facts.cpus / 2)
        gather = min(half, self.workload.gather, workers)
        why = "at most half of the CPUs for one query"
        self.choose("max_parallel_workers_per_gather", gather, "postgres.parallel_from", why)
        why = "at most half of the CPUs for one index build"
        self.choose("max_parallel_maintenance_workers", min(half, workers), "postgres.parallel_from", why)

    def standby(self) -> None:
        for name in STANDBY_PARAMETERS:
            primary, own = self.facts.primary.get(name), self.chosen.get(name)
            if primary is not None and (own is None or int(own.value) < primary):
                self.choose(name, primary, "DRV-10", "no less than the primary, or replay stops")
        analytics = self.facts.role is Role.ANALYTICS
        bloat = "its long queries must not bloat the primary"
        why = bloat if analytics else "the primary keeps rows that reads still see"
        self.choose("hot_standby_feedback", value=not analytics, rule="X-63", why=why)
        if analytics:
            delay = self.policy.postgres.analytics_delay
            why = "long queries end before replay goes on"
            self.choose("max_standby_streaming_delay", int(delay), "postgres.analytics_delay", why)


def _segments(value: float) -> int:
    """Bytes as whole WAL segments, at least two."""
    return max(2, math.floor(whole(value) / _WAL_SEGMENT)) * _WAL_SEGMENT
