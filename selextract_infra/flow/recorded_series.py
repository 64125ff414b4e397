"""Forecast: read a series from a file or from the journal, then judge it by the Policy. Nothing is changed anywhere."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path

from selextract_infra.errors import UsageError
from selextract_infra.flow.journal.journal import Journal
from selextract_infra.hosts.observe.csv_file import opened
from selextract_infra.hosts.observe.series_csv import read_series
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import HostObservation, Limits
from selextract_infra.planning.forecast.days import ForecastEvent, read_events
from selextract_infra.planning.forecast.series import DailyUse, Series, daily_series
from selextract_infra.policy import Policy

__all__ = ["HostResource", "Recorded", "file_events", "file_series", "journal_series"]

_LARGE = 100_000_000


class HostResource(StrEnum):
    """What the journal knows of a host: of a service its memory and CPU, of the host itself its disk."""

    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"


@dataclass(frozen=True)
class Recorded:
    """A series of the journal, in bytes or cores, and the limit that held last; None where there is none."""

    series: Series
    limit: float | None


def file_series(
    path: Path,
    column: str,
    policy: Policy,
    *,
    time_column: str | None = None,
    use: DailyUse = DailyUse.MEAN,
    zone: tzinfo | None = None,
    on_large: Callable[[int], None] | None = None,
) -> Series:
    """The daily use in a column of a CSV file. ``on_large`` is told the size of a file that will take a while.

    Raises UsageError, naming the line, when the file is not there or cannot be read as a series.
    """
    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if on_large is not None and size > _LARGE:
            on_large(size)
        return read_series(
            stream,
            column,
            file=path.name,
            time_column=time_column,
            use=use,
            zone=zone,
            minimum_coverage=policy.forecast.minimum_coverage,
        )


def file_events(path: Path) -> tuple[ForecastEvent, ...]:
    """Planned events from a CSV file. Raises UsageError."""
    with opened(path) as stream:
        return read_events(stream, file=path.name)


def journal_series(
    journal: Journal, host: str, service: str | None, resource: HostResource, policy: Policy, *, now: datetime
) -> Recorded:
    """What the journal holds of a service's memory or CPU, or of a host's disk, by day (UTC).

    Of a service's containers the highest counts; of a day the highest memory and disk, and the mean CPU. Raises
    UsageError when the journal does not know the host or the service.
    """
    newest = journal.last_observation()
    observed = newest.host(host) if newest is not None else None
    if newest is None or observed is None:
        known = ", ".join(host.name for host in newest.hosts) if newest is not None else ""
        raise UsageError(
            f"The journal holds no observation of {host}" + (f"; its newest one has {known}." if known else "."),
            remedy="selextract-infra observe",
        )
    if resource is HostResource.DISK:
        return _disk(journal, observed, policy, now)
    if service is None:
        raise UsageError(f"Whose {resource} is meant?", remedy="name a service with --service")
    return _service(journal, observed, service, resource, policy, now)


def _disk(journal: Journal, observed: HostObservation, policy: Policy, now: datetime) -> Recorded:
    used: dict[datetime, float] = {}
    since = now - timedelta(seconds=policy.forecast.history)
    for at, facts in journal.host_facts(observed.name, since=since):
        if facts.disk_total is not None and facts.disk_free is not None:
            used[at] = float(facts.disk_total - facts.disk_free)
    total = observed.facts.disk_total
    series = _series(f"disk of {observed.name}", "bytes", used, DailyUse.MAX, policy)
    return Recorded(series, None if total is None else float(total))


def _service(
    journal: Journal, observed: HostObservation, service: str, resource: HostResource, policy: Policy, now: datetime
) -> Recorded:
    since = now - timedelta(seconds=policy.forecast.history)
    histories = journal.history(observed.facts.machine_id, since=since, before=now)
    mine = [history for history in histories if history.service == service]
    if not mine:
        known = ", ".join(sorted({history.service for history in histories if history.service}))
        raise UsageError(
            f"The journal holds no history of {service} on {observed.name}" + (f"; it has {known}." if known else "."),
            remedy="selextract-infra sampler, and observe at least once a week",
        )
    memory = resource is HostResource.MEMORY
    used = _highest(mine, memory=memory)
    limits = [container.limits for container in observed.containers if container.service == service]
    name = f"{resource} of {service} on {observed.name}"
    unit, use = ("bytes of RAM", DailyUse.MAX) if memory else ("cores", DailyUse.MEAN)
    series = _series(name, unit, used, use, policy)
    return Recorded(series, _smallest(limits, memory=memory))


def _highest(histories: Sequence[ContainerHistory], *, memory: bool) -> dict[datetime, float]:
    """At each time the value of the container that uses most."""
    highest: dict[int, float] = defaultdict(float)
    for history in histories:
        values = history.memory if memory else history.cpu
        for at, value in zip(history.at.tolist(), values.tolist(), strict=True):
            highest[at] = max(highest[at], float(value))
    return {datetime.fromtimestamp(at, UTC): value for at, value in highest.items()}


def _smallest(limits: Sequence[Limits], *, memory: bool) -> float | None:
    known = [limit.memory if memory else limit.cpus for limit in limits]
    numbers = [float(value) for value in known if value is not None]
    return min(numbers) if numbers and len(numbers) == len(known) else None


def _series(name: str, unit: str, used: Mapping[datetime, float], use: DailyUse, policy: Policy) -> Series:
    if not used:
        raise UsageError(f"The journal holds no value of the {name}.", remedy="selextract-infra observe")
    return replace(daily_series(name, used, use, minimum_coverage=policy.forecast.minimum_coverage), unit=unit)
