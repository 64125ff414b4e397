"""Seasons, events, weekends, maintenance (X-36, X-37, X-44, X-71)."""

from __future__ import annotations

import math
from datetime import date, timedelta

from selextract_infra.assess.demand import instances_for, needed, slots_for
from selextract_infra.defects.rule import Breach, percent, plural, rule
from selextract_infra.model.finding import RuleClass, Severity
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.operation import Season
from selextract_infra.policy.schema.system import Host
from selextract_infra.policy.units import MEMORY

size = MEMORY.about
SATURDAY, THURSDAY = 5, 3


def days_of(season: Season, year: int) -> list[date]:
    """The days of a season that begins in that year."""
    first = date(year, 1, 1)
    return [day for day in (first + timedelta(days=n) for n in range(366)) if day.year == year and season.covers(day)]


def cyber_monday(year: int) -> date:
    """The Monday after the fourth Thursday of November."""
    first = date(year, 11, 1)
    thursday = first + timedelta(days=(THURSDAY - first.weekday()) % 7 + 21)
    return thursday + timedelta(days=4)


@rule(
    "X-36",
    "two rules for the same peak",
    Severity.MAJOR,
    RuleClass.PICK,
    subject="calendar",
    items="MAN-03 SEA-01 SEA-02",
    resolution="A named season's own factor wins; what overlaps takes the largest, not the product.",
)
def peak_rules(policy: Policy, _: Host) -> Breach | None:
    """Peak seasons raise capacity by one share in one place and by other factors in another, and nothing says what
    holds where they overlap.
    """
    rules, event = policy.season_rules, policy.planned_events.get("peak_season")
    peaks = {name: season.factor for name, season in policy.seasons.items() if season.factor > 1}
    if event is None or not peaks or not (rules.named_season_wins.open or rules.overlapping.open):
        return None
    general = 1 + event.capacity
    listed = ", ".join(f"{name.replace('_', ' ')} {factor:g}" for name, factor in peaks.items())
    return Breach(
        f"a peak season is {general:g} times, {listed}; multiplied the largest would be "
        f"{general * max(peaks.values()):g}.",
        {
            "peak_season_factor": general,
            **{f"{name}_factor": factor for name, factor in peaks.items()},
            "product_factor": general * max(peaks.values()),
        },
    )


@rule(
    "X-37",
    "weekends scale services below one instance",
    Severity.BREAKING,
    RuleClass.CLAMP,
    subject="calendar",
    items="ASO-04 ASO-02 SEA-01 SEA-03",
    resolution="Rounded up, never below the profile's count; suspended in peaks, events and open P1 or P2; the smaller "
    "of weekend and low season; a time zone is needed.",
)
def weekends(policy: Policy, _: Host) -> Breach | None:
    """Half of one instance is none: the service is gone every weekend. Peak seasons contain weekends, a low season is
    lowered once more, and no time zone says when a weekend begins.
    """
    profile, rules = policy.optimisation.profile, policy.season_rules
    weekend, fewest = profile.weekend, profile.min_instances.api
    outage = math.floor(fewest * weekend.factor) < 1
    unclear = rules.weekend_in_peak.open or rules.weekend_in_low.open or profile.time_zone.open
    if not weekend.enabled or not (outage or unclear):
        return None
    year = policy.guide.updated.year
    peak = max(policy.seasons.items(), key=lambda row: row[1].factor, default=None)
    low = min((season.factor for season in policy.seasons.values()), default=1.0)
    inside = [day for day in days_of(peak[1], year) if day.weekday() >= SATURDAY] if peak else []
    named = f"{peak[0].replace('_', ' ')} {year} has {plural(len(inside), 'weekend day')}" if peak else "no season"
    largest = peak[1].factor if peak else 1.0
    return Breach(
        f"{fewest} x {weekend.factor:g} is {fewest * weekend.factor:g}, rounded down "
        f"{math.floor(fewest * weekend.factor)}. {named}: {largest:g} x {weekend.factor:g} is "
        f"{largest * weekend.factor:g}; in a low season {low:g} x {weekend.factor:g} is {low * weekend.factor:g}.",
        {
            "fewest_instances": fewest,
            "weekend_factor": weekend.factor,
            "instances_at_weekend": fewest * weekend.factor,
            "rounded_down": math.floor(fewest * weekend.factor),
            "peak_factor_at_weekend": largest * weekend.factor,
            "low_factor_at_weekend": low * weekend.factor,
            "weekend_days_in_peak": len(inside),
            "weekend_dates_in_peak": ", ".join(day.isoformat() for day in inside),
        },
    )


