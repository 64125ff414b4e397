"""Scenarios, planned capacity, goals and availability (X-53, X-54, X-56 to X-59, X-68, X-69)."""

from __future__ import annotations

from selextract_infra.assess.demand import limits_of
from selextract_infra.defects.rule import Breach, percent, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.growth import Scenario
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import DISK, DURATION, MEMORY

YEAR = 12
"""Months: the scenarios are for the first year."""


def _beyond(policy: Policy, host: Host, scenario: Scenario) -> list[str]:
    """The resources that the upgrades of the first year do not bring to what the scenario needs."""
    needs, phases = scenario.needs, policy.vertical.phases
    reached = {
        "cpus": (needs.cpus.amount, host.cpus, phases.cpu.size.after, phases.cpu.window.start),
        "memory": (needs.memory.amount, host.memory, phases.memory.size.after, phases.memory.window.start),
        "storage": (needs.storage.amount, host.storage, phases.storage.size.after, phases.storage.window.start),
        "network": (needs.network.amount, host.network, phases.network.size.after, phases.network.window.start),
    }
    return [
        name for name, (need, now, after, start) in reached.items() if need > max(now, after if start < YEAR else now)
    ]


@rule(
    "X-53",
    "scenarios need more than the upgrades bring",
    Severity.MAJOR,
    RuleClass.REFUSE,
    subject="growth",
    items="REQ-C1 REQ-C2 REQ-M4 REQ-A1 REQ-A2 REQ-A4 VP1-02 VP2-02 VP4-01",
    resolution="Not a plan for one host; what a scenario needs is priced and said to be out of reach.",
)
def out_of_reach(policy: Policy, host: Host) -> Breach | None:
    """The largest scenario needs more cores and memory than the last upgrade has, and the bandwidth of two scenarios
    comes a year too late. There is no step between today's size and twice of it.
    """
    scenarios, prices = policy.growth.scenarios, policy.cost.prices
    missing = {name: _beyond(policy, host, scenario) for name, scenario in scenarios.items()}
    missing = {name: resources for name, resources in missing.items() if resources}
    if not missing:
        return None
    bills = {
        name: prices.of(
            cpus=scenario.needs.cpus.amount,
            memory=scenario.needs.memory.amount,
            storage=max(host.storage, scenario.needs.storage.amount),
            network=scenario.needs.network.amount,
        )
        for name, scenario in scenarios.items()
    }
    phases = policy.vertical.phases
    return Breach(
        "; ".join(f"{name} cannot get its {', '.join(resources)}" for name, resources in missing.items())
        + f" in the first year: upgrades end at {phases.cpu.size.after:g} cores and "
        f"{MEMORY.about(phases.memory.size.after)}, the network begins in month {phases.network.window.start}. "
        f"At unit prices {', '.join(f'{name} is ${bill:g}' for name, bill in bills.items())} a month.",
        {
            **{f"{name}_missing": ", ".join(resources) for name, resources in missing.items()},
            **{f"{name}_dollars": bill for name, bill in bills.items()},
            "last_cores": phases.cpu.size.after,
            "last_memory_bytes": phases.memory.size.after,
            "network_from_month": phases.network.window.start,
        },
    )


@rule(
    "X-54",
    "storage needs would shrink the disk",
    Severity.BREAKING,
    RuleClass.FIX,
    subject="storage",
    items="REQ-C3 REQ-M3 REQ-A3 SYS-03",
    resolution="Needs are minima, of the data and not of the disk; nothing ever shrinks.",
)
def shrinking_storage(policy: Policy, host: Host) -> Breach | None:
    """The storage that a scenario needs is a multiple of today's data; the disk is larger already."""
    needs = {name: scenario.needs.storage.amount for name, scenario in policy.growth.scenarios.items()}
    smaller = {name: need for name, need in needs.items() if need < host.storage}
    if not smaller or not policy.growth.storage_basis.open:
        return None
    return Breach(
        f"on a disk of {DISK.about(host.storage)}, "
        + ", ".join(
            f"{name} growth needs {DISK.about(need)} ({percent(need / host.storage - 1)})"
            for name, need in smaller.items()
        )
        + ".",
        {
            "disk_bytes": host.storage,
            **{f"{name}_bytes": need for name, need in smaller.items()},
            **{f"{name}_change": need / host.storage - 1 for name, need in smaller.items()},
        },
    )


