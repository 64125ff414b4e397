"""Measurements of requests, tasks and connections from a single look: the balancer's log holds whole windows (X-42).

A window counts each request of its time once, so it says as much as samples over that time would. Beside it: the usual
throughput of an hour of the week (X-38): without it every quiet night would be an alert.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time

from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.samples import Samples
from selextract_infra.assess.tasks import pending_of
from selextract_infra.errors import PolicyError
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.traffic import BalancerObservation, RedisObservation, TrafficWindow
from selextract_infra.policy import Policy

__all__ = ["TimeOfWeek", "measured_rate", "traffic_measurements", "usual_throughput"]


def traffic_measurements(observation: Observation, policy: Policy) -> tuple[Measurement, ...]:
    """What the hosts say of their traffic; what was not seen is left out."""
    return tuple(
        measurement for host in observation.hosts for measurement in _of_host(host, observation.at.timestamp(), policy)
    )


def measured_rate(host: HostObservation, service: str, policy: Policy) -> float | None:
    """Requests per second over the longest window that the balancer before a service has seen; None where none is."""
    balancer = host.traffic.balancer
    if balancer is None or not balancer.running or balancer.service != service:
        return None
    least = policy.trigger_rules.sustained.minimum_coverage
    covered = [
        window for window in balancer.windows if window.rate is not None and window.covered >= least * window.seconds
    ]
    longest = max(covered, key=lambda window: window.seconds, default=None)
    return None if longest is None else longest.rate


def _of_host(host: HostObservation, now: float, policy: Policy) -> Iterator[Measurement]:
    balancer, redis, postgres = host.traffic.balancer, host.traffic.redis, host.postgres
    if balancer is not None and balancer.running:
        yield from _of_balancer(f"{host.name}/{balancer.service}", balancer, now, policy)
    if redis is not None:
        yield from _of_tasks(host, redis, now, policy)
    if postgres is not None and postgres.problem is None:
        samples = Samples((now,), (float(postgres.connections.open),))
        yield Measurement("database_connections", f"{host.name}/{postgres.service}", samples, "database")


def _of_tasks(host: HostObservation, redis: RedisObservation, now: float, policy: Policy) -> Iterator[Measurement]:
    """All that are pending at the broker; where those of one service are not known, the others by themselves."""
    all_of_it = pending_of(redis, policy)
    pending = {redis.service: all_of_it}
    if all_of_it is None:
        pending = {tasks.service: pending_of(tasks, policy) for tasks in redis.tasks}
    for name, tasks in pending.items():
        if tasks is not None:
            yield Measurement("pending_tasks", f"{host.name}/{name}", Samples((now,), (float(tasks),)), "redis")


def _of_balancer(subject: str, balancer: BalancerObservation, now: float, policy: Policy) -> Iterator[Measurement]:
    least = policy.trigger_rules.sustained.minimum_coverage
    windows = [
        window for window in balancer.windows if window.rate is not None and window.covered >= least * window.seconds
    ]
    for metric in ("requests_per_second", "error_rate", "response_time_p95"):
        samples = _samples(metric, windows, now, policy.monitoring.raw_interval)
        if samples.at:
            yield Measurement(metric, subject, samples, "api")


def _samples(metric: str, windows: list[TrafficWindow], now: float, interval: float) -> Samples:
    """The value of the shortest window that reaches back to each time, oldest first."""
    at: list[float] = []
    values: list[float] = []
    longest = max((window.seconds for window in windows), default=0.0)
    age = 0.0
    while age < longest:
        window = min((window for window in windows if window.seconds > age), key=lambda window: window.seconds)
        at.append(now - age)
        values.append(_value(metric, window))
        age += interval
    return Samples(tuple(reversed(at)), tuple(reversed(values)), interval)


def _value(metric: str, window: TrafficWindow) -> float:
    """Where nothing was asked, nothing failed and nothing was slow."""
    if metric == "requests_per_second":
        return window.rate or 0.0
    return (window.error_rate if metric == "error_rate" else window.p95) or 0.0


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHAPE = re.compile(r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")
_END_OF_DAY = "24:00"


@dataclass(frozen=True)
class TimeOfWeek:
    """Hours of some days: ``mon-fri 08:00-20:00``, half-open; both may wrap (``fri-mon``, ``22:00-06:00``).

    Hours that run over midnight belong to the day on which they begin.
    """

    days: frozenset[int]
    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> TimeOfWeek:
        """Read one; raises PolicyError with the accepted form."""
        match = _SHAPE.fullmatch(text.strip().lower())
        try:
            parts = match.groupdict() if match else {}
            first = _DAYS.index(parts["first"])
            last = _DAYS.index(parts["last"] or parts["first"])
            start = time.fromisoformat(parts["start"])
            end = time(0) if parts["end"] == _END_OF_DAY else time.fromisoformat(parts["end"])
        except (KeyError, ValueError):
            raise PolicyError(f"{text[:60]!r} is not a time of the week; accepted: mon-fri 08:00-20:00") from None
        count = (last - first) % len(_DAYS) + 1
        return cls(frozenset((first + number) % len(_DAYS) for number in range(count)), start, end)

    def covers(self, local: datetime) -> bool:
        """Whether a local time lies in it."""
        now, today = local.time(), local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= now < self.end
        yesterday = (today - 1) % len(_DAYS)
        return (today in self.days and now >= self.start) or (yesterday in self.days and now < self.end)


def usual_throughput(policy: Policy, local: datetime, *, multiplier: float = 1.0) -> float | None:
    """Requests per second that are usual at a local time, in a season so many times as much; None where nobody knows.

    The guide's load test is no usual throughput: until the team states one, low throughput cannot be judged (X-38).
    Raises PolicyError for a time of the week that cannot be read.
    """
    monitoring = policy.monitoring
    for text, rate in monitoring.throughput_hours.items():
        if TimeOfWeek.parse(text).covers(local):
            return rate * multiplier
    stated = monitoring.throughput_baseline.stated
    return None if stated is None else stated * multiplier