@rule(
    "X-44",
    "the largest season does not fit the host",
    Severity.BREAKING,
    RuleClass.REFUSE,
    subject="calendar",
    items="SEA-01 KPI-01 KPI-02 KPI-03 SYS-01 SYS-02",
    resolution="Look a month ahead, fail the plan, and list the upgrades that it takes.",
)
def season_on_host(policy: Policy, host: Host) -> Breach | None:
    """The season's load needs more instances than the host can carry, and multiplying the fewest instances instead of
    the load needs even more. Its window ends before the Monday that belongs to it.
    """
    name, season = max(policy.seasons.items(), key=lambda row: row[1].factor, default=("", None))
    if season is None or season.factor <= 1:
        return None
    kpis, scaling, factor = policy.kpis, policy.scaling, season.factor
    requests, tasks = kpis.api_requests.current * factor, kpis.tasks.current * factor
    slots = slots_for(policy, tasks)
    api = max(scaling.api.instances.minimum, instances_for(policy, requests))
    worker = max(scaling.worker.instances.minimum, math.ceil(round(slots / policy.cpu_parts.worker.concurrency, 9)))
    need = needed(policy, api, worker)
    floor = needed(
        policy,
        math.ceil(scaling.api.instances.minimum * factor),
        math.ceil(scaling.worker.instances.minimum * factor),
    )
    rules = policy.rightsizing
    fits = need.cpus <= host.cpus * rules.cpu_overcommit_refuse
    if fits and need.memory <= host.memory * (1 - rules.host_reserve_memory):
        return None
    year, larger = policy.guide.updated.year, policy.vertical.phases.cpu.size.after
    monday = cyber_monday(year)
    misses = name == "black_friday" and not season.covers(monday)
    return Breach(
        f"{name.replace('_', ' ')} x {factor:g}: {requests:g} requests/s and {tasks:g} tasks/hour need {api}+{worker} "
        f"instances, {need.cpus:g} cores ({percent(need.cpus / host.cpus)}) and {size(need.memory)} "
        f"({percent(need.memory / host.memory)})" + f"; its days miss {monday.isoformat()}" * misses + ".",
        {
            "users": kpis.concurrent_users.current * factor,
            "requests_per_second": requests,
            "tasks_per_hour": tasks,
            "slots": slots,
            "api_instances": api,
            "worker_instances": worker,
            "cores": need.cpus,
            "cpu_ratio": need.cpus / host.cpus,
            "memory_bytes": need.memory,
            "memory_ratio": need.memory / host.memory,
            "multiplied_floor_cores": floor.cpus,
            "multiplied_floor_memory_bytes": floor.memory,
            "upgraded_cpu_ratio": need.cpus / larger,
            "upgraded_floor_cpu_ratio": floor.cpus / larger,
            **({"missed_date": monday.isoformat()} if misses else {}),
        },
    )


@rule(
    "X-71",
    "how far to scale down for maintenance is open",
    Severity.MAJOR,
    RuleClass.PICK,
    subject="maintenance",
    items="MAN-04 ASO-04 HAPI-01 HWRK-01",
    resolution="To the fewest instances, with the autoscaler frozen; counts come back whatever happens.",
)
def maintenance(policy: Policy, _: Host) -> Breach | None:
    """A graceful scale-down has no number, and the autoscaler and the weekend would both work against it."""
    rules, scaling = policy.maintenance, policy.scaling
    if not (rules.floor.open or rules.freezes_autoscaling.open):
        return None
    return Breach(
        f"scaling down for maintenance names no count; {scaling.api.instances.minimum} API instances and "
        f"{scaling.worker.instances.minimum} workers stay.",
        {"api_instances": scaling.api.instances.minimum, "worker_instances": scaling.worker.instances.minimum},
    )