@rule(
    "X-56",
    "planned capacity leaves no headroom over the scenarios",
    Severity.MAJOR,
    RuleClass.REPORT,
    subject="growth",
    items="MTP-05 MTP-06 MTP-07 LTP-08 REC-03 GRO-M1 GRO-A1",
    resolution="Say by how much, and what the headroom would take.",
)
def planned_capacity(policy: Policy, _: Host) -> Breach | None:
    """What the plan reaches after a year, against what each scenario asks for by then."""
    gain, allowed = policy.planning.medium_term.gain, policy.sizing.utilisation
    planned = {"users": gain.users.after, "api_requests": gain.api_requests.after, "tasks": gain.tasks.after}
    shares: dict[str, float] = {}
    needs: dict[str, float] = {}
    for name, scenario in policy.growth.scenarios.items():
        results = {
            "users": scenario.users.result,
            "api_requests": scenario.api_requests.result,
            "tasks": scenario.tasks.result,
        }
        shares |= {f"{name}_{what}": result / planned[what] for what, result in results.items()}
        needs |= {f"{name}_{what}": result / allowed if allowed else result for what, result in results.items()}
    over = {name: share for name, share in shares.items() if round(share, 9) > allowed}
    if not over:
        return None
    worst = max(shares, key=lambda name: shares[name])
    return Breach(
        f"{len(over)} of {len(shares)} demands after a year are above {percent(allowed)} of the planned capacity; "
        f"{worst.replace('_', ' ')} is {percent(shares[worst])}.",
        {
            **{f"{name}_ratio": share for name, share in shares.items()},
            **{f"{name}_needs": need for name, need in needs.items()},
        },
    )


@rule(
    "X-57",
    "the promised capacity is not in the plan",
    Severity.MAJOR,
    RuleClass.REPORT,
    subject="roadmap",
    items="RP1-E1 STP-05 STP-06 STP-07 CST-03 CST-04 MTP-05",
    resolution="Report the planned factors beside the promise, and the cost of each user.",
)
def promised_capacity(policy: Policy, _: Host) -> Breach | None:
    """Twice the capacity for little more money is promised by half a year; the plan's own figures give less for a bill
    that is most of twice as high. In the next half year capacity grows again while nothing is bought.
    """
    outcome = policy.roadmap.phases["optimisation"].outcomes.get("capacity")
    promised = (outcome.factor if outcome else None) or 0.0
    short, medium, rows = policy.planning.short_term.gain, policy.planning.medium_term.gain, policy.cost.table
    factors = {
        "users": short.users.after / short.users.before,
        "api_requests": short.api_requests.after / short.api_requests.before,
        "tasks": short.tasks.after / short.tasks.before,
    }
    if promised <= min(factors.values()):
        return None
    now, half, year = rows["now"], rows["month_6"], rows["month_12"]
    per_user, later = now.sum / short.users.before, half.sum / short.users.after
    return Breach(
        f"{promised:g} times promised, {', '.join(f'{factor:g}' for factor in factors.values())} planned, for "
        f"{percent(half.sum / now.sum - 1)} more; a user costs ${per_user:.2f} and then ${later:.3f}.",
        {
            "promised_factor": promised,
            **{f"{name}_factor": factor for name, factor in factors.items()},
            "cost_change": half.sum / now.sum - 1,
            "dollars_per_user": per_user,
            "dollars_per_user_later": later,
            "dollars_per_user_change": later / per_user - 1,
            "hardware_change_months_6_to_12_dollars": year.cpu + year.memory - half.cpu - half.memory,
            "users_change_months_6_to_12": medium.users.after / medium.users.before - 1,
        },
    )


@rule(
    "X-58",
    "three different targets",
    Severity.MINOR,
    RuleClass.REPORT,
    subject="growth",
    items="KPI-01 KPI-02 KPI-03 LTP-05 LTP-06 LTP-07 RP3-E1 RP4-E1 GRO-A1",
    resolution="Say which target a figure refers to.",
)
def targets(policy: Policy, _: Host) -> Breach | None:
    """Indicators, long-term plan and roadmap each aim at another multiple of today's capacity; no scenario of the first
    year reaches the indicators' target.
    """
    kpis, plan, rows = policy.kpis, policy.planning.long_term.gain, policy.cost.table
    outcome = policy.roadmap.phases["servers"].outcomes.get("capacity")
    roadmap = (outcome.factor if outcome else None) or 0.0
    indicator = {
        "users": kpis.concurrent_users.target / kpis.concurrent_users.current,
        "api_requests": kpis.api_requests.target / kpis.api_requests.current,
        "tasks": kpis.tasks.target / kpis.tasks.current,
    }
    planned = {
        "users": plan.users.after / kpis.concurrent_users.current,
        "api_requests": plan.api_requests.after / kpis.api_requests.current,
        "tasks": plan.tasks.after / kpis.tasks.current,
    }
    if {*indicator.values(), *planned.values()} == {roadmap}:
        return None
    shares: dict[str, float] = {}
    for name, scenario in policy.growth.scenarios.items():
        shares |= {
            f"{name}_users": scenario.users.result / kpis.concurrent_users.target,
            f"{name}_api_requests": scenario.api_requests.result / kpis.api_requests.target,
            f"{name}_tasks": scenario.tasks.result / kpis.tasks.target,
            f"{name}_data": scenario.data.result / kpis.data_storage.target,
        }
    cores = rows["month_24"].cpu / rows["now"].cpu
    return Breach(
        f"indicators aim at {min(indicator.values()):g} to {max(indicator.values()):g} times, the long-term plan at "
        f"{min(planned.values()):g} times, the roadmap at {roadmap:g} times; after 24 months {cores:g} times the cores "
        "are paid for.",
        {
            **{f"indicator_{name}_factor": factor for name, factor in indicator.items()},
            **{f"planned_{name}_factor": factor for name, factor in planned.items()},
            "roadmap_factor": roadmap,
            **{f"{name}_of_target_ratio": share for name, share in shares.items()},
            "cores_after_24_months_factor": cores,
        },
    )


