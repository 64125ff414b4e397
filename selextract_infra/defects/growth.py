"""Scenarios, planned capacity, goals and availability (X-53, X-54, X-56 to X-59, X-68, X-69)."""

from __future__ import annotations

from selextract_infra.assess.hardware import RESOURCES, hardware_of, monthly_cost
from selextract_infra.defects.rule import Breach, check
from selextract_infra.defects.sentence import percent, spaced
from selextract_infra.model.planning import Hardware
from selextract_infra.planning.demand import limits_of
from selextract_infra.planning.growth import LOADS, YEAR, plans_end, required_hardware, share_of_plan, within_reach
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.planning import Scenario
from selextract_infra.policy.schema.system import HostPolicy
from selextract_infra.policy.units import DISK

PLANNED = {load: names for load, names in LOADS.items() if load != "data"}
"""The loads for which the plans promise a capacity."""


def _beyond(policy: Policy, present: Hardware, scenario: Scenario) -> list[str]:
    """The resources that the upgrades of the first year do not bring to what the scenario needs."""
    fields = {"cpus": "cpu", "memory": "memory", "storage": "storage", "network": "network"}
    return [
        name
        for name, resource in fields.items()
        if not within_reach(
            policy, resource, getattr(scenario.needs, name).amount, getattr(present, RESOURCES[resource][0]), YEAR
        )
    ]


@check("X-53")
def out_of_reach(policy: Policy, host: HostPolicy) -> Breach | None:
    """The largest scenario needs more cores and memory than the last upgrade has, and the bandwidth of two scenarios
    comes a year too late. There is no step between today's size and twice of it.
    """
    scenarios, present = policy.growth.scenarios, hardware_of(host)
    missing = {name: _beyond(policy, present, scenario) for name, scenario in scenarios.items()}
    missing = {name: resources for name, resources in missing.items() if resources}
    if not missing:
        return None
    needs = {name: required_hardware(scenario, present) for name, scenario in scenarios.items()}
    bills = {name: monthly_cost(hardware, policy) for name, hardware in needs.items()}
    phases = policy.vertical.phases
    return Breach(
        {
            "listed": "; ".join(f"{name} cannot get its {', '.join(resources)}" for name, resources in missing.items()),
            "bills": ", ".join(f"{name} is ${bill:g}" for name, bill in bills.items()),
        },
        **{f"{name}_missing": ", ".join(resources) for name, resources in missing.items()},
        **{f"{name}_dollars": bill for name, bill in bills.items()},
        last_cores=phases.cpu.size.after,
        last_memory_bytes=phases.memory.size.after,
        network_from_month=phases.network.window.start,
    )


@check("X-54")
def shrinking_storage(policy: Policy, host: HostPolicy) -> Breach | None:
    """The storage that a scenario needs is a multiple of today's data; the disk is larger already."""
    needs = {name: scenario.needs.storage.amount for name, scenario in policy.growth.scenarios.items()}
    smaller = {name: need for name, need in needs.items() if need < host.storage}
    if not smaller or not policy.growth.storage_basis.open:
        return None
    return Breach(
        {
            "listed": ", ".join(
                f"{name} growth needs {DISK.about(need)} ({percent(need / host.storage - 1)})"
                for name, need in smaller.items()
            )
        },
        disk_bytes=host.storage,
        **{f"{name}_bytes": need for name, need in smaller.items()},
        **{f"{name}_change": need / host.storage - 1 for name, need in smaller.items()},
    )


@check("X-56")
def planned_capacity(policy: Policy, _: HostPolicy) -> Breach | None:
    """What the plan reaches after a year, against what each scenario asks for by then."""
    month = min(YEAR, plans_end(policy))
    shares = {
        f"{name}_{field}": share_of_plan(policy, load, getattr(scenario, field).result, month)
        for name, scenario in policy.growth.scenarios.items()
        for load, (_, _, field) in PLANNED.items()
    }
    used = {name: share.utilisation or 0.0 for name, share in shares.items()}
    over = [name for name, share in used.items() if round(share, 9) > policy.sizing.utilisation]
    if not over:
        return None
    worst = max(used, key=lambda name: used[name])
    return Breach(
        {"over": len(over), "demands": len(used), "worst": spaced(worst), "worst_share": used[worst]},
        **{f"{name}_ratio": share for name, share in used.items()},
        **{f"{name}_needs": share.needed for name, share in shares.items()},
    )


