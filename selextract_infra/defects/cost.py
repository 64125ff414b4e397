"""Percentages and money (X-48 to X-50, X-55, X-73)."""

from __future__ import annotations

from collections.abc import Iterator

from selextract_infra.defects.rule import Breach, check
from selextract_infra.defects.sentence import percent, spaced
from selextract_infra.planning.cost import ROUNDED, commitment, phase_price
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import BANDWIDTH


def _stated(policy: Policy) -> Iterator[tuple[str, float, float]]:
    """Every change in percent that the guide states, with what its own figures give."""
    for name, phase in dict(policy.vertical.phases).items():
        yield f"vertical {name}", phase.benefit.change, phase.size.after / phase.size.before - 1
    for term, plan in dict(policy.planning).items():
        for name, gain in dict(plan.gain).items():
            yield f"{term.replace('_', ' ')} {name}", gain.change, gain.after / gain.before - 1
    bases = {
        "users": policy.kpis.concurrent_users.current,
        "tasks": policy.kpis.tasks.current,
        "data": policy.kpis.data_storage.current,
        "api_requests": policy.kpis.api_requests.current,
    }
    needs = {
        "cpus": policy.host.cpus,
        "memory": policy.host.memory,
        "storage": bases["data"],
        "network": policy.host.network,
    }
    for scenario, row in policy.growth.scenarios.items():
        for name, base in bases.items():
            demand = getattr(row, name)
            yield f"{scenario} {name}", demand.growth, demand.result / base - 1
        for name, base in needs.items():
            need = getattr(row.needs, name)
            if need.change is not None:
                yield f"{scenario} {name} need", need.change, need.amount / base - 1
    now = policy.cost.table["now"]
    for name, bill in policy.cost.table.items():
        yield f"total of {name}", 0.0, bill.total / bill.sum - 1
        if bill.growth is not None:
            yield f"bill of {name}", bill.growth, bill.sum / now.sum - 1


@check("X-48")
def percentages(policy: Policy, _: Host) -> Breach | None:
    """Each change in percent is computed again from the figures it belongs to."""
    wrong = {name: (stated, real) for name, stated, real in _stated(policy) if abs(stated - real) > ROUNDED + 1e-9}
    if not wrong:
        return None
    return Breach(
        {
            "listed": ", ".join(
                f"{name} is +{percent(real)} and not +{percent(stated)}" for name, (stated, real) in wrong.items()
            )
        },
        wrong_percentages=len(wrong),
        checked_percentages=sum(1 for _ in _stated(policy)),
        **{f"{name.replace(' ', '_')}_stated_change": stated for name, (stated, _) in wrong.items()},
        **{f"{name.replace(' ', '_')}_computed_change": real for name, (_, real) in wrong.items()},
    )


@check("X-49")
def quotes(policy: Policy, _: Host) -> Breach | None:
    """Each phase is quoted higher than the table charges for it, so the two ways to the bill after two years differ."""
    rows = {name: (phase.cost, phase_price(policy, name)) for name, phase in dict(policy.vertical.phases).items()}
    differing = {name: row for name, row in rows.items() if round(row[0] - row[1], 6)}
    if not differing:
        return None
    bill, steps = policy.cost.table["now"].sum, []
    for quote, _price in rows.values():
        bill += quote
        steps.append(bill)
    return Breach(
        {
            "listed": ", ".join(f"{name} ${q:g} against ${p:g}" for name, (q, p) in differing.items()),
            "bills": ", ".join(f"${step:g}" for step in steps),
        },
        **{f"{name}_quote_dollars": quote for name, (quote, _) in rows.items()},
        **{f"{name}_price_dollars": price for name, (_, price) in rows.items()},
        **{f"{name}_more_ratio": quote / price - 1 for name, (quote, price) in rows.items() if price},
        **{f"after_{name}_dollars": step for name, step in zip(rows, steps, strict=True)},
        quotes_dollars=sum(quote for quote, _ in rows.values()),
    )


@check("X-50")
def bill_without_upgrade(policy: Policy, _: Host) -> Breach | None:
    """By the unit prices a row of the table stands for a bandwidth between two steps of the upgrade, and the last one
    for twice the host.
    """
    prices, phases, rows = policy.cost.prices, policy.vertical.phases, policy.cost.table
    steps = {phases.network.size.before, phases.network.size.after}
    odd = {
        name: row.network / prices.per_gbps_network * 10**9
        for name, row in rows.items()
        if round(row.network / prices.per_gbps_network * 10**9) not in steps
    }
    last = rows["month_24"]
    cores = last.cpu / prices.per_core
    if not odd and cores <= phases.cpu.size.after:
        return None
    after = {"cpus": phases.cpu.size.after, "memory": phases.memory.size.after, "storage": phases.storage.size.after}
    first, second = prices.of(**after, network=phases.network.size.after), prices.of(**after)
    return Breach(
        {
            "odd": ", ".join(f"{spaced(name)} pays for {BANDWIDTH.about(speed)}" for name, speed in odd.items())
            + "; " * bool(odd)
        },
        **{f"{name}_bits_per_second": speed for name, speed in odd.items()},
        last_cores=cores,
        last_dollars=last.sum,
        first_host_dollars=first,
        second_host_dollars=second,
    )


@check("X-55")
def claimed_saving(policy: Policy, _: Host) -> Breach | None:
    """A smaller limit frees memory, which has a price; the claim is many times that, even for the most instances."""
    savings, prices = policy.optimisation.savings, policy.cost.prices
    claimed = savings["container_rightsizing"].saves
    goal = policy.optimisation.rightsizing.api
    saved = prices.of(memory=goal.before - goal.after)
    most = saved * policy.scaling.api.instances.maximum
    if claimed <= most:
        return None
    total, bill = sum(saving.saves for saving in savings.values()), policy.cost.table["now"].sum
    freed = claimed / prices.per_gb_memory * 2**30
    compounded = 1.0
    for saving in savings.values():
        compounded *= 1 + saving.performance
    return Breach(
        {"freed": goal.before - goal.after},
        claimed_dollars=claimed,
        one_instance_dollars=saved,
        most_instances_dollars=most,
        needed_bytes=freed,
        all_claims_dollars=total,
        all_claims_ratio=total / bill,
        performance_added_ratio=sum(saving.performance for saving in savings.values()),
        performance_compounded_factor=compounded,
    )


@check("X-73")
def order_of_commitment(policy: Policy, _: Host) -> Breach | None:
    """A commitment covers what is there when it is made; what is added later is paid in full, and what is saved later
    was committed to.
    """
    commit_in = policy.optimisation.reservations.commit_in
    milestones = [m for phase in policy.roadmap.phases.values() for m in phase.milestones.values()]
    last = max((milestone.month for milestone in milestones if milestone.upgrade), default=0)
    if not commit_in.open and commit_in.value >= last:
        return None
    bill = commitment(policy, policy.cost.table["now"].sum)
    return Breach(
        {"added": bill.added},
        saved_now_dollars=bill.saved,
        commit_first_dollars=bill.commit_then_upgrade,
        commit_later_dollars=bill.upgrade_then_commit,
        optimise_first_dollars=bill.save_then_commit,
        optimise_later_dollars=bill.commit_then_save,
        last_upgrade_month=last,
    )
