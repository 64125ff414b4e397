"""Percentages and money (X-48 to X-50, X-55, X-73)."""

from __future__ import annotations

from collections.abc import Iterator

from selextract_infra.defects.rule import Breach, percent, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import BANDWIDTH, MEMORY

HALF_A_POINT = 0.005
"""Stated percentages are rounded to whole ones."""


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


@rule(
    "X-48",
    "a stated percentage is wrong",
    Severity.MINOR,
    RuleClass.FIX,
    subject="figures",
    items="VP4-02 VP4-04 GRO-00 REQ-00 CST-00 STP-05 MTP-05 LTP-05",
    resolution="Percentages are computed, never copied.",
)
def percentages(policy: Policy, _: Host) -> Breach | None:
    """Each change in percent is computed again from the figures it belongs to."""
    wrong = {name: (said, real) for name, said, real in _stated(policy) if abs(said - real) > HALF_A_POINT + 1e-9}
    if not wrong:
        return None
    return Breach(
        ", ".join(f"{name} is +{percent(real)} and not +{percent(said)}" for name, (said, real) in wrong.items()) + ".",
        {
            "wrong_percentages": len(wrong),
            "checked_percentages": sum(1 for _ in _stated(policy)),
            **{f"{name.replace(' ', '_')}_stated_change": said for name, (said, _) in wrong.items()},
            **{f"{name.replace(' ', '_')}_computed_change": real for name, (_, real) in wrong.items()},
        },
    )


def phase_prices(policy: Policy) -> dict[str, tuple[float, float]]:
    """For each vertical phase the quote, and what it costs at the table's unit prices, dollars a month."""
    phases, prices = policy.vertical.phases, policy.cost.prices
    return {
        "memory": (phases.memory.cost, prices.of(memory=phases.memory.size.after - phases.memory.size.before)),
        "cpu": (phases.cpu.cost, prices.of(cpus=phases.cpu.size.after - phases.cpu.size.before)),
        "storage": (phases.storage.cost, prices.of(storage=phases.storage.size.after - phases.storage.size.before)),
        "network": (phases.network.cost, prices.of(network=phases.network.size.after - phases.network.size.before)),
    }


@rule(
    "X-49",
    "quotes of the phases differ from the cost table",
    Severity.MAJOR,
    RuleClass.WARN,
    subject="cost",
    items="VP1-03 VP2-03 VP3-03 VP4-03 CST-06",
    resolution="Unit prices for the running bill, a phase's quote as its upper bound; the two are never added up.",
)
def quotes(policy: Policy, _: Host) -> Breach | None:
    """Each phase is quoted higher than the table charges for it, so the two ways to the bill after two years differ."""
    rows = phase_prices(policy)
    differing = {name: row for name, row in rows.items() if round(row[0] - row[1], 6)}
    if not differing:
        return None
    bill, steps = policy.cost.table["now"].sum, []
    for quote, _price in rows.values():
        bill += quote
        steps.append(bill)
    return Breach(
        ", ".join(f"{name} ${q:g} against ${p:g}" for name, (q, p) in differing.items())
        + f"; by quotes the bill becomes {', '.join(f'${step:g}' for step in steps)}.",
        {
            **{f"{name}_quote_dollars": quote for name, (quote, _) in rows.items()},
            **{f"{name}_price_dollars": price for name, (_, price) in rows.items()},
            **{f"{name}_more_ratio": quote / price - 1 for name, (quote, price) in rows.items() if price},
            **{f"after_{name}_dollars": step for name, step in zip(rows, steps, strict=True)},
            "quotes_dollars": sum(quote for quote, _ in rows.values()),
        },
    )


