"""Tuning Postgres: from what a server has to its settings, with the guide's numbers as wishes (MEM-07 to MEM-10,
CPU-05, CPU-06, HDB-03).

Each wish becomes a Decision; where less is granted it says why and names the rule (X-01 to X-04).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from selextract_infra.assess.hardware import reference_hardware
from selextract_infra.assess.postgres.memory import (
    Memory,
    divide_memory,
    parallel_wish,
    process_wish,
    shared_memory_size,
)
from selextract_infra.assess.postgres.parameters import VERSIONS
from selextract_infra.assess.postgres.proposal import NOBODY, SettingProposal, Subject
from selextract_infra.assess.postgres.settings import postgres_settings
from selextract_infra.errors import UsageError
from selextract_infra.model import figures
from selextract_infra.model.decision import Decision
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.tuning import PostgresFacts, PostgresTuning

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["tune_postgres"]


def tune_postgres(
    facts: PostgresFacts,
    policy: Policy,
    *,
    shared_buffers: int | None = None,
    overrides: Collection[str] = (),
    subject: Subject = NOBODY,
) -> PostgresTuning:
    """The settings of one server.

    ``shared_buffers`` asks for that many bytes; ``overrides`` are rule IDs, of which X-01 lets shared_buffers take its
    larger share; ``subject`` says whose Decisions these are. Raises UsageError for facts that cannot be, RefusedError
    for what no server survives (X-01 at 100 %, X-02 without room for connections).
    """
    _check(facts)
    memory = divide_memory(facts, policy, shared_buffers=shared_buffers, overrides=overrides)
    settings = postgres_settings(facts, memory, policy)
    decided = _Wishes(facts, memory, policy, subject)
    processes = next(each.value for each in settings if each.name == "max_worker_processes")
    return PostgresTuning(
        facts=facts,
        settings=settings,
        budget=memory.budget,
        allowed=memory.allowed,
        shm_size=shared_memory_size(memory, facts.version, policy),
        decisions=(
            decided.shared_buffers(asked=shared_buffers is not None),
            decided.work_mem(),
            decided.maintenance_work_mem(),
            decided.autovacuum_work_mem(),
            decided.max_worker_processes(int(processes)),
            decided.max_parallel_workers(),
            decided.max_connections(),
        ),
        findings=_findings(facts, memory, policy),
    )


def _check(facts: PostgresFacts) -> None:
    if facts.version not in VERSIONS:
        raise UsageError(
            f"PostgreSQL {facts.version} is not known here.", remedy=f"use {VERSIONS[0]} to {VERSIONS[-1]}"
        )
    if facts.memory <= 0:
        raise UsageError("Postgres' memory must be above zero.")
    if not 0 < facts.cpus < math.inf:
        raise UsageError(f"Postgres' CPUs must be above zero, not {facts.cpus:g}.")
    if facts.disk is not None and facts.disk <= 0:
        raise UsageError("Postgres' disk must be above zero.")


class _Wishes:
    """Each wish of the guide and what becomes of it."""

    def __init__(self, facts: PostgresFacts, memory: Memory, policy: Policy, subject: Subject) -> None:
        self.facts, self.memory, self.policy, self.subject = facts, memory, policy, subject
        self.size = figures.memory(facts.memory)

    def decision(self, wish: SettingProposal) -> Decision:
        common = {"memory_bytes": self.facts.memory, "cpus_cores": self.facts.cpus}
        return replace(wish, numbers={**common, **wish.numbers}).decision(self.subject)

    @staticmethod
    def as_guide(larger: bool) -> str:
        """Where a wish comes from."""
        return "of which the guide's is the least" if larger else "as the guide wishes"

    def item(self, path: str) -> str:
        return self.policy.origin(path).item_id or path

    def shared_buffers(self, *, asked: bool) -> Decision:
        memory, rules = self.memory, self.policy.postgres
        wish, share = memory.shared_wish, figures.percent(memory.shared_share)
        larger = rules.shared_buffers_maximum_share
        beyond = f" Overriding X-01 allows {figures.percent(larger)}." if asked and memory.shared_share < larger else ""
        return self.decision(
            SettingProposal(
                resource="shared_buffers",
                item="X-01" if asked else self.item("memory_parts.database.shared_buffers"),
                requested=wish,
                granted=memory.shared_buffers,
                why="Asked for." if asked else f"Postgres' own cache, {self.as_guide(self.memory.larger)}.",
                why_less=f"{figures.memory(wish)} are {figures.percent(wish / self.facts.memory)} of {self.size};"
                f" {share} of {figures.memory(memory.usable)} are granted.{beyond}",
                rule="X-01",
                severity=Severity.BREAKING,
                numbers={"share_ratio": memory.shared_share, "usable_bytes": memory.usable},
            )
        )

    def work_mem(self) -> Decision:
        memory, wish = self.memory, self.policy.memory_parts.database.work_mem
        wish = max(wish, memory.work_mem)
        sorts = memory.sorts * (memory.connections + memory.parallel_workers)
        return self.decision(
            SettingProposal(
                resource="work_mem",
                item=self.item("memory_parts.database.work_mem"),
                requested=wish,
                granted=memory.work_mem,
                why=f"One for each sort of {figures.count(memory.connections, 'connection')}.",
                why_less=f"{sorts} times {figures.memory(wish)}, and {figures.memory(memory.process)} for each process,"
                f" do not fit: all parts together may take {figures.memory(memory.allowed)}.",
                rule="X-02",
                severity=Severity.BREAKING,
                numbers={
                    "allowed_bytes": memory.allowed,
                    "connections": memory.connections,
                    "parallel_workers": memory.parallel_workers,
                    "process_bytes": memory.process,
                },
            )
        )

    def maintenance_work_mem(self) -> Decision:
        wish, divisor = self.policy.memory_parts.database.maintenance_work_mem, self.policy.postgres.maintenance_divisor
        wish = max(wish, self.memory.maintenance_work_mem)
        return self.decision(
            SettingProposal(
                resource="maintenance_work_mem",
                item=self.item("memory_parts.database.maintenance_work_mem"),
                requested=wish,
                granted=self.memory.maintenance_work_mem,
                why="For one vacuum or index build.",
                why_less=f"{figures.memory(wish)} are {figures.percent(wish / self.facts.memory)} of {self.size};"
                f" 1/{divisor} is granted.",
                rule="X-03",
                severity=Severity.BREAKING,
                numbers={"divisor": divisor},
            )
        )

    def autovacuum_work_mem(self) -> Decision:
        memory, workers = self.memory, self.policy.postgres.autovacuum_workers
        return self.decision(
            SettingProposal(
                resource="autovacuum_work_mem",
                item="X-03",
                requested=memory.autovacuum_work_mem,
                granted=memory.autovacuum_work_mem,
                why=f"Stated, because each worker takes maintenance_work_mem by default; {workers} share one.",
                why_less="",
                rule="X-03",
                severity=Severity.INFO,
                numbers={"autovacuum_workers": workers},
            )
        )

    def max_worker_processes(self, granted: int) -> Decision:
        wish, primary = process_wish(self.facts, self.policy), self.facts.primary
        return self.decision(
            SettingProposal(
                resource="max_worker_processes",
                item=self.item("cpu_parts.database.max_worker_processes"),
                requested=wish,
                granted=granted,
                why="Slots only; how many of them work on queries is limited beside it.",
                why_less=f"The primary has {primary.get('max_worker_processes', wish)}, and a standby needs as many.",
                rule="DRV-10",
                severity=Severity.INFO,
                numbers={},
            )
        )

    def max_parallel_workers(self) -> Decision:
        wish = parallel_wish(self.facts, self.policy)
        return self.decision(
            SettingProposal(
                resource="max_parallel_workers",
                item=self.item("cpu_parts.database.max_parallel_workers"),
                requested=wish,
                granted=self.memory.parallel_workers,
                why="Processes that help queries.",
                why_less=f"{wish} on {figures.cores(self.facts.cpus)} would be throttled.",
                rule="X-04",
                severity=Severity.MINOR,
                numbers={},
            )
        )

    def max_connections(self) -> Decision:
        memory, facts = self.memory, self.facts
        asked = facts.connections is not None and facts.connections == memory.wanted_connections
        return self.decision(
            SettingProposal(
                resource="max_connections",
                item="X-13" if asked else self.item("scaling.connections.maximum"),
                requested=memory.wanted_connections,
                granted=memory.connections,
                why="Asked for." if asked else "As the guide wishes, and no fewer than a primary has.",
                why_less=f"{memory.most_connections} fit into {self.size} with"
                f" {figures.memory(self.policy.postgres.work_mem_floor)} of work_mem each; more clients need a pooler.",
                rule="X-02",
                severity=Severity.BREAKING,
                numbers={"most_connections": memory.most_connections, "process_bytes": memory.process},
            )
        )


def _beyond(facts: PostgresFacts, memory: Memory, policy: Policy) -> Iterator[Finding]:
    """What a server larger than the guide's own host gets instead of the guide's figures, and how to choose."""
    host, parts, cpus = reference_hardware(policy), policy.memory_parts.database, policy.cpu_parts.database
    pairs = (
        ("shared_buffers", parts.shared_buffers, memory.shared_buffers, "bytes"),
        ("work_mem", parts.work_mem, memory.work_mem, "bytes"),
        ("maintenance_work_mem", parts.maintenance_work_mem, memory.maintenance_work_mem, "bytes"),
        ("max_worker_processes", cpus.max_worker_processes, process_wish(facts, policy), "processes"),
        ("max_parallel_workers", cpus.max_parallel_workers, memory.parallel_workers, "processes"),
    )
    for name, guide, used, unit in pairs:
        if used <= guide or (unit == "bytes" and not memory.larger):
            continue
        written, by_formula = (figures.memory(one) if unit == "bytes" else str(one) for one in (guide, used))
        yield Finding(
            rule="postgres.larger_hosts",
            severity=Severity.INFO,
            rule_class=RuleClass.PICK,
            subject=name,
            sentence=f"{name} is {written} in the guide, for {figures.memory(host.memory)} and"
            f" {figures.cores(host.cores)}; the formula gives {by_formula} for {figures.memory(facts.memory)} and"
            f" {figures.cores(facts.cpus)}, which is used.",
            numbers={"guide": guide, "formula": used},
            resolution="`postgres.larger_hosts: {stated: guide}` in the policy keeps the guide's figures.",
        )


def _findings(facts: PostgresFacts, memory: Memory, policy: Policy) -> tuple[Finding, ...]:
    found, rules = list(_beyond(facts, memory, policy)), policy.postgres
    soft = policy.limits.soft.database_connections.limit
    if memory.work_mem < min(rules.work_mem_minimum, policy.memory_parts.database.work_mem):
        found.append(
            Finding(
                rule="X-02",
                severity=Severity.MAJOR,
                rule_class=RuleClass.WARN,
                subject="work_mem",
                sentence=f"{figures.count(memory.connections, 'connection')} leave {figures.memory(memory.work_mem)} of"
                f" work_mem each in {figures.memory(facts.memory)}; below {figures.memory(rules.work_mem_minimum)} even"
                " small sorts go to disk.",
                numbers={
                    "connections": memory.connections,
                    "work_mem_bytes": memory.work_mem,
                    "minimum_bytes": rules.work_mem_minimum,
                },
                resolution="Pool the connections, or give the container more memory.",
            )
        )
    if memory.connections > soft:
        found.append(
            Finding(
                rule="X-13",
                severity=Severity.MINOR,
                rule_class=RuleClass.WARN,
                subject="max_connections",
                sentence=f"{memory.connections} connections may be open, and above {soft} they contend.",
                numbers={"connections": memory.connections, "soft_limit_connections": soft},
                resolution="A pooler keeps the server's side within the soft limit.",
            )
        )
    if facts.disk is None:
        found.append(
            Finding(
                rule="postgres.wal_disk_share",
                severity=Severity.INFO,
                rule_class=RuleClass.REPORT,
                subject="max_wal_size",
                sentence="The disk's size is not known, so WAL is not limited by it.",
                resolution="Say how large the disk is.",
            )
        )
    return tuple(found)
