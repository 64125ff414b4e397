"""Growth: what a scenario asks for, against the host, its upgrades and the planned capacity (GRO, REQ).

Requirements are minima and nothing is ever shrunk (X-54); what no phase reaches is said (X-53).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from selextract_infra.assess.hardware import (
    RESOURCES,
    after_phase,
    monthly_cost,
    phase_id,
    reference_hardware,
)
from selextract_infra.errors import UsageError
from selextract_infra.model.figures import amount
from selextract_infra.model.planning import Demand, GrowthReport, Hardware, Requirement
from selextract_infra.policy import Policy
from selextract_infra.policy.schema.investment import PlannedTerm
from selextract_infra.policy.schema.planning import Scenario

__all__ = [
    "LOADS",
    "YEAR",
    "PlanShare",
    "grow",
    "planned_capacity",
    "plans_end",
    "projected",
    "required_hardware",
    "share_of_plan",
    "within_reach",
]

YEAR = 12
"""Months after which a scenario's growth is complete."""

LOADS = {
    "users": ("users", "concurrent_users", "users"),
    "API requests": ("per second", "api_requests", "api_requests"),
    "tasks": ("per hour", "tasks", "tasks"),
    "data": ("bytes", "data_storage", "data"),
}
"""Each load that grows: its unit, its name among the KPIs, and its name in plans and scenarios."""

_NEEDS = {"cpu": "cpus", "memory": "memory", "storage": "storage", "network": "network"}


@dataclass(frozen=True, slots=True)
class PlanShare:
    """A demand beside what is planned (None for stored data): the share it takes, and what it needs with headroom."""

    planned: float | None
    utilisation: float | None
    needed: float


def projected(today: float, growth: float, month: float = YEAR) -> float:
    """Demand after so many months when it grows by ``growth`` a year, evenly (GRO-00): 1,000 + 120 % are 2,200."""
    return float(Fraction(str(today)) * (1 + Fraction(str(growth)) * Fraction(str(month)) / YEAR))


def planned_capacity(policy: Policy, load: str, month: float) -> float | None:
    """Capacity that the plans promise for a month, interpolated between their ends (LTP-08); None for stored data.

    Raises UsageError for a month outside the plans.
    """
    _, kpi, name = LOADS[load]
    if load == "data":
        return None
    terms = _terms(policy)
    points = [(0.0, float(getattr(policy.kpis, kpi).current))]
    points += [(float(term.horizon.end), float(getattr(term.gain, name).after)) for term in terms]
    points.sort()
    if not 0 <= month <= points[-1][0]:
        raise UsageError(f"The plans end with month {points[-1][0]:.0f}; there is no month {month:g}.")
    for (start, low), (end, high) in pairwise(points):
        if start <= month <= end:
            return high if end == start else low + (high - low) * (month - start) / (end - start)
    return points[-1][1]


def plans_end(policy: Policy) -> int:
    """The last month for which the plans promise a capacity."""
    return max(term.horizon.end for term in _terms(policy))


def _terms(policy: Policy) -> tuple[PlannedTerm, ...]:
    return policy.planning.short_term, policy.planning.medium_term, policy.planning.long_term


def share_of_plan(policy: Policy, load: str, demand: float, month: float) -> PlanShare:
    """A demand against the capacity planned for a month (X-56). Raises UsageError for a month outside the plans."""
    planned = planned_capacity(policy, load, month)
    return PlanShare(planned, demand / planned if planned else None, demand / policy.sizing.utilisation)


