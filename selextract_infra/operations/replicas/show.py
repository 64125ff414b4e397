"""The replication as tables for a terminal."""

from __future__ import annotations

from rich.console import Console

from selextract_infra.model.figures import disk, duration
from selextract_infra.model.replication import BalancerSeen, ReplicaSeen, Replication
from selextract_infra.report.texts import new_table, plain

__all__ = ["print_replication"]


def print_replication(screen: Console, seen: Replication) -> None:
    """The primary, each replica with what is wrong with it, and who answers reads."""
    name = seen.primary_host
    primary = seen.hosts[name].primary if name else None
    if name is None or primary is None:
        screen.print(plain("No host runs the primary."))
        return
    screen.print(
        plain(f"Primary: {primary.container} on {name}, PostgreSQL {primary.major}, {disk(primary.data_bytes)}")
    )
    table = new_table("host", "role", "state", "behind", "")
    for host, replica in seen.replicas.items():
        table.add_row(
            plain(host),
            plain(replica.role or "unfinished"),
            plain(_state(replica), "green" if replica.problem is None else "red"),
            plain(duration(replica.lag_seconds) if replica.streaming else "-"),
            plain(replica.problem or ""),
        )
    if seen.replicas:
        screen.print(table)
    else:
        screen.print(plain("No replicas: reads and analytics are answered by the primary (X-63)."))
    balancer = seen.hosts[name].balancer
    if balancer is not None:
        _print_balancer(screen, balancer)


def _state(replica: ReplicaSeen) -> str:
    if replica.streaming and not replica.paused:
        return "streams"
    return "paused" if replica.paused else replica.state


def _print_balancer(screen: Console, balancer: BalancerSeen) -> None:
    if not balancer.running:
        screen.print(plain("The balancer for reads does not run.", "red"))
        return
    table = new_table("asked for", "server", "status", "connections", "in all")
    for server in balancer.servers:
        table.add_row(
            plain(server.backend),
            plain(server.name),
            plain(server.status, "green" if server.status.startswith(("UP", "no check")) else "yellow"),
            plain(server.sessions),
            plain(server.total),
        )
    screen.print(table)
