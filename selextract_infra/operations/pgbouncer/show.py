"""PgBouncer on a terminal: its pools, who waits, and whose open transactions they wait for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from selextract_infra.model import figures
from selextract_infra.model.text import displayable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from selextract_infra.model.pooler import PoolerClient, PoolerLook, PoolerProcess

__all__ = ["print_pooler"]


def print_pooler(screen: Console, host: str, look: PoolerLook) -> None:
    """One host: whether there is a PgBouncer, and each of its processes."""
    screen.print(displayable(host), style="bold")
    if look.installed is None:
        screen.print("  no PgBouncer of ours")
    elif not look.running:
        screen.print("  PgBouncer does not run", style="bold red")
    elif not look.processes:
        screen.print("  PgBouncer runs and its console does not answer", style="bold red")
    for process in look.processes:
        _process(screen, process)
    if look.leaving:
        numbers = ", ".join(str(number) for number in look.leaving)
        screen.print(f"  process {numbers} takes no new clients and ends with its last")
    if look.led:
        screen.print(f"  led through it: {displayable(', '.join(look.led))}", soft_wrap=True)
    for service, address in sorted(look.addresses.items()):
        if address.problem:
            screen.print(
                f"  {displayable(service)} cannot be led through it: {displayable(address.problem)}", soft_wrap=True
            )


def _process(screen: Console, process: PoolerProcess) -> None:
    state = "PAUSED" if process.paused else "at work"
    clients, servers = figures.count(process.clients, "client"), figures.count(process.servers, "connection")
    screen.print(
        f"  {displayable(process.version)}, process {process.number}, {state}: {clients}, {servers} to Postgres",
        style="bold red" if process.paused else "",
    )
    table = _table("database", "user", "served", "waiting", "longest wait", "busy", "idle")
    for pool in process.pools:
        table.add_row(
            displayable(pool.database),
            displayable(pool.user),
            str(pool.active),
            str(pool.waiting),
            figures.latency(pool.longest_wait),
            str(pool.servers_active),
            str(pool.servers_idle),
        )
    if process.pools:
        screen.print(table)
    _people(screen, "waiting", process.waiting)
    if process.waiting or process.paused:
        _people(screen, "in a transaction, the oldest first", process.holding)


def _people(screen: Console, what: str, people: Sequence[PoolerClient]) -> None:
    if not people:
        return
    screen.print(f"  {what}:")
    for one in people:
        waited = f", for {figures.latency(one.waited)}" if one.waited else ""
        application = f" ({one.application})" if one.application else ""
        text = f"{one.user} on {one.database} from {one.address}{application}{waited}, since {one.since}"
        screen.print(f"    {displayable(text)}", soft_wrap=True)


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table as RichTable

    table = RichTable(box=box.SIMPLE, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place < 2 else "right")
    return table