@check("X-57")
def promised_capacity(policy: Policy, _: HostPolicy) -> Breach | None:
    """Twice the capacity for little more money is promised by half a year; the plan's own figures give less for a bill
    that is most of twice as high. In the next half year capacity grows again while nothing is bought.
    """
    outcome = policy.roadmap.phases["optimisation"].outcomes.get("capacity")
    promised = (outcome.factor if outcome else None) or 0.0
    short, medium, rows = policy.planning.short_term.gain, policy.planning.medium_term.gain, policy.cost.table
    gains = {name: getattr(short, name) for _, _, name in PLANNED.values()}
    factors = {name: gain.after / gain.before for name, gain in gains.items()}
    if promised <= min(factors.values()):
        return None
    now, half, year = rows["now"], rows["month_6"], rows["month_12"]
    per_user, later = now.sum / short.users.before, half.sum / short.users.after
    return Breach(
        {"listed": ", ".join(f"{factor:g}" for factor in factors.values())},
        promised_factor=promised,
        **{f"{name}_factor": factor for name, factor in factors.items()},
        cost_change=half.sum / now.sum - 1,
        dollars_per_user=per_user,
        dollars_per_user_later=later,
        dollars_per_user_change=later / per_user - 1,
        hardware_change_months_6_to_12_dollars=year.cpu + year.memory - half.cpu - half.memory,
        users_change_months_6_to_12=medium.users.after / medium.users.before - 1,
    )


@check("X-58")
def targets(policy: Policy, _: HostPolicy) -> Breach | None:
    """Indicators, long-term plan and roadmap each aim at another multiple of today's capacity; no scenario of the first
    year reaches the indicators' target.
    """
    kpis, plan, rows = policy.kpis, policy.planning.long_term.gain, policy.cost.table
    outcome = policy.roadmap.phases["servers"].outcomes.get("capacity")
    roadmap = (outcome.factor if outcome else None) or 0.0
    goals = {name: getattr(kpis, kpi) for _, kpi, name in LOADS.values()}
    indicator = {name: goals[name].target / goals[name].current for _, _, name in PLANNED.values()}
    planned = {name: getattr(plan, name).after / goals[name].current for name in indicator}
    if {*indicator.values(), *planned.values()} == {roadmap}:
        return None
    shares = {
        f"{name}_{goal}": getattr(scenario, goal).result / kpi.target
        for name, scenario in policy.growth.scenarios.items()
        for goal, kpi in goals.items()
    }
    cores = rows["month_24"].cpu / rows["now"].cpu
    return Breach(
        {"least": min(indicator.values()), "most": max(indicator.values()), "planned": min(planned.values())},
        **{f"indicator_{name}_factor": factor for name, factor in indicator.items()},
        **{f"planned_{name}_factor": factor for name, factor in planned.items()},
        roadmap_factor=roadmap,
        **{f"{name}_of_target_ratio": share for name, share in shares.items()},
        cores_after_24_months_factor=cores,
    )


@check("X-59")
def memory_first(policy: Policy, host: HostPolicy) -> Breach | None:
    """The primary bottlenecks are CPU, connections and latency. All limits together are a part of the memory there is,
    so more of it changes nothing before limits are raised, and nothing says that the host swaps.
    """
    limits = limits_of(policy).memory
    primary = [name for name, bottleneck in policy.bottlenecks.items() if bottleneck.rank == "primary"]
    if limits > host.memory * policy.sizing.utilisation or any("memory" in name for name in primary):
        return None
    after = policy.vertical.phases.memory.size.after
    return Breach(
        {"listed": ", ".join(spaced(name) for name in primary)},
        limits_bytes=limits,
        host_bytes=host.memory,
        limits_ratio=limits / host.memory,
        upgraded_bytes=after,
        primary_bottlenecks=len(primary),
    )


@check("X-68")
def availability(policy: Policy, _: HostPolicy) -> Breach | None:
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
        {"listed": listed, "steps": steps},
        **{f"{name}_budget_minutes": budget / 60 for name, budget in budgets.items()},
        **{f"{name}_answer_ratio": answer / budget if budget else 0.0 for name, budget in budgets.items()},
        **{f"{name}_steps_ratio": steps / budget if budget else 0.0 for name, budget in budgets.items()},
    )


@check("X-69")
def response_goal(policy: Policy, _: HostPolicy) -> Breach | None:
    """The goal for the whole world is a fifth of the API's own target, and the database alone may take all of it."""
    outcome = policy.roadmap.phases["global"].outcomes.get("response_time")
    goal = outcome.response_time if outcome else None
    target, query = policy.kpis.response_time.target, policy.baseline.database.query_time
    if goal is None or (goal >= target and goal > query):
        return None
    return Breach(goal_seconds=goal, target_seconds=target, query_seconds=query)
