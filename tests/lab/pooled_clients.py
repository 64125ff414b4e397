"""Clients that write and read all the time, inside a lab host: what was acknowledged, what failed, the longest wait.

Runs in a container of the stack's image. ``/clients`` holds the password file and, in the end, the file that stops it.
Half of the clients keep their connection, the others make a new one for each transaction.
"""

from __future__ import annotations

import importlib
import json
import pathlib
import sys
import threading
import time
from typing import Any

HOME = pathlib.Path("/clients")
BREATH = 0.02
PSYCOPG: Any = importlib.import_module("psycopg")


class Client:
    """One client with its counts; ``rows`` is how many rows Postgres has acknowledged."""

    def __init__(self, number: int, host: str, port: int, *, keeps: bool) -> None:
        self.number = number
        self.rows = 0
        self.failed: list[str] = []
        self.longest = 0.0
        self._keeps = keeps
        self._where: dict[str, Any] = {
            "host": host, "port": port, "user": "selextract", "dbname": "selextract", "connect_timeout": 150,
            "passfile": str(HOME / "passfile"), "sslmode": "require" if port == 6432 else "prefer",
        }  # fmt: skip
        self._connection: Any = None

    def work(self, transactions: int | None) -> None:
        """Write and read, so many times or until the file ``stop`` is there."""
        while self.rows != transactions and not (HOME / "stop").exists():
            began = time.monotonic()
            try:
                self._transaction()
                self.rows += 1
            except (PSYCOPG.Error, AssertionError, OSError) as problem:
                self.failed.append(f"{type(problem).__name__}: {problem}"[:200])
                self._connection = None
            self.longest = max(self.longest, time.monotonic() - began)
            time.sleep(BREATH)

    def _transaction(self) -> None:
        if self._connection is None:
            self._connection = PSYCOPG.connect(**self._where)
        with self._connection.transaction():
            self._connection.execute("INSERT INTO counted VALUES (%s, %s)", (self.number, self.rows + 1))
            row = self._connection.execute("SELECT max(row) FROM counted WHERE client = %s", (self.number,)).fetchone()
        assert row == (self.rows + 1,), row
        if not self._keeps:
            self._connection.close()
            self._connection = None


def main() -> None:
    host, port, first, count, transactions = sys.argv[1], *map(int, sys.argv[2:6])
    clients = [Client(first + place, host, port, keeps=transactions > 0 or place % 2 == 0) for place in range(count)]
    threads = [threading.Thread(target=client.work, args=(transactions or None,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted = {
        "rows": {client.number: client.rows for client in clients},
        "failed": [reason for client in clients for reason in client.failed],
        "longest": max(client.longest for client in clients),
    }
    sys.stdout.write(json.dumps(counted) + "\n")


if __name__ == "__main__":
    main()
