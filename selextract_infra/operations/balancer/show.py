"""The traffic of hosts: who serves, how many requests, what waits, which switches are on."""

from __future__ import annotations

from collections.abc import Iterator

from selextract_infra.model.figures import count, duration, latency, percent
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.traffic import BalancerObservation, RedisObservation, TrafficWindow
from selextract_infra.report.table import Block, Line, Table, Tone, number, table

__all__ = ["show_traffic"]

_UNKNOWN = "-"


def show_traffic(observation: Observation) -> Iterator[Block]:
    """What each host showed of its traffic."""
    for host in observation.hosts:
        yield Line(host.name, Tone.STRONG)
        yield from (Line(sentence, indent=2) for sentence in _sentences(host))
        balancer = host.traffic.balancer
        if balancer is not None and balancer.running:
            yield _servers(balancer)
            columns = map(number, ("requests", "per second", "failed", "P50", "P95", "P99"))
            yield table(("the last", *columns), map(_window, balancer.windows))


def _sentences(host: HostObservation) -> Iterator[str]:
    traffic = host.traffic
    if traffic.balancer is None:
        yield "No balancer of ours; selextract-infra balancer on"
    elif traffic.balancer.problem:
        yield traffic.balancer.problem
    redis, nginx = traffic.redis, traffic.edge
    if redis is not None:
        yield from _tasks(redis)
    if nginx is not None:
        yield nginx.problem or f"Switches of Nginx that are on: {', '.join(nginx.switches) or 'none'}"


def _tasks(redis: RedisObservation) -> Iterator[str]:
    """What is pending; apart from it what is for later, and whose tasks are not known."""
    if redis.problem:
        yield redis.problem
        return
    if redis.pending is not None:
        waiting = f"{redis.queued} in queues, {redis.reserved} with workers"
        later = f"; {redis.scheduled:,} for later" if redis.scheduled else ""
        yield f"{count(redis.pending, 'task')} pending: {waiting}{later}"
    for tasks in redis.tasks:
        if tasks.problem:
            yield f"Pending tasks of {tasks.service} are not known. {tasks.problem}"


def _servers(balancer: BalancerObservation) -> Table:
    return table(
        ("instance", "status", number("requests now"), "address"),
        ((server.name, server.status, str(server.sessions), server.address) for server in balancer.servers),
    )


def _window(window: TrafficWindow) -> tuple[str, ...]:
    return (
        duration(min(window.seconds, window.covered)),
        f"{window.requests:,}",
        _UNKNOWN if window.rate is None else f"{window.rate:.1f}",
        _UNKNOWN if window.error_rate is None else percent(window.error_rate),
        *(_UNKNOWN if time is None else latency(time) for time in (window.p50, window.p95, window.p99)),
    )
