"""The replication: the primary, each replica with what is wrong with it, and who answers reads."""

from __future__ import annotations

from collections.abc import Iterator

from selextract_infra.model.figures import disk, duration
from selextract_infra.operations.replicas.replication import BalancerSeen, ReplicaSeen, Replication
from selextract_infra.report.table import Block, Cell, Line, Tone, number, prose, table

__all__ = ["show_replication"]


def show_replication(replication: Replication) -> Iterator[Block]:
    """The primary, its replicas and the balancer for reads."""
    name = replication.primary_host
    primary = replication.hosts[name].primary if name else None
    if name is None or primary is None:
        yield Line("No host runs the primary.")
        return
    yield Line(f"Primary: {primary.container} on {name}, PostgreSQL {primary.major}, {disk(primary.data_bytes)}")
    if replication.replicas:
        rows = (_replica(host, replica) for host, replica in replication.replicas.items())
        yield table(("host", "role", "state", number("behind"), prose("problem")), rows)
    else:
        yield Line("No replicas: reads and analytics are answered by the primary (X-63).")
    balancer = replication.hosts[name].balancer
    if balancer is not None:
        yield _balancer(balancer)


def _replica(host: str, replica: ReplicaSeen) -> tuple[str | Cell, ...]:
    state = "paused" if replica.paused else "streams" if replica.streaming else replica.state
    return (
        host,
        replica.role or "unfinished",
        Cell(state, Tone.GOOD if replica.problem is None else Tone.BAD),
        duration(replica.lag_seconds) if replica.streaming else "-",
        replica.problem or "",
    )


def _balancer(balancer: BalancerSeen) -> Block:
    if not balancer.running:
        return Line("The balancer for reads does not run.", Tone.BAD)
    return table(
        ("asked for", "server", "status", number("connections"), number("in all")),
        (
            (
                server.backend,
                server.name,
                Cell(server.status, Tone.GOOD if server.status.startswith(("UP", "no check")) else Tone.WARNING),
                str(server.sessions),
                str(server.total),
            )
            for server in balancer.servers
        ),
    )
