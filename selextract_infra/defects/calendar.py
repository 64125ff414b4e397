"""Seasons, events, weekends, maintenance (X-36, X-37, X-44, X-71)."""

from __future__ import annotations

import math
from datetime import date, timedelta

from selextract_infra.assess.workers import slots_needed
from selextract_infra.defects.rule import Breach, check
from selextract_infra.defects.sentence import plural, spaced
from selextract_infra.planning.demand import fits, needed
from selextract_infra.planning.season import load_at
from selextract_infra.policy.model import Policy
from selextract_infra.policy.schema.operation import Season
from selextract_infra.policy.schema.system import HostPolicy

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


@check("X-36")
def peak_rules(policy: Policy, _: HostPolicy) -> Breach | None:
    """Peak seasons raise capacity by one share in one place and by other factors in another, and nothing says what
    holds where they overlap.
    """
    rules, event = policy.season_rules, policy.planned_events.get("peak_season")
    peaks = {name: season.factor for name, season in policy.seasons.items() if season.factor > 1}
    if event is None or not peaks or not (rules.named_season_wins.open or rules.overlapping.open):
        return None
    general = 1 + event.capacity
    return Breach(
        {"listed": ", ".join(f"{spaced(name)} {factor:g}" for name, factor in peaks.items())},
        peak_season_factor=general,
        **{f"{name}_factor": factor for name, factor in peaks.items()},
        product_factor=general * max(peaks.values()),
    )


@check("X-37")
def weekends(policy: Policy, _: HostPolicy) -> Breach | None:
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
    named = f"{spaced(peak[0])} {year} has {plural(len(inside), 'weekend day')}" if peak else "no season"
    largest = peak[1].factor if peak else 1.0
    return Breach(
        {"peak": named, "largest": largest, "low": low},
        fewest_instances=fewest,
        weekend_factor=weekend.factor,
        instances_at_weekend=fewest * weekend.factor,
        rounded_down=math.floor(fewest * weekend.factor),
        peak_factor_at_weekend=largest * weekend.factor,
        low_factor_at_weekend=low * weekend.factor,
        weekend_days_in_peak=len(inside),
        weekend_dates_in_peak=", ".join(day.isoformat() for day in inside),
    )


@check("X-44")
def season_on_host(policy: Policy, host: HostPolicy) -> Breach | None:
    """The season's load needs more instances than the host can carry, and multiplying the fewest instances instead of
    the load needs even more. Its window ends before the Monday that belongs to it.
    """
    name, season = max(policy.seasons.items(), key=lambda row: row[1].factor, default=("", None))
    if season is None or season.factor <= 1:
        return None
    load, bounds, factor = load_at(policy, season.factor, capped=False), policy.scaling, season.factor
    need = load.need
    if fits(policy, need, host.cpus, host.memory):
        return None
    floor = needed(
        policy, math.ceil(bounds.api.instances.minimum * factor), math.ceil(bounds.worker.instances.minimum * factor)
    )
    year, larger = policy.guide.updated.year, policy.vertical.phases.cpu.size.after
    monday = cyber_monday(year)
    misses = name == "black_friday" and not season.covers(monday)
    return Breach(
        {"season": spaced(name), "factor": factor, "missed": f"; its days miss {monday.isoformat()}" * misses},
        users=policy.kpis.concurrent_users.current * factor,
        requests_per_second=load.requests,
        tasks_per_hour=load.tasks,
        slots=slots_needed(load.tasks, policy.baseline.worker.task_duration),
        api_instances=load.api,
        worker_instances=load.workers,
        cores=need.cpus,
        cpu_ratio=need.cpus / host.cpus,
        memory_bytes=need.memory,
        memory_ratio=need.memory / host.memory,
        multiplied_floor_cores=floor.cpus,
        multiplied_floor_memory_bytes=floor.memory,
        upgraded_cpu_ratio=need.cpus / larger,
        upgraded_floor_cpu_ratio=floor.cpus / larger,
        **{"missed_date": monday.isoformat()} if misses else {},
    )


@check("X-71")
def maintenance(policy: Policy, _: HostPolicy) -> Breach | None:
    """A graceful scale-down has no number, and the autoscaler would work against it."""
    rules, scaling = policy.maintenance, policy.scaling
    if not rules.freezes_autoscaling.open:
        return None
    return Breach(api_instances=scaling.api.instances.minimum, worker_instances=scaling.worker.instances.minimum)
