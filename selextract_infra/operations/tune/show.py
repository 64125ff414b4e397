"""Tunings and connection plans on a terminal: what is set, what was not granted and why, what it adds up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from selextract_infra.model import figures
from selextract_infra.model.postgres import Unit
from selextract_infra.model.postgres_conf import conf_value
from selextract_infra.model.tuning import BudgetPart, ConnectionPlan, PostgresTuning, ServiceSetting, ServiceTuning

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from selextract_infra.model.decision import Decision
    from selextract_infra.model.finding import Finding

__all__ = ["print_connection_plan", "print_postgres_tuning", "print_service_tuning"]


def print_postgres_tuning(screen: Console, tuning: PostgresTuning) -> None:
    """The settings of a server with when they take effect; wishes that were not granted; the memory they add up to."""
    facts = tuning.facts
    screen.print(
        f"PostgreSQL {facts.version}, {facts.role}, {facts.effective_workload} on {facts.storage}:"
        f" {figures.memory(facts.memory)}, {figures.cores(facts.cpus)}",
        style="bold",
    )
    table = _table("setting", "value", "takes", "why")
    for setting in tuning.settings:
        effect = "restart" if setting.context.restart else "reload"
        table.add_row(setting.name, conf_value(setting), effect, _because(setting.rule, setting.why))
    screen.print(table)
    _not_granted(screen, tuning.decisions)
    _budget(screen, tuning.budget, tuning.total, tuning.allowed)
    screen.print(f"The container's shm_size: {figures.memory(tuning.shm_size)} or more.")
    _findings(screen, tuning.findings)


def print_service_tuning(screen: Console, tunings: Sequence[ServiceTuning]) -> None:
    """The settings of each service, what was not granted, the memory they add up to, and what the workers can do."""
    for tuning in tunings:
        screen.print(tuning.role, style="bold")
        table = _table("setting", "value", "why")
        for setting in tuning.settings:
            table.add_row(setting.name, _value(setting), _because(setting.rule, setting.why))
        screen.print(table)
        _not_granted(screen, tuning.decisions)
        _budget(screen, tuning.budget, tuning.total, tuning.allowed)
        if tuning.capacity is not None:
            screen.print(f"{tuning.capacity.sentence}.", soft_wrap=True)
        _findings(screen, tuning.findings)


def print_connection_plan(screen: Console, plan: ConnectionPlan) -> None:
    """The arithmetic line by line, then whether it fits."""
    table = _table("connections", "API", "workers", "reserved", "sum", "of")
    rows = [("at rest", plan.at_rest), ("while rolling", plan.rolling), ("a pool for each process", plan.per_process)]
    for name, budget in rows:
        if name == "while rolling" and not plan.surge:
            continue
        sums = (budget.api, budget.workers, budget.reserved, budget.wanted, budget.maximum)
        table.add_row(name, *(f"{each:,}" for each in sums))
    screen.print(table)
    screen.print(f"{plan.sentence}.", soft_wrap=True)
    if plan.pools is not None:
        sizes = _table("the pooler's setting", "value")
        for name, size in plan.pools.model_dump(exclude={"server_connections"}).items():
            sizes.add_row(name, str(size))
        screen.print(sizes)
    verdict = "fits" if plan.fits else "does not fit"
    screen.print(f"{plan.pooling}: {plan.opened} opened, {plan.available} available: {verdict}.", style="bold")
    _findings(screen, plan.findings)


def _table(*headings: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=heading != "why")
    return table


def _because(rule: str, why: str) -> str:
    """The reason with the rule's ID, where it has one."""
    return f"{why} ({rule})" if rule.partition("-")[0].isupper() else why


def _value(setting: ServiceSetting) -> str:
    if setting.unit is Unit.BYTES:
        return figures.memory(float(setting.value))
    return f"{setting.value} s" if setting.unit is Unit.SECONDS else str(setting.value)


def _not_granted(screen: Console, decisions: Iterable[Decision]) -> None:
    for decision in decisions:
        if decision.why_less is not None:
            screen.print(f"{decision.rule} {decision.resource}: {decision.why_less}", soft_wrap=True)


def _budget(screen: Console, parts: Sequence[BudgetPart], total: int, allowed: int) -> None:
    table = _table("memory", "each", "count", "sum")
    for part in parts:
        table.add_row(part.name, figures.memory(part.each), str(part.count), figures.memory(part.bytes))
    table.add_row("all", "", "", figures.memory(total))
    screen.print(table)
    screen.print(f"Together {figures.memory(total)} of {figures.memory(allowed)} that may be used.")


def _findings(screen: Console, findings: Iterable[Finding]) -> None:
    for finding in findings:
        screen.print(f"{finding.severity}: {finding.rule} {finding.sentence} {finding.resolution}", soft_wrap=True)
