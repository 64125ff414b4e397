"""Tuning the workers: how many tasks and browsers fit, and when a task may be taken for lost (MEM-04 to MEM-06,
CPU-03, CPU-04; X-08, X-26, X-29).

A task drives a browser of its own, so there are as many browsers as tasks at once. Nothing a worker holds may be handed
out again while it still works on it, and a worker that stops finishes what it has begun.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from selextract_infra.assess.postgres.proposal import NOBODY, SettingProposal, Subject
from selextract_infra.assess.workers import worker_capacity
from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model import figures
from selextract_infra.model.assessment import Level
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.model.postgres import Unit
from selextract_infra.model.tuning import BudgetPart, ServiceSetting, ServiceTuning, WorkerFacts

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["PROCESSES", "tune_workers"]

PROCESSES = ("prefork", "processes")
"""Celery's names for a pool of processes, which is its default."""


def tune_workers(facts: WorkerFacts, policy: Policy, *, subject: Subject = NOBODY) -> ServiceTuning:
    """The settings of the workers, with the guide's numbers as wishes.

    Raises UsageError for facts that cannot be, RefusedError where not even one task fits into the memory, and for a
    pool without processes (X-08).
    """
    _check(facts)
    _refuse_other_pool(facts.pool)
    workers = _Workers(facts, policy)
    return ServiceTuning(
        role="worker",
        settings=workers.settings(),
        budget=(
            BudgetPart(name="browsers", each=workers.browser, count=workers.slots),
            BudgetPart(name="tasks", each=workers.task, count=workers.slots),
        ),
        allowed=workers.allowed,
        capacity=workers.capacity,
        decisions=tuple(wish.decision(subject) for wish in workers.wishes()),
        findings=workers.findings(),
    )


def _check(facts: WorkerFacts) -> None:
    if facts.memory <= 0:
        raise UsageError("A worker's memory must be above zero.")
    if not 0 < facts.cpus < math.inf:
        raise UsageError(f"A worker's CPUs must be above zero, not {facts.cpus:g}.")
    if facts.instances is not None and facts.instances < 1:
        raise UsageError("There is at least one worker.")
    for name in ("task_seconds", "longest_task", "stop_grace", "visibility_timeout"):
        value = getattr(facts, name)
        if value is not None and not 0 < value < math.inf:
            raise UsageError(f"{name.replace('_', ' ')} must be above zero, not {value:g} s.")


def _refuse_other_pool(pool: str | None) -> None:
    """Threads and greenlets share one process: the guide's memory of a task and its browser says nothing about them."""
    if pool not in (None, *PROCESSES):
        raise RefusedError(
            f"Its Celery pool is {figures.printable(pool[:60])}, and the guide's sizes are those of a pool of processes"
            " (prefork), so nothing is changed.",
            rule="X-08",
            remedy="set its concurrency by hand; --service tunes another service",
        )


_DEMAND = "baseline.worker.throughput.high"


