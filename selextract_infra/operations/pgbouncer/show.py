"""PgBouncer: its pools, who waits, and whose open transactions they wait for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from selextract_infra.model.figures import count, latency
from selextract_infra.report.table import Block, Line, Tone, number, table

if TYPE_CHECKING:
    from selextract_infra.operations.pgbouncer.pooler import PoolerClient, PoolerLook, PoolerProcess, PoolerStatus

__all__ = ["show_pooler"]


def show_pooler(status: PoolerStatus) -> Iterator[Block]:
    """Each host: whether there is a PgBouncer, and each of its processes; hosts that were not reached."""
    for name, look in sorted(status.hosts.items()):
        yield Line(name, Tone.STRONG)
        yield from _host(look)
    for name, reason in sorted(status.unreachable.items()):
        yield Line(f"{name} was not reached: {reason}", Tone.BAD)


def _host(look: PoolerLook) -> Iterator[Block]:
    if look.installed is None:
        yield Line("no PgBouncer of ours", indent=2)
    elif not look.running:
        yield Line("PgBouncer does not run", Tone.WORST, indent=2)
    elif not look.processes:
        yield Line("PgBouncer runs and its console does not answer", Tone.WORST, indent=2)
    for process in look.processes:
        yield from _process(process)
    if look.leaving:
        numbers = ", ".join(map(str, look.leaving))
        yield Line(f"process {numbers} takes no new clients and ends with its last", indent=2)
    if look.led:
        yield Line(f"led through it: {', '.join(look.led)}", indent=2)
    for service, address in sorted(look.addresses.items()):
        if address.problem:
            yield Line(f"{service} cannot be led through it: {address.problem}", indent=2)


def _process(process: PoolerProcess) -> Iterator[Block]:
    state = "PAUSED" if process.paused else "at work"
    clients, servers = count(process.clients, "client"), count(process.servers, "connection")
    yield Line(
        f"{process.version}, process {process.number}, {state}: {clients}, {servers} to Postgres",
        Tone.WORST if process.paused else Tone.PLAIN,
        indent=2,
    )
    if process.pools:
        columns = map(number, ("served", "waiting", "longest wait", "busy", "idle"))
        yield table(
            ("database", "user", *columns),
            (
                (
                    pool.database,
                    pool.user,
                    str(pool.active),
                    str(pool.waiting),
                    latency(pool.longest_wait),
                    str(pool.servers_active),
                    str(pool.servers_idle),
                )
                for pool in process.pools
            ),
        )
    yield from _clients("waiting", process.waiting)
    if process.waiting or process.paused:
        yield from _clients("in a transaction, the oldest first", process.holding)


def _clients(state: str, clients: Sequence[PoolerClient]) -> Iterator[Block]:
    if clients:
        yield Line(f"{state}:", indent=2)
    for client in clients:
        waited = f", for {latency(client.waited)}" if client.waited else ""
        application = f" ({client.application})" if client.application else ""
        yield Line(
            f"{client.user} on {client.database} from {client.address}{application}{waited}, since {client.since}",
            indent=4,
        )
