"""Tuning the API: its processes, the parts of its memory, and how often a process is replaced (MEM-01 to MEM-03,
CPU-01, CPU-02; X-05, X-07, X-18).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from selextract_infra.assess.postgres.proposal import NOBODY, SettingProposal, Subject
from selextract_infra.errors import UsageError
from selextract_infra.model import figures
from selextract_infra.model.figures import MB
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.postgres import Unit
from selextract_infra.model.tuning import ApiFacts, BudgetPart, ServiceSetting, ServiceTuning

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["tune_api"]


def tune_api(facts: ApiFacts, policy: Policy, *, subject: Subject = NOBODY) -> ServiceTuning:
    """The settings of the API, with the guide's numbers as wishes; raises UsageError for facts that cannot be."""
    _check(facts)
    api = _Api(facts, policy)
    return ServiceTuning(
        role="api",
        settings=api.settings(),
        budget=tuple(BudgetPart(name=name, each=size) for name, size in api.parts.items()),
        allowed=api.allowed,
        decisions=tuple(wish.decision(subject) for wish in api.wishes()),
        findings=api.findings(),
    )


def _check(facts: ApiFacts) -> None:
    if facts.memory < MB:
        raise UsageError("The API's memory must be 1 MB or more.")
    if not 0 < facts.cpus < math.inf:
        raise UsageError(f"The API's CPUs must be above zero, not {facts.cpus:g}.")
    if facts.instances is not None and facts.instances < 1:
        raise UsageError("There is at least one instance of the API.")
    rate = facts.requests_per_second
    if rate is not None and not 0 <= rate < math.inf:
        raise UsageError(f"A rate of requests cannot be {rate:g}.")
    if facts.runtime not in (None, "python", "jvm"):
        raise UsageError(f'"{facts.runtime}" is no runtime.', remedy="python or jvm")


