"""The PgBouncer processes of one container: which run, which answer, and what their consoles say."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ..postgres.wire import Login, Wire
from ..system.failure import HostSideError
from .ini import ADMIN, RUN

__all__ = ["Process", "Row", "answering", "leaving"]

Row = dict[str, "str | None"]

_INI = re.compile(re.escape(RUN) + r"/(\d+)\.ini\Z")


@dataclass(frozen=True)
class Process:
    """One process that answers on its console; ``user`` is its user ID as the host sees it."""

    number: int
    socket: str
    user: int

    def rows(self, command: str, *, timeout: float = 10.0) -> list[Row]:
        """What the console answers to a command. Raises ``HostSideError`` of kind ``postgres``."""
        with Wire(self.socket, Login(ADMIN, ADMIN), timeout=timeout, as_user=self.user) as wire:
            return wire.rows(command)

    def clients(self) -> list[Row]:
        """The clients of the app; whoever looks at the console is none."""
        return [row for row in self.rows("SHOW CLIENTS") if row.get("database") != ADMIN]

    def holding(self) -> list[str]:
        """Whose transactions are open, in words."""
        busy = [row for row in self.rows("SHOW SERVERS") if row.get("state") == "active"]
        return [f"{row.get('user')} on {row.get('database')} since {row.get('request_time')}" for row in busy]

    @property
    def paused(self) -> bool:
        """Whether a PAUSE is in force or on its way."""
        return any(row.get("key") == "paused" and row.get("value") == "yes" for row in self.rows("SHOW STATE"))


def answering(folder: str, port: int) -> list[Process]:
    """The processes with a console in ``folder`` that answer, the oldest first; one that leaves has closed its own."""
    by_age: list[tuple[float, Process]] = []
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        place = os.path.join(folder, name)
        socket = os.path.join(place, f".s.PGSQL.{port}")
        if not name.isdigit() or not os.path.exists(socket):
            continue
        process = Process(int(name), socket, os.stat(place).st_uid)
        try:
            process.rows("SHOW VERSION", timeout=5.0)
        except HostSideError:
            continue  # a socket that a killed process has left
        by_age.append((os.stat(socket).st_mtime, process))
    return [process for _, process in sorted(by_age, key=lambda one: one[0])]


def leaving(container_id: str, answer: list[Process]) -> list[int]:
    """The numbers of processes of a container that run and take no new clients any more."""
    numbers = {process.number for process in answer}
    return sorted(set(_running(container_id)) - numbers)


def _running(container_id: str) -> list[int]:
    identities = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as source:
                words = source.read().split(b"\0")
            if len(words) < 2 or not words[0].endswith(b"pgbouncer"):
                continue
            match = _INI.match(words[1].decode("utf-8", "replace"))
            with open(f"/proc/{name}/cgroup", encoding="utf-8") as source:
                ours = container_id in source.read()
        except OSError:
            continue  # it ended meanwhile
        if match and ours:
            identities.append(int(match[1]))
    return identities