class _Workers:
    """One kind of worker with what is granted to it."""

    def __init__(self, facts: WorkerFacts, policy: Policy) -> None:
        self.facts, self.policy, self.rules = facts, policy, policy.workers
        self.browser = policy.memory_parts.worker.memory_per_browser
        self.task = policy.memory_parts.worker.task_memory_limit
        self.wish = policy.cpu_parts.worker.concurrency
        self.browsers_wish = policy.memory_parts.worker.browser_instances
        self.allowed = int(facts.memory * policy.sizing.parts_share)
        self.instances = facts.instances or policy.scaling.worker.instances.minimum
        self.usual = facts.task_seconds or policy.baseline.worker.task_duration
        self.longest = facts.longest_task or self.usual * self.rules.longest_factor
        self.by_memory = self.allowed // (self.browser + self.task)
        self.by_cpus = max(1, math.floor(facts.cpus * self.tasks_per_core))
        self.slots = min(self.wish, self.browsers_wish, self.by_memory, self.by_cpus)
        if self.slots < 1:
            self.refuse_empty()
        self.capacity = worker_capacity(
            self.instances,
            self.slots,
            self.usual,
            demand=policy.baseline.worker.throughput.high if policy.holds(_DEMAND) else None,
            headroom=policy.sizing.headroom,
        )
        self.prefetch = self.calm_prefetch()
        self.grace = math.ceil(max(facts.stop_grace or 0, self.longest * (1 + self.rules.grace_margin)))
        self.least_visibility = math.ceil(self.prefetch * self.longest + self.grace)
        visibility = facts.visibility_timeout or self.rules.visibility_timeout
        self.visibility = math.ceil(max(visibility, self.least_visibility))

    @property
    def tasks_per_core(self) -> float:
        """How many tasks the guide runs on one core of its own worker."""
        return self.wish / self.policy.containers["worker"].cpus

    def refuse_empty(self) -> None:
        needed = self.memory_for(1)
        raise RefusedError(
            f"One task with its browser needs {figures.memory(self.browser + self.task)}, and"
            f" {figures.memory(self.facts.memory)} leave {figures.memory(self.allowed)} for them (X-08).",
            rule="X-08",
            remedy=f"give the worker {figures.memory(needed)} or more",
        )

    def memory_for(self, slots: int) -> int:
        """The smallest limit that holds so many tasks with their browsers, in whole steps of limits."""
        step = self.policy.sizing.limit_step
        return math.ceil(slots * (self.browser + self.task) / self.policy.sizing.parts_share / step) * step

    def calm_prefetch(self) -> int:
        """The most that may be taken in advance without hiding the queue from the scaling thresholds (X-29)."""
        scaling, wish = self.policy.scaling.worker, self.policy.cpu_parts.worker.prefetch_multiplier
        fewest = self.slots * scaling.instances.minimum
        most = self.slots * scaling.instances.maximum
        limit = min(scaling.scale_down.threshold // fewest, scaling.scale_up.threshold // most)
        return max(1, min(wish, int(limit)))

    def settings(self) -> tuple[ServiceSetting, ...]:
        seconds = Unit.SECONDS
        return (
            ServiceSetting(name="concurrency", value=self.slots, rule="X-08", why="tasks at once"),
            ServiceSetting(name="browser_instances", value=self.slots, rule="X-08", why="one for each task"),
            ServiceSetting(name="prefetch_multiplier", value=self.prefetch, rule="X-29", why="taken in advance"),
            ServiceSetting(
                name="max_memory_per_child",
                value=self.task,
                unit=Unit.BYTES,
                rule=self.item("memory_parts.worker.task_memory_limit"),
                why="a process that used more is replaced after its task",
            ),
            ServiceSetting(
                name="stop_grace_period",
                value=self.grace,
                unit=seconds,
                rule="workers.grace_margin",
                why="the longest task ends before the worker is killed",
            ),
            ServiceSetting(
                name="visibility_timeout",
                value=self.visibility,
                unit=seconds,
                rule="workers.visibility_timeout",
                why="no task is handed out again while a worker holds it",
            ),
        )

    def wishes(self) -> tuple[SettingProposal, ...]:
        sizes = {
            "memory_bytes": self.facts.memory,
            "allowed_bytes": self.allowed,
            "browser_bytes": self.browser,
            "task_bytes": self.task,
        }
        return (
            SettingProposal(
                resource="concurrency",
                item=self.item("cpu_parts.worker.concurrency"),
                requested=self.wish,
                granted=self.slots,
                why="Tasks that a worker runs at once.",
                rule=self.limiting_rule,
                why_less=self.why_fewer(),
                severity=Severity.BREAKING,
                numbers=sizes,
            ),
            SettingProposal(
                resource="browser_instances",
                item=self.item("memory_parts.worker.browser_instances"),
                requested=self.browsers_wish,
                granted=self.slots,
                why="A task drives a browser of its own.",
                rule=self.limiting_rule,
                why_less=self.why_fewer(),
                severity=Severity.BREAKING,
                numbers=sizes,
            ),
            self.prefetch_wish(),
            self.grace_wish(),
            self.visibility_wish(),
        )

    @property
    def limited_by_wish(self) -> bool:
        """Whether memory and cores would bear more than the smaller of both wishes, which then says how many."""
        return self.slots < min(self.by_memory, self.by_cpus)

    @property
    def limiting_rule(self) -> str:
        if self.limited_by_wish and self.browsers_wish < self.wish:
            return self.item("memory_parts.worker.browser_instances")
        if self.limited_by_wish or self.by_cpus < self.by_memory:
            return self.item("cpu_parts.worker.concurrency")
        return "X-08"

    def why_fewer(self) -> str:
        wished = max(self.wish, self.browsers_wish)
        if self.limited_by_wish and self.browsers_wish < self.wish:
            return f"A worker opens {figures.count(self.browsers_wish, 'browser')} at most, and each task has its own."
        if self.limited_by_wish:
            return f"A worker runs {figures.count(self.wish, 'task')} at once at most, and each has one browser."
        if self.by_memory <= self.by_cpus:
            total, share = wished * (self.browser + self.task), self.policy.sizing.parts_share
            return (
                f"{wished} browsers and {wished} tasks are {figures.memory(total)},"
                f" {figures.percent(total / self.facts.memory)} of {figures.memory(self.facts.memory)}, and"
                f" {figures.percent(share)} may be used; {wished} need {figures.memory(self.memory_for(wished))}."
            )
        return f"{figures.cores(self.facts.cpus)} carry {self.by_cpus} at the guide's {self.tasks_per_core:g} a core."

    def prefetch_wish(self) -> SettingProposal:
        wish, scaling = self.policy.cpu_parts.worker.prefetch_multiplier, self.policy.scaling.worker
        held = self.slots * wish * scaling.instances.minimum
        return SettingProposal(
            resource="prefetch_multiplier",
            item=self.item("cpu_parts.worker.prefetch_multiplier"),
            requested=wish,
            granted=self.prefetch,
            why="Tasks taken in advance for each that runs.",
            rule="X-29",
            why_less=f"{scaling.instances.minimum} workers would hold {held} tasks where"
            f" {scaling.scale_down.threshold:g} pending ones scale them down.",
            severity=Severity.MAJOR,
            numbers={"held_tasks": held, "threshold_tasks": scaling.scale_down.threshold},
        )

    def grace_wish(self) -> SettingProposal:
        now = self.facts.stop_grace
        return SettingProposal(
            resource="stop_grace_period",
            item="workers.grace_margin",
            requested=now or self.grace,
            granted=self.grace,
            current=now,
            why=f"The longest task takes {self.longest:g} s, and"
            f" {figures.percent(self.rules.grace_margin)} more are kept.",
            rule="workers.grace_margin",
            why_less="A worker would be killed while it works.",
            severity=Severity.BREAKING,
            numbers={"longest_task_seconds": self.longest},
        )

    def visibility_wish(self) -> SettingProposal:
        now = self.facts.visibility_timeout
        return SettingProposal(
            resource="visibility_timeout",
            item="workers.visibility_timeout",
            requested=now or self.visibility,
            granted=self.visibility,
            current=now,
            why=f"A worker may hold a task for {self.least_visibility} s: {self.prefetch} x {self.longest:g} s, and"
            f" {self.grace} s to stop.",
            rule="workers.visibility_timeout",
            why_less="The broker would hand tasks out a second time while the first worker still holds them.",
            severity=Severity.BREAKING,
            numbers={"least_seconds": self.least_visibility, "longest_task_seconds": self.longest},
        )

    def findings(self) -> tuple[Finding, ...]:
        findings = [self.hidden_queue()]
        if self.capacity.level is Level.CRITICAL:
            findings.append(self.too_slow())
        if self.facts.longest_task is None:
            factor = self.rules.longest_factor
            findings.append(
                Finding(
                    rule="workers.longest_factor",
                    severity=Severity.INFO,
                    rule_class=RuleClass.PICK,
                    subject="longest task",
                    sentence=f"Nobody said how long the longest task takes; {self.longest:g} s are assumed,"
                    f" {factor:g} times the usual {self.usual:g} s.",
                    numbers={"longest_task_seconds": self.longest, "usual_task_seconds": self.usual},
                    resolution="Say how long the longest task takes.",
                )
            )
        return tuple(findings)

    def too_slow(self) -> Finding:
        """X-26: with so few slots the queue grows."""
        wished = max(self.wish, self.browsers_wish)
        return Finding(
            rule="X-26",
            severity=Severity.MAJOR,
            rule_class=RuleClass.WARN,
            subject="concurrency",
            sentence=f"{self.capacity.sentence}.",
            numbers={
                "capacity_per_hour": self.capacity.capacity,
                "demand_per_hour": self.capacity.demand or 0.0,
                "instances_needed": self.capacity.instances_needed or 0,
            },
            resolution=f"Run {self.capacity.instances_needed} workers, or give each"
            f" {figures.memory(self.memory_for(wished))} for {wished} tasks.",
        )

    def hidden_queue(self) -> Finding:
        """X-29, with what the guide's numbers would hide beside what is granted."""
        scaling, wish = self.policy.scaling.worker, self.policy.cpu_parts.worker.prefetch_multiplier
        guide = self.wish * wish
        fewest, most = scaling.instances.minimum, scaling.instances.maximum
        down, up = scaling.scale_down.threshold, scaling.scale_up.threshold
        held = self.slots * self.prefetch
        hides = held * fewest > down or held * most > up
        return Finding(
            rule="X-29",
            severity=Severity.MAJOR if hides else Severity.INFO,
            rule_class=RuleClass.PICK,
            subject="prefetch_multiplier",
            sentence=f"The guide's {self.wish} x {wish} are {guide} tasks taken in advance by each worker:"
            f" {guide * fewest} with {fewest} workers, {guide * most} with {most}, against thresholds of {down:g} and"
            f" {up:g}. Granted are {self.slots} x {self.prefetch}: {held * fewest} and {held * most}.",
            numbers={
                "guide_tasks_per_worker": guide,
                "guide_tasks_fewest": guide * fewest,
                "guide_tasks_most": guide * most,
                "tasks_per_worker": held,
                "tasks_fewest": held * fewest,
                "tasks_most": held * most,
            },
            resolution="Count queued and reserved tasks as pending, and let a worker finish before it is removed.",
        )

    def item(self, path: str) -> str:
        return self.policy.origin(path).item_id or path
