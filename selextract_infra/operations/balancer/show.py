"""The traffic of hosts on a terminal: who serves, how many requests, what waits, which switches are on."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from selextract_infra.model.figures import duration, percent
from selextract_infra.model.observation import HostObservation, Observation
from selextract_infra.model.traffic import BalancerObservation, TrafficWindow
from selextract_infra.report.texts import new_table, plain

__all__ = ["print_traffic"]

_UNKNOWN = "-"


def print_traffic(screen: Console, seen: Observation) -> None:
    """What each host showed of its traffic."""
    for host in seen.hosts:
        screen.print(plain(host.name, "bold"))
        for line in _lines(host):
            screen.print(plain(f"  {line}"))
        balancer = host.traffic.balancer
        if balancer is not None and balancer.running:
            screen.print(_servers(balancer))
            screen.print(_windows(balancer.windows))


def _lines(host: HostObservation) -> Iterator[str]:
    traffic = host.traffic
    if traffic.balancer is None:
        yield "No balancer of ours; selextract-infra balancer on"
    elif traffic.balancer.problem:
        yield traffic.balancer.problem
    redis, edge = traffic.redis, traffic.edge
    if redis is not None:
        waiting = f"{redis.pending} tasks pending: {redis.queued} in queues, {redis.reserved} with workers"
        yield redis.problem or waiting
    if edge is not None:
        yield edge.problem or f"Switches of Nginx that are on: {', '.join(edge.switches) or 'none'}"


def _servers(balancer: BalancerObservation) -> Table:
    table = new_table("instance", "status", "requests now", "address")
    for server in balancer.servers:
        table.add_row(*map(plain, (server.name, server.status, str(server.sessions), server.address)))
    return table


def _windows(windows: tuple[TrafficWindow, ...]) -> Table:
    table = new_table("the last", "requests", "per second", "failed", "P50", "P95", "P99")
    for one in windows:
        covered = duration(min(one.seconds, one.covered))
        rate = _UNKNOWN if one.rate is None else f"{one.rate:.1f}"
        failed = _UNKNOWN if one.error_rate is None else percent(one.error_rate)
        times = map(_milliseconds, (one.p50, one.p95, one.p99))
        table.add_row(*map(plain, (covered, str(one.requests), rate, failed, *times)))
    return table


def _milliseconds(seconds: float | None) -> str:
    return _UNKNOWN if seconds is None else f"{seconds * 1000:.0f} ms"