def grow(policy: Policy, scenario: str, *, host: Hardware | None = None, month: int = YEAR) -> GrowthReport:
    """A scenario against a host (by default the Policy's) after so many months.

    Demand is projected to that month; what the host needs is what the guide states for the first year. Raises
    UsageError for an unknown scenario or a month outside the plans.
    """
    chosen = policy.growth.scenarios.get(scenario)
    if chosen is None:
        raise UsageError(
            f"There is no growth scenario {scenario[:40]!r}.", remedy=f"there are {', '.join(policy.growth.scenarios)}"
        )
    last = policy.planning.long_term.horizon.end
    if not 0 <= month <= last:
        raise UsageError(f"Growth is projected for 0 to {last} months, not for {month}.")
    present = host or reference_hardware(policy)
    requirements = tuple(_requirements(policy, scenario, chosen, present, month))
    phases = tuple(row.phase for row in requirements if row.phase is not None)
    after = present
    for name in RESOURCES:
        if phase_id(name, policy) in phases:
            after = after_phase(after, name, policy)
    return GrowthReport(
        scenario=scenario,
        month=month,
        host=present,
        demands=tuple(_demands(policy, scenario, chosen, month)),
        requirements=requirements,
        phases=phases,
        reachable=all(row.reachable for row in requirements),
        cost_now=monthly_cost(present, policy),
        cost_required=monthly_cost(required_hardware(chosen, present), policy),
        cost_after_phases=monthly_cost(after, policy),
    )


def required_hardware(scenario: Scenario, present: Hardware) -> Hardware:
    """What a scenario needs, and at least what is there (X-54)."""
    needs = scenario.needs
    return Hardware(
        cores=max(present.cores, needs.cpus.amount),
        memory=max(present.memory, needs.memory.amount),
        storage=max(present.storage, needs.storage.amount),
        network=max(present.network, needs.network.amount),
    )


def _demands(policy: Policy, name: str, scenario: Scenario, month: int) -> Iterator[Demand]:
    for load, (unit, kpi, field) in LOADS.items():
        growth = getattr(scenario, field).growth
        today = float(getattr(policy.kpis, kpi).current)
        then = projected(today, growth, month)
        share = share_of_plan(policy, load, then, month)
        planned, needed = share.planned, share.needed
        yield Demand(
            metric=load,
            unit=unit,
            item=policy.origin(f"growth.scenarios.{name}.{field}").item_id or "",
            today=today,
            growth=growth * month / YEAR,
            projected=then,
            planned=planned,
            utilisation=share.utilisation,
            needed=needed,
            short=max(0.0, then - planned) if planned is not None else 0.0,
            headroom_kept=needed <= planned if planned is not None else None,
        )


def _requirements(policy: Policy, name: str, scenario: Scenario, host: Hardware, month: int) -> Iterator[Requirement]:
    for resource, (field, unit) in RESOURCES.items():
        required = float(getattr(scenario.needs, _NEEDS[resource]).amount)
        present = float(getattr(host, field))
        item = policy.origin(f"growth.scenarios.{name}.needs.{_NEEDS[resource]}").item_id or ""
        if required <= present:
            sentence = f"{amount(present, unit)} are there, {amount(required, unit)} are needed"
            yield Requirement(
                resource=resource, unit=unit, item=item, required=required, present=present, missing=0.0,
                after=present, sentence=sentence,
            )  # fmt: skip
        else:
            yield _gap(policy, resource, unit, item, required, present, month)


def _gap(
    policy: Policy, resource: str, unit: str, item: str, required: float, present: float, month: int
) -> Requirement:
    phase = getattr(policy.vertical.phases, resource)
    name, target = phase_id(resource, policy), float(phase.size.after)
    enough = target >= required
    missing = f"{amount(required - present, unit)} are missing"
    if not enough:
        sentence = f"{missing}; {name} ends at {amount(max(present, target), unit)}, so another host is needed"
    elif not within_reach(policy, resource, required, present, month):
        sentence = f"{missing}; {name} brings them, but not before month {phase.window.start}"
    elif target > required:
        sentence = f"{missing}; {name} brings {amount(target, unit)}, there is no smaller step"
    else:
        sentence = f"{missing}; {name} brings them"
    helps = target > present
    return Requirement(
        resource=resource,
        unit=unit,
        item=item,
        required=required,
        present=present,
        missing=required - present,
        phase=name if helps else None,
        after=max(present, target),
        reachable=within_reach(policy, resource, required, present, month),
        sentence=sentence,
    )


def within_reach(policy: Policy, resource: str, required: float, present: float, month: float) -> bool:
    """Whether there is enough of a resource, or its vertical phase brings it and may begin by that month (X-53)."""
    phase = getattr(policy.vertical.phases, resource)
    return bool(required <= present or (phase.size.after >= required and phase.window.start <= month))