@rule(
    "X-50",
    "the bill pays for sizes that no upgrade brings",
    Severity.MINOR,
    RuleClass.REPORT,
    subject="cost",
    items="CST-04 CST-05 VP4-02 RP3-M13",
    resolution="Report it; the last row includes the roadmap's second server, which the vertical path does not have.",
)
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
        ", ".join(f"{name.replace('_', ' ')} pays for {BANDWIDTH.about(speed)}" for name, speed in odd.items())
        + "; " * bool(odd)
        + f"month 24 pays for {cores:g} cores: ${last.sum:g} is a host of ${first:g} and another of ${second:g}.",
        {
            **{f"{name}_bits_per_second": speed for name, speed in odd.items()},
            "last_cores": cores,
            "last_dollars": last.sum,
            "first_host_dollars": first,
            "second_host_dollars": second,
        },
    )


@rule(
    "X-55",
    "right-sizing does not save what is claimed",
    Severity.MINOR,
    RuleClass.WARN,
    subject="cost",
    items="OPT-00 OPT-03 RSZ-01 CST-06",
    resolution="Say claimed, and compute what is realised; on a host that is paid whole, limits save nothing.",
)
def claimed_saving(policy: Policy, _: Host) -> Breach | None:
    """A smaller limit frees memory, which has a price; the claim is many times that, even for the most instances."""
    savings, prices = policy.optimisation.savings, policy.cost.prices
    claimed = savings["container_rightsizing"].saves
    goal = policy.optimisation.rightsizing.api
    one = prices.of(memory=goal.before - goal.after)
    most = one * policy.scaling.api.instances.maximum
    if claimed <= most:
        return None
    total, bill = sum(saving.saves for saving in savings.values()), policy.cost.table["now"].sum
    freed = claimed / prices.per_gb_memory * 2**30
    compounded = 1.0
    for saving in savings.values():
        compounded *= 1 + saving.performance
    return Breach(
        f"${claimed:g} claimed; {MEMORY.about(goal.before - goal.after)} less is ${one:.2f}, for "
        f"{policy.scaling.api.instances.maximum} instances ${most:g}; {MEMORY.about(freed)} would have to be freed. "
        f"All claims are ${total:g}, {percent(total / bill)} of ${bill:g}.",
        {
            "claimed_dollars": claimed,
            "one_instance_dollars": one,
            "most_instances_dollars": most,
            "needed_bytes": freed,
            "all_claims_dollars": total,
            "all_claims_ratio": total / bill,
            "performance_added_ratio": sum(saving.performance for saving in savings.values()),
            "performance_compounded_factor": compounded,
        },
    )


@rule(
    "X-73",
    "committing before the upgrades costs more",
    Severity.MINOR,
    RuleClass.WARN,
    subject="cost",
    items="RSV-01 RSV-03 VP1-02 VP2-02 OPT-00",
    resolution="Upgrade and optimise first, then commit.",
)
def order_of_commitment(policy: Policy, _: Host) -> Breach | None:
    """A commitment covers what is there when it is made; what is added later is paid in full, and what is saved later
    was committed to.
    """
    reservations, rows = policy.optimisation.reservations, policy.cost.table
    milestones = [m for phase in policy.roadmap.phases.values() for m in phase.milestones.values()]
    last = max((milestone.month for milestone in milestones if milestone.upgrade), default=0)
    if not reservations.commit_in.open and reservations.commit_in.value >= last:
        return None
    chosen = reservations.one_year if reservations.recommended == "one_year" else reservations.three_years
    keep, now, later = 1 - chosen.saves, rows["now"].sum, rows["month_6"].sum
    saved = sum(saving.saves for saving in policy.optimisation.savings.values())
    return Breach(
        f"committing ${now:g} saves ${now * chosen.saves:g}; with ${later - now:g} added on demand that is "
        f"${now * keep + later - now:g}, committing afterwards ${later * keep:g}. Optimising first gives "
        f"${(now - saved) * keep:g} instead of ${now * keep - saved:g}.",
        {
            "saved_now_dollars": now * chosen.saves,
            "commit_first_dollars": now * keep + later - now,
            "commit_later_dollars": later * keep,
            "optimise_first_dollars": (now - saved) * keep,
            "optimise_later_dollars": now * keep - saved,
            "last_upgrade_month": last,
        },
    )
