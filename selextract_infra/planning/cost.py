"""Cost: the table recomputed, phases as quoted and by unit price, commitments, optimisations (CST, VP, OPT, RSV).

Two sources price the same phase differently. Both are shown, the quote as the upper bound, and never summed (X-49).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from selextract_infra.assess.hardware import (
    RESOURCES,
    after_phase,
    monthly_cost,
    phase_id,
    reference_hardware,
)
from selextract_infra.model.figures import GB, amount, dollars
from selextract_infra.model.planning import (
    CostReport,
    CostRow,
    Hardware,
    Optimisation,
    PhaseQuote,
    Reservation,
    ReservationOrder,
)
from selextract_infra.policy import Policy

__all__ = [
    "ROUNDED",
    "Commitment",
    "commitment",
    "cost_report",
    "freed_memory",
    "phase_price",
    "reserved",
]

_TERA, _GIGA = 10**12, 10**9
ROUNDED = 0.005
"""Half a point: percentages are stated as whole ones."""

_TITLES = {"memory": "Memory", "cpu": "CPU", "storage": "Storage", "network": "Network"}


def cost_report(policy: Policy, *, host: Hardware | None = None) -> CostReport:
    """Everything about money, for a host (by default the Policy's)."""
    present = host or reference_hardware(policy)
    prices = policy.cost.prices
    optimisations = tuple(_optimisations(policy, present))
    return CostReport(
        host=present,
        run_rate=monthly_cost(present, policy),
        prices={
            "core": prices.per_core,
            "GB": prices.per_gb_memory,
            "TB": prices.per_tb_storage,
            "Gbps": prices.per_gbps_network,
        },
        rows=tuple(_rows(policy)),
        phases=tuple(_phases(policy, present)),
        reservations=tuple(_reservations(policy, monthly_cost(present, policy))),
        orders=tuple(_orders(policy, present)),
        optimisations=optimisations,
        claimed_total=sum(saving.claimed for saving in optimisations),
        realised_total=sum(saving.realised for saving in optimisations),
        gain_added=sum(saving.gain for saving in optimisations),
        gain_compounded=math.prod(1 + saving.gain for saving in optimisations) - 1,
    )


def _rows(policy: Policy) -> Iterator[CostRow]:
    table, prices = policy.cost.table, policy.cost.prices
    first = next(iter(table.values())).sum if table else 0.0
    for name, row in sorted(table.items(), key=lambda pair: pair[1].month):
        growth = row.sum / first - 1 if first else 0.0
        stated = row.growth
        yield CostRow(
            name="today" if row.month == 0 else f"month {row.month}",
            item=policy.origin(f"cost.table.{name}").item_id or name,
            month=row.month,
            cpu=row.cpu,
            memory=row.memory,
            storage=row.storage,
            network=row.network,
            total=row.sum,
            growth=growth,
            stated_total=row.total,
            stated_growth=stated,
            agrees=row.sum == row.total and (stated is None or abs(growth - stated) <= ROUNDED),
            implies=Hardware(
                cores=_bought(row.cpu, prices.per_core),
                memory=round(_bought(row.memory, prices.per_gb_memory) * GB),
                storage=round(_bought(row.storage, prices.per_tb_storage) * _TERA),
                network=round(_bought(row.network, prices.per_gbps_network) * _GIGA),
            ),
        )


def _bought(money: float, price: float) -> float:
    return money / price if price else 0.0


def _phases(policy: Policy, host: Hardware) -> Iterator[PhaseQuote]:
    """Each phase by its quote and by unit price, and what the bill is after it by either source."""
    quoted_sum = priced_sum = monthly_cost(host, policy)
    for name in RESOURCES:
        phase = getattr(policy.vertical.phases, name)
        priced = phase_price(policy, name)
        quoted_sum, priced_sum = quoted_sum + phase.cost, priced_sum + priced
        yield PhaseQuote(
            phase=phase_id(name, policy),
            title=_TITLES[name],
            item=policy.origin(f"vertical.phases.{name}.cost").item_id or name,
            resource=name,
            quoted=phase.cost,
            by_unit_price=priced,
            excess=phase.cost / priced - 1 if priced else 0.0,
            cumulative_quoted=quoted_sum,
            cumulative_by_unit_price=priced_sum,
        )


def phase_price(policy: Policy, resource: str) -> float:
    """What a vertical phase adds to the monthly bill by the unit prices of the cost table (X-49)."""
    before = reference_hardware(policy).model_copy(
        update={RESOURCES[resource][0]: getattr(policy.vertical.phases, resource).size.before}
    )
    return monthly_cost(after_phase(before, resource, policy), policy) - monthly_cost(before, policy)


def reserved(monthly: float, discount: float) -> float:
    """What is left to pay under a commitment: $460 at 30 % is $322."""
    return round(monthly * (1 - discount), 9)


def _reservations(policy: Policy, run_rate: float) -> Iterator[Reservation]:
    reservations = policy.optimisation.reservations
    for name in ("one_year", "three_years"):
        commitment = getattr(reservations, name)
        after = reserved(run_rate, commitment.saves)
        yield Reservation(
            name=name.replace("_", " "),
            item=policy.origin(f"optimisation.reservations.{name}").item_id or name,
            discount=commitment.saves,
            before=run_rate,
            after=after,
            saving=run_rate - after,
            recommended=reservations.recommended == name,
        )


@dataclass(frozen=True, slots=True)
class Commitment:
    """Dollars a month around the recommended commitment: what it saves today, what upgrades and savings change, and the
    bill in either order.
    """

    saved: float
    added: float
    claimed: float
    commit_then_upgrade: float
    upgrade_then_commit: float
    save_then_commit: float
    commit_then_save: float


def commitment(policy: Policy, today: float) -> Commitment:
    """The two orders that matter, for a bill of ``today``: commitment and upgrades, commitment and savings (X-73)."""
    reservations, month = policy.optimisation.reservations, policy.optimisation.reservations.commit_in.value
    discount = getattr(reservations, reservations.recommended).saves
    later = max((row.sum for row in policy.cost.table.values() if row.month <= month), default=today)
    added = max(0.0, later - today)
    claimed = sum(saving.saves for saving in policy.optimisation.savings.values())
    committed = reserved(today, discount)
    return Commitment(
        saved=today - committed,
        added=added,
        claimed=claimed,
        commit_then_upgrade=committed + added,
        upgrade_then_commit=reserved(today + added, discount),
        save_then_commit=reserved(today - claimed, discount),
        commit_then_save=committed - claimed,
    )


def _orders(policy: Policy, host: Hardware) -> Iterator[ReservationOrder]:
    bill, month = commitment(policy, monthly_cost(host, policy)), policy.optimisation.reservations.commit_in.value
    early, late = bill.commit_then_upgrade, bill.upgrade_then_commit
    yield ReservationOrder(
        title=f"Upgrades until month {month} ({dollars(bill.added)}) and the commitment",
        first="committing first",
        first_cost=early,
        second="upgrading first",
        second_cost=late,
        better="upgrading first" if late <= early else "committing first",
    )
    yield ReservationOrder(
        title=f"Claimed savings ({dollars(bill.claimed)}) and the commitment",
        first="saving first",
        first_cost=bill.save_then_commit,
        second="committing first, on paper,",
        second_cost=bill.commit_then_save,
        better="saving first, because what is committed is paid whether it is used or not",
    )


def _optimisations(policy: Policy, host: Hardware) -> Iterator[Optimisation]:
    """What is claimed and what this hardware realises (X-55): a fixed host costs the same however well it is used."""
    ranks = ("low", "medium", "high")
    savings = sorted(
        policy.optimisation.savings.items(), key=lambda pair: (ranks.index(pair[1].effort), -pair[1].saves)
    )
    for name, saving in savings:
        if name == "container_rightsizing":
            limit = policy.optimisation.rightsizing.api
            sentence = freed_memory(limit.before - limit.after, saving.saves, policy)
        elif saving.saves:
            sentence = f"a host of {dollars(monthly_cost(host, policy))} costs the same however well it is used"
        else:
            sentence = "no saving is claimed"
        yield Optimisation(
            name=name.replace("_", " "),
            item=policy.origin(f"optimisation.savings.{name}").item_id or name,
            gain=saving.performance,
            claimed=saving.saves,
            realised=0.0,
            effort=saving.effort,
            sentence=sentence,
        )


def freed_memory(freed: int, claimed: float, policy: Policy) -> str:
    """What freed memory is worth by unit price, and how much would have to be freed for a claim (X-55)."""
    price = policy.cost.prices.per_gb_memory
    worth = dollars(policy.cost.prices.of(memory=freed))
    needed = (
        f"; {dollars(claimed)} would take {amount(claimed / price * GB, 'bytes of RAM')}" if claimed and price else ""
    )
    return (
        f"{amount(freed, 'bytes of RAM')} freed are worth {worth} by unit price{needed}; a fixed host bills no limits"
    )