@rule(
    "X-59",
    "more memory comes first, and memory is not the bottleneck",
    Severity.MAJOR,
    RuleClass.WARN,
    subject="vertical",
    items="VP1-02 VP1-04 BOT-01 BOT-02 BOT-03 CTR-00",
    resolution="Look at swapping and memory pressure first; say that the benefit is unsupported.",
)
def memory_first(policy: Policy, host: Host) -> Breach | None:
    """The primary bottlenecks are CPU, connections and latency. All limits together are a part of the memory there is,
    so more of it changes nothing before limits are raised, and nothing says that the host swaps.
    """
    limits = limits_of(policy).memory
    primary = [name for name, bottleneck in policy.bottlenecks.items() if bottleneck.rank == "primary"]
    if limits > host.memory * policy.sizing.utilisation or any("memory" in name for name in primary):
        return None
    after = policy.vertical.phases.memory.size.after
    return Breach(
        f"all limits are {MEMORY.about(limits)} of {MEMORY.about(host.memory)} ({percent(limits / host.memory)}); the "
        f"upgrade to {MEMORY.about(after)} helps none of {', '.join(name.replace('_', ' ') for name in primary)}.",
        {
            "limits_bytes": limits,
            "host_bytes": host.memory,
            "limits_ratio": limits / host.memory,
            "upgraded_bytes": after,
            "primary_bottlenecks": len(primary),
        },
    )


@rule(
    "X-68",
    "the availability goals leave less time than an incident takes",
    Severity.MAJOR,
    RuleClass.REPORT,
    subject="roadmap",
    items="RP3-E2 RP4-E3 SEV-01 EPB-3.0",
    resolution="Say the budget in minutes beside the goal; upgrades with a reboot count too.",
)
def availability(policy: Policy, _: Host) -> Breach | None:
    """The time that may be lost in a month is shorter than the time in which the gravest incident is answered."""
    month, answer = policy.sizing.availability_month, policy.emergency.severities["P1"].respond
    steps = max(step.window.end or step.window.start for step in policy.emergency.playbook.values())
    goals = {
        name: outcome.availability
        for name, phase in policy.roadmap.phases.items()
        for outcome in phase.outcomes.values()
        if outcome.availability is not None
    }
    budgets = {name: (1 - goal) * month for name, goal in goals.items()}
    if all(budget >= answer for budget in budgets.values()):
        return None
    listed = "; ".join(
        f"{goals[name] * 100:g} % is {budget / 60:.2f} minutes in {month / 86400:g} days"
        for name, budget in budgets.items()
    )
    return Breach(
        f"{listed}; a P1 is answered in {DURATION.format(answer)}, the steps take {DURATION.format(steps)}.",
        {
            **{f"{name}_budget_minutes": budget / 60 for name, budget in budgets.items()},
            **{f"{name}_answer_ratio": answer / budget if budget else 0.0 for name, budget in budgets.items()},
            **{f"{name}_steps_ratio": steps / budget if budget else 0.0 for name, budget in budgets.items()},
        },
    )


@rule(
    "X-69",
    "the response time goal is below what the parts take",
    Severity.MINOR,
    RuleClass.REPORT,
    subject="roadmap",
    items="RP4-E2 KPI-05 PDB-01",
    resolution="Report it beside the target of the API and of the database.",
)
def response_goal(policy: Policy, _: Host) -> Breach | None:
    """The goal for the whole world is a fifth of the API's own target, and the database alone may take all of it."""
    outcome = policy.roadmap.phases["global"].outcomes.get("response_time")
    goal = outcome.response_time if outcome else None
    target, query = policy.kpis.response_time.target, policy.baseline.database.query_time
    if goal is None or (goal >= target and goal > query):
        return None
    return Breach(
        f"{DURATION.about(goal)} from anywhere, with an API target of {DURATION.about(target)} and queries of "
        f"{DURATION.about(query)}.",
        {"goal_seconds": goal, "target_seconds": target, "query_seconds": query},
    )