class _Api:
    """One kind of API instance with what is granted to it."""

    def __init__(self, facts: ApiFacts, policy: Policy) -> None:
        self.facts, self.policy = facts, policy
        parts, share = policy.memory_parts.api, policy.sizing.parts_share
        self.wished = {"heap": parts.jvm_heap, "connection_pool": parts.connection_pool, "cache": parts.cache}
        self.total = sum(self.wished.values())
        self.allowed = int(facts.memory * share)
        scale = min(1.0, self.allowed / self.total)
        self.parts = {
            name: size if scale == 1 else math.floor(size * scale / MB) * MB for name, size in self.wished.items()
        }
        self.processes_wish = policy.cpu_parts.api.worker_processes
        self.per_core = self.processes_wish / policy.containers["api"].cpus
        self.processes = min(self.processes_wish, max(1, math.floor(facts.cpus * self.per_core)))
        self.requests = policy.cpu_parts.api.max_requests_per_worker
        self.jitter = max(1, round(self.requests * policy.workers.jitter))
        self.instances = facts.instances or policy.scaling.api.instances.minimum
        known = facts.requests_per_second
        assumed = policy.baseline.api.throughput.high if policy.holds("baseline.api.throughput.high") else None
        self.rate = assumed if known is None else known

    def settings(self) -> tuple[ServiceSetting, ...]:
        settings = [
            ServiceSetting(
                name="worker_processes",
                value=self.processes,
                rule=self.item("cpu_parts.api.worker_processes"),
                why=f"the guide's {self.per_core:g} a core",
            ),
            ServiceSetting(
                name="max_requests",
                value=self.requests,
                rule=self.item("cpu_parts.api.max_requests_per_worker"),
                why="a process is replaced after so many",
            ),
            ServiceSetting(
                name="max_requests_jitter", value=self.jitter, rule="X-18", why="so that not all are replaced at once"
            ),
        ]
        settings += [
            ServiceSetting(name=name, value=size, unit=Unit.BYTES, rule="X-05", why="its part of the memory")
            for name, size in self.parts.items()
        ]
        if self.facts.runtime == "jvm":
            heap = f"-Xmx{self.parts['heap'] // MB}m"
            settings.append(ServiceSetting(name="java_options", value=heap, rule="X-07", why="the runtime is a JVM"))
        return tuple(settings)

    def wishes(self) -> tuple[SettingProposal, ...]:
        step = self.policy.sizing.limit_step
        right = math.ceil(self.total / self.policy.sizing.parts_share / step) * step
        return (
            SettingProposal(
                resource="worker_processes",
                item=self.item("cpu_parts.api.worker_processes"),
                requested=self.processes_wish,
                granted=self.processes,
                why="Processes of one instance.",
                rule=self.item("cpu_parts.api.worker_processes"),
                why_less=f"{figures.cores(self.facts.cpus)} carry {self.processes}"
                f" at the guide's {self.per_core:g} a core.",
                severity=Severity.MINOR,
                numbers={"cpus_cores": self.facts.cpus},
            ),
            SettingProposal(
                resource="memory_parts",
                item=self.item("memory_parts"),
                requested=self.total,
                granted=sum(self.parts.values()),
                why="Heap, connection pool and cache together.",
                rule="X-05",
                why_less=f"{figures.memory(self.total)} are {figures.percent(self.total / self.facts.memory)} of"
                f" {figures.memory(self.facts.memory)}; all are scaled to"
                f" {figures.percent(self.policy.sizing.parts_share)} of it. {figures.memory(right)} would hold them.",
                severity=Severity.BREAKING,
                numbers={
                    "memory_bytes": self.facts.memory,
                    "allowed_bytes": self.allowed,
                    "limit_that_holds_bytes": right,
                    "missing_bytes": max(0, self.total - self.facts.memory),
                },
            ),
        )

    def findings(self) -> tuple[Finding, ...]:
        findings, heap = [], self.parts["heap"]
        recycling = self.recycling()
        if recycling is not None:
            findings.append(recycling)
        if self.facts.runtime is None:
            findings.append(
                Finding(
                    rule="X-07",
                    severity=Severity.MINOR,
                    rule_class=RuleClass.PICK,
                    subject="jvm_heap",
                    sentence=f"The guide speaks of a JVM's heap in a Python stack; {figures.memory(heap)} are taken as"
                    f" the budget of all processes, {figures.memory(heap / self.processes)} for each of"
                    f" {self.processes}.",
                    numbers={
                        "heap_bytes": heap,
                        "processes": self.processes,
                        "guide_bytes_per_process": self.wished["heap"] / self.processes_wish,
                    },
                    resolution="Say which runtime it is in the application mapping; a JVM then gets its -Xmx.",
                )
            )
        return tuple(findings)

    def recycling(self) -> Finding | None:
        """X-18: how often a process is replaced at this rate of requests."""
        if not self.rate:
            return None
        running, least = self.processes * self.instances, self.policy.workers.minimum_recycle
        interval = self.requests * running / self.rate
        if interval >= least:
            return None
        enough = math.ceil(least * self.rate / running)
        of = figures.count(self.instances, "instance")
        return Finding(
            rule="X-18",
            severity=Severity.MAJOR,
            rule_class=RuleClass.WARN,
            subject="max_requests",
            sentence=f"At {self.rate:g} requests/s each of {self.processes} processes of {of} is replaced every"
            f" {interval:.1f} s, {running / interval:.2g} times a second in all; less than {least:g} s costs more than"
            f" it gains. {enough:,} requests would do.",
            numbers={
                "interval_seconds": interval,
                "replacements_per_second": running / interval,
                "requests_per_second_per_process": self.rate / running,
                "least_seconds": least,
                "max_requests_enough": enough,
            },
            resolution=f"Raise max_requests to {enough:,}, or give the API more instances.",
        )

    def item(self, path: str) -> str:
        return self.policy.origin(path).item_id or path
