"""What a season asks of the host, seen ahead of time (X-44): instances by load, and whether they fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

from selextract_infra.assess.hardware import after_phase, phase_id, reference_hardware
from selextract_infra.assess.workers import workers_needed
from selextract_infra.errors import UsageError
from selextract_infra.model.figures import amount, cores, percent
from selextract_infra.model.planning import Hardware, SeasonDemand
from selextract_infra.planning.demand import Needed, fits, instances_for, needed
from selextract_infra.policy import Policy

__all__ = ["SeasonLoad", "load_at", "next_first_day", "season_demand", "season_demands"]

_LONGEST_YEAR = 366
_PHASES = ("memory", "cpu")


@dataclass(frozen=True, slots=True)
class SeasonLoad:
    """Today's load times a factor: requests per second, tasks per hour, the instances for it, and their limits."""

    requests: float
    tasks: float
    api: int
    workers: int
    need: Needed


def next_first_day(policy: Policy, season: str, today: date) -> date:
    """The first day of the season that is on or comes next. Raises UsageError for an unknown season."""
    chosen = policy.seasons.get(season)
    if chosen is None:
        raise UsageError(f"There is no season {season[:40]!r}.", remedy=f"there are {', '.join(policy.seasons)}")
    if chosen.covers(today):
        day = today
        while chosen.covers(day - timedelta(days=1)) and (today - day).days < _LONGEST_YEAR:
            day -= timedelta(days=1)
        return day
    day = today
    while not chosen.covers(day):
        day += timedelta(days=1)
    return day


def season_demand(policy: Policy, season: str, today: date, *, host: Hardware | None = None) -> SeasonDemand:
    """Today's load times the season's factor, as instances, and whether they fit into the host.

    Memory must stay inside the host less its reserve; CPU limits may overcommit up to the policy's ratio (X-09). The
    phases that make it fit are named in their order.
    """
    present = host or reference_hardware(policy)
    first = next_first_day(policy, season, today)
    factor = policy.seasons[season].factor
    load = load_at(policy, factor)
    need, api, workers = load.need, load.api, load.workers
    phases, fits_after = _phases(policy, present, need)
    fits_now = fits(policy, need, present.cores, present.memory)
    name = season.replace("_", " ")
    if fits_now:
        verdict = "which fits"
    elif fits_after:
        verdict = f"which fits only after {', '.join(phases)}"
    else:
        verdict = "which no upgrade of this host makes fit: more hosts or fewer instances are needed"
    return SeasonDemand(
        name=season,
        first_day=first,
        days_ahead=max(0, (first - today).days),
        multiplier=factor,
        users=policy.kpis.concurrent_users.current * factor,
        requests_per_second=load.requests,
        tasks_per_hour=load.tasks,
        api_instances=api,
        worker_instances=workers,
        cores=need.cpus,
        memory=math.ceil(need.memory),
        cores_share=need.cpus / present.cores,
        memory_share=need.memory / present.memory,
        fits=fits_now,
        phases=phases if fits_after else (),
        sentence=(
            f"The season {name} {'begins' if first > today else 'began'} on {first} and asks for {api} API instances "
            f"and {workers} workers: "
            f"{cores(need.cpus)} ({percent(need.cpus / present.cores)}) and {amount(need.memory, 'bytes of RAM')} "
            f"({percent(need.memory / present.memory)}), {verdict}."
        ),
    )


def season_demands(policy: Policy, today: date, *, host: Hardware | None = None) -> tuple[SeasonDemand, ...]:
    """Every peak season, the next one first."""
    peaks = [name for name, season in policy.seasons.items() if season.factor > 1]
    demands = [season_demand(policy, name, today, host=host) for name in peaks]
    return tuple(sorted(demands, key=lambda demand: demand.first_day))


def load_at(policy: Policy, factor: float, *, capped: bool = True) -> SeasonLoad:
    """Today's load times ``factor``, with the instances that carry it: the fewest of the policy and more.

    ``capped``: and not more than the most of the policy.
    """
    api, worker = policy.scaling.api.instances, policy.scaling.worker.instances
    requests, tasks = policy.kpis.api_requests.current * factor, policy.kpis.tasks.current * factor
    wanted = workers_needed(tasks, policy.baseline.worker.task_duration, policy.cpu_parts.worker.concurrency)
    apis, workers = max(api.minimum, instances_for(policy, requests)), max(worker.minimum, wanted)
    if capped:
        apis, workers = min(api.maximum, apis), min(worker.maximum, workers)
    return SeasonLoad(requests, tasks, apis, workers, needed(policy, apis, workers))


def _phases(policy: Policy, host: Hardware, need: Needed) -> tuple[tuple[str, ...], bool]:
    """The phases in their order until it fits, and whether it then does."""
    done: list[str] = []
    for name in _PHASES:
        if fits(policy, need, host.cores, host.memory):
            break
        upgraded = after_phase(host, name, policy)
        if upgraded != host:
            done.append(phase_id(name, policy))
        host = upgraded
    return tuple(done), fits(policy, need, host.cores, host.memory)
