"""What a plan changes in the long run: the monthly bill, and the day on which a growing resource is used up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from selextract_infra.assess.hardware import RESOURCES, monthly_cost, phase_id
from selextract_infra.errors import UsageError
from selextract_infra.model.decision import Decision
from selextract_infra.model.figures import amount, dollars
from selextract_infra.model.plan import CostChange
from selextract_infra.model.planning import ExhaustionChange, Hardware
from selextract_infra.planning.exhaustion import days_left, days_text, exact
from selextract_infra.policy import Policy
from selextract_infra.policy.units import BANDWIDTH, CORES, DISK, MEMORY, Quantity

__all__ = ["Growing", "exhaustion_change", "host_changes", "plan_changes", "read_growing", "upgrade_cost"]

_QUANTITIES: Mapping[str, tuple[Quantity, str]] = {
    "cores": (CORES, "cores"),
    "cpu": (CORES, "cores"),
    "cpus": (CORES, "cores"),
    "memory": (MEMORY, "bytes of RAM"),
    "storage": (DISK, "bytes"),
    "network": (BANDWIDTH, "bits per second"),
}

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Growing:
    """What is used of a resource today and what is added each week, in the resource's base unit."""

    name: str
    unit: str
    current: float
    weekly: float


def read_growing(text: str) -> Growing:
    """Read ``storage=700GB+20GB`` or ``app1/api memory=900MB+50MB``: what is used, and what each week adds.

    Raises UsageError with the accepted form, UnitError for a quantity that cannot be read.
    """
    name, equals, amounts = text.partition("=")
    current, plus, weekly = amounts.partition("+")
    resource = name.strip().rpartition(" ")[2]
    if not (equals and plus) or resource not in _QUANTITIES:
        raise UsageError(
            f"{text[:60]!r} is not a growing resource.",
            remedy=f"write storage=700GB+20GB; resources are {', '.join(_QUANTITIES)}",
        )
    quantity, unit = _QUANTITIES[resource]
    return Growing(name.strip(), unit, float(quantity.parse(current.strip())), float(quantity.parse(weekly.strip())))


def exhaustion_change(growing: Growing, before: float, after: float) -> ExhaustionChange:
    """When the resource is used up at an even growth, with the capacity ``before`` and ``after`` (PRE-01, X-20)."""
    current, weekly = exact(growing.current, growing.name), exact(growing.weekly, growing.name)
    first = days_left(current, weekly, exact(before, growing.name))
    second = days_left(current, weekly, exact(after, growing.name))
    return ExhaustionChange(
        resource=growing.name,
        unit=growing.unit,
        before=before,
        after=after,
        days_before=None if first is None else float(first),
        days_after=None if second is None else float(second),
        sentence=(
            f"{growing.name} from {amount(before, growing.unit)} to {amount(after, growing.unit)}: used up "
            f"{_when(second)} instead of {_when(first)}"
        ),
    )


def _when(days: Fraction | None) -> str:
    if days is None:
        return "never"
    return f"in {days_text(days)}" if days else "already"


def host_changes(before: Hardware, after: Hardware, growing: Sequence[Growing]) -> tuple[ExhaustionChange, ...]:
    """The effect of other hardware on what grows on it."""
    fields = {resource: field for resource, (field, _) in RESOURCES.items()} | {"cpus": "cores", "cores": "cores"}
    return tuple(
        exhaustion_change(use, float(getattr(before, fields[use.name])), float(getattr(after, fields[use.name])))
        for use in growing
        if use.name in fields
    )


def plan_changes(decisions: Sequence[Decision], growing: Sequence[Growing]) -> tuple[ExhaustionChange, ...]:
    """The effect of a plan on what grows.

    ``growing`` names a service's limits as ``host/service resource``, and a host's own resources as ``host resource``
    or ``resource``. Raises UsageError, naming what the plan does change, for one that it does not.
    """
    known = {name: decision for decision in decisions for name in _names(decision)}
    changes = []
    for use in growing:
        decision = known.get(_usual(use.name))
        if decision is None or decision.current is None or decision.granted is None:
            raise UsageError(
                f"The plan does not change {use.name[:60]}.",
                remedy=f"it changes {', '.join(list(known)[:_SHOWN])}" if known else "plan a change first",
            )
        changes.append(exhaustion_change(use, float(decision.current), float(decision.granted)))
    return tuple(changes)


def _names(decision: Decision) -> Iterator[str]:
    if not decision.changes or decision.resource not in _QUANTITIES:
        return
    if decision.service:
        yield _usual(f"{decision.host}/{decision.service} {decision.resource}")
    else:
        yield _usual(f"{decision.host} {decision.resource}")
        yield _usual(decision.resource)


def _usual(name: str) -> str:
    """The name with the usual word for its resource."""
    where, gap, resource = name.rpartition(" ")
    return where + gap + {"cpus": "cpu", "cores": "cpu"}.get(resource, resource)


def upgrade_cost(before: Hardware, after: Hardware, policy: Policy) -> CostChange:
    """The change of the monthly bill: claimed by the quotes of the phases between, realised by unit price (X-49)."""
    if not policy.holds("cost.prices"):
        return CostChange(sentence="What it costs is unknown: nobody states cost.prices")
    realised = monthly_cost(after, policy) - monthly_cost(before, policy)
    phases = [name for name in RESOURCES if getattr(after, RESOURCES[name][0]) > getattr(before, RESOURCES[name][0])]
    quoted = sum(getattr(policy.vertical.phases, name).cost for name in phases)
    names = ", ".join(phase_id(name, policy) for name in phases) or "no phase"
    return CostChange(
        claimed=quoted,
        realised=realised,
        sentence=f"{names}: {dollars(realised)} a month by unit price, at most {dollars(quoted)} as quoted",
    )
