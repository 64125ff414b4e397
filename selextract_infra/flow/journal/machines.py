"""Which machine each host of an inventory is: bound at first sight, so that no host speaks for another one.

Usage is filed by machine-id, and a machine-id is what a host says of itself. A host that said another's could rewrite
that one's history, so what it says is only taken where that machine is not known as another host.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

__all__ = ["bind_machines", "cursors_of", "machine_owner"]

_KEPT = 3  # machines of one host: it is reinstalled, it moves; one that has a new name at every look keeps no more


def machine_owner(database: sqlite3.Connection, machine_id: str) -> tuple[str, str] | None:
    """The host as which that machine is known, and its inventory; None where nobody has seen it yet."""
    row = database.execute("SELECT host, inventory FROM machines WHERE machine_id = ?", (machine_id,)).fetchone()
    return (row[0], row[1]) if row else None


def bind_machines(
    database: sqlite3.Connection, machines: Mapping[str, str], inventory: str, others: Iterable[str] | None
) -> dict[str, str]:
    """Note which machine each host is; ``machines`` has by host what it says. Returns those that are refused, and why.

    ``others`` are all hosts of the inventory, None where only some of them were looked at: a machine that is known as
    a host which the inventory has no more was renamed, otherwise it is that host's.
    """
    refused: dict[str, str] = {}
    known = None if others is None else set(others)
    for host, machine_id in machines.items():
        twins = sorted(name for name, other in machines.items() if other == machine_id and name != host)
        owner = machine_owner(database, machine_id)
        if owner is None and twins:
            refused[host] = f"{', '.join(twins)} says so too"
        elif owner is not None and owner[0] != host and not _renamed(owner, inventory, known):
            refused[host] = f"that machine is known as {owner[0]}"
        else:
            database.execute("INSERT OR REPLACE INTO machines VALUES (?, ?, ?)", (machine_id, host, inventory))
            _forget_former(database, host)
    return refused


def _renamed(owner: tuple[str, str], inventory: str, known: set[str] | None) -> bool:
    host, its_inventory = owner
    return its_inventory == inventory and known is not None and host not in known


def _forget_former(database: sqlite3.Connection, host: str) -> None:
    rows = database.execute("SELECT machine_id FROM machines WHERE host = ? ORDER BY rowid DESC", (host,)).fetchall()
    for (machine_id,) in rows[_KEPT:]:
        database.execute("DELETE FROM machines WHERE machine_id = ?", (machine_id,))
        database.execute("DELETE FROM buckets WHERE machine_id = ?", (machine_id,))


def cursors_of(database: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """Start of the newest bucket held, by host and machine-id."""
    rows = database.execute(
        "SELECT machines.host, machines.machine_id, (SELECT MAX(at) FROM buckets"
        " WHERE buckets.machine_id = machines.machine_id) AS newest FROM machines WHERE newest IS NOT NULL"
    )
    cursors: dict[str, dict[str, int]] = {}
    for host, machine_id, newest in rows:
        cursors.setdefault(host, {})[machine_id] = newest
    return cursors
