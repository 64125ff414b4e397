"""Tunings and connection plans: what is set, what was not granted and why, what it adds up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from selextract_infra.model.figures import cores, latency, memory
from selextract_infra.model.postgres import Unit
from selextract_infra.model.postgres_conf import conf_value
from selextract_infra.report.plan import findings_table
from selextract_infra.report.table import Block, Line, Table, Tone, number, prose, table

if TYPE_CHECKING:
    from selextract_infra.model.decision import Decision
    from selextract_infra.model.tuning import BudgetPart, ConnectionPlan, PostgresTuning, ServiceSetting, ServiceTuning

__all__ = ["show_connection_plan", "show_postgres_tuning", "show_service_tuning"]


def show_postgres_tuning(tuning: PostgresTuning) -> Iterator[Block]:
    """The settings of a server with when they take effect; what was not granted; the memory they add up to."""
    facts = tuning.facts
    yield Line(
        f"PostgreSQL {facts.version}, {facts.role}, {facts.effective_workload} on {facts.storage}:"
        f" {memory(facts.memory)}, {cores(facts.cpus)}",
        Tone.STRONG,
    )
    rows = (
        (
            setting.name,
            conf_value(setting),
            "restart" if setting.context.restart else "reload",
            _because(setting.rule, setting.why),
        )
        for setting in tuning.settings
    )
    yield table(("setting", number("value"), "takes", prose("why")), rows)
    yield from _not_granted(tuning.decisions)
    yield from _budget(tuning.budget, tuning.total, tuning.allowed)
    yield Line(f"The container's shm_size: {memory(tuning.shm_size)} or more.")
    if tuning.findings:
        yield findings_table(tuning.findings)


def show_service_tuning(tunings: Iterable[ServiceTuning]) -> Iterator[Block]:
    """The settings of each service, what was not granted, the memory they add up to, and what the workers can do."""
    for tuning in tunings:
        yield Line(tuning.role, Tone.STRONG)
        yield table(
            ("setting", number("value"), prose("why")),
            ((setting.name, _value(setting), _because(setting.rule, setting.why)) for setting in tuning.settings),
        )
        yield from _not_granted(tuning.decisions)
        yield from _budget(tuning.budget, tuning.total, tuning.allowed)
        if tuning.capacity is not None:
            yield Line(f"{tuning.capacity.sentence}.")
        if tuning.findings:
            yield findings_table(tuning.findings)


def show_connection_plan(plan: ConnectionPlan) -> Iterator[Block]:
    """The arithmetic line by line, then whether it fits."""
    budgets = [("at rest", plan.at_rest), ("a pool for each process", plan.per_process)]
    if plan.surge:
        budgets.insert(1, ("while rolling", plan.rolling))
    yield table(
        ("connections", *map(number, ("API", "workers", "reserved", "sum", "of"))),
        (
            (
                name,
                *map("{:,}".format, (budget.api, budget.workers, budget.reserved, budget.wanted, budget.maximum)),
            )
            for name, budget in budgets
        ),
    )
    yield Line(f"{plan.sentence}.")
    if plan.pools is not None:
        sizes = plan.pools.model_dump(exclude={"server_connections"})
        yield table(("the pooler's setting", number("value")), ((name, str(size)) for name, size in sizes.items()))
    verdict = "fits" if plan.fits else "does not fit"
    tone = Tone.STRONG if plan.fits else Tone.WORST
    yield Line(f"{plan.pooling}: {plan.opened} opened, {plan.available} available: {verdict}.", tone)
    if plan.findings:
        yield findings_table(plan.findings)


def _because(rule: str, why: str) -> str:
    """The reason with the rule's ID, where it has one."""
    return f"{why} ({rule})" if rule.partition("-")[0].isupper() else why


def _value(setting: ServiceSetting) -> str:
    if setting.unit is Unit.BYTES:
        return memory(float(setting.value))
    return latency(float(setting.value)) if setting.unit is Unit.SECONDS else str(setting.value)


def _not_granted(decisions: Iterable[Decision]) -> Iterator[Line]:
    for decision in decisions:
        if decision.why_less is not None:
            yield Line(f"{decision.rule} {decision.resource}: {decision.why_less}")


def _budget(parts: Sequence[BudgetPart], total: int, allowed: int) -> Iterator[Table | Line]:
    yield table(
        ("memory", number("each"), number("count"), number("sum")),
        ((part.name, memory(part.each), str(part.count), memory(part.bytes)) for part in parts),
        foot=("all", "", "", memory(total)),
    )
    yield Line(f"Together {memory(total)} of {memory(allowed)} that may be used.")
