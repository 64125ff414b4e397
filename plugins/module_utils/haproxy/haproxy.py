"""HAProxy at run time, over its admin socket: which servers it has, how they are, and how they come and go."""

from __future__ import annotations

import csv
import re
import socket
import time
from collections.abc import Collection
from dataclasses import dataclass

from ..system.failure import HostSideError
from ..system.waiting import waited_for

__all__ = ["AdminSocket", "Server", "begun_answers"]

_API = "api"
_ANSWER_BOUND = 10.0  # seconds for one answer
_PAUSE = 0.1
_SLOW_PAUSE = 1.0
_CUT_BOUND = 10.0  # seconds for what was cut to be gone
_NAME, _LOOKED_UP = 3, 17  # columns of `show servers state`
_SESSION = re.compile(r"^(0x[0-9a-f]+): ", re.MULTILINE)
_STATUS = re.compile(r"^  txn=.* status=([1-9]\d\d) ", re.MULTILINE)


@dataclass(frozen=True)
class Server:
    """One server as HAProxy sees it: its status (``UP``, ``DOWN``, ``MAINT``…), and the requests it holds."""

    name: str
    status: str
    sessions: int
    address: str

    @property
    def serving(self) -> bool:
        """Whether it gets new requests."""
        return self.status.startswith(("UP", "no check"))


class AdminSocket:
    """The admin socket of a running HAProxy, for one of its backends; each command is a connection of its own.

    Raises ``HostSideError`` of kind ``balancer`` where nobody answers, or where HAProxy does not do what it is told.
    """

    def __init__(self, path: str, backend: str = _API) -> None:
        self.path = path
        self._backend = backend

    def ask(self, command: str) -> str:
        """The answer to one command, without the empty lines at its end."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_ANSWER_BOUND)
                connection.connect(self.path)
                connection.sendall(command.encode() + b"\n")
                parts = []
                while part := connection.recv(1 << 16):
                    parts.append(part)
        except OSError as problem:
            reason = problem.strerror or "no answer in time"
            raise HostSideError(
                f"The balancer does not answer at {self.path} ({reason}).", kind="balancer"
            ) from problem
        return b"".join(parts).decode("utf-8", "replace").rstrip("\n")

    @property
    def answers(self) -> bool:
        """Whether HAProxy is there."""
        try:
            return bool(self.ask("show version"))
        except HostSideError:
            return False

    def servers(self) -> dict[str, Server]:
        """The servers of the backend, by name."""
        return {
            name: Server(name, row["status"], int(row["scur"] or 0), row.get("addr") or "")
            for name, row in self.rows().items()
        }

    def rows(self) -> dict[str, dict[str, str]]:
        """What HAProxy tells of each server of the backend, by column."""
        lines = self.ask("show stat").splitlines()
        rows = csv.DictReader([lines[0].lstrip("# "), *lines[1:]] if lines else [])
        return {
            row["svname"]: row
            for row in rows
            if row["pxname"] == self._backend and row["svname"] not in ("FRONTEND", "BACKEND")
        }

    def unnamed(self) -> list[str]:
        """The servers that were added at run time: known by an address that nobody looks up again."""
        rows = [line.split() for line in self.ask(f"show servers state {self._backend}").splitlines()]
        return [row[_NAME] for row in rows if len(row) > _LOOKED_UP and row[0].isdigit() and row[_LOOKED_UP] == "-"]

    def enter(self, name: str, address: str, port: int, options: str) -> bool:
        """Let a server get requests; returns whether it had to be made anew. One that is there gets this address."""
        new = name not in self.servers()
        if new:
            self.add(name, f"{address}:{port} {options}")
        else:
            self.ask(f"set server {self._backend}/{name} addr {address} port {port}")
            self.ask(f"set server {self._backend}/{name} state ready")
        if not self.servers()[name].serving:
            raise HostSideError(f"The balancer does not take {name} into rotation.", kind="balancer")
        return new

    def add(self, name: str, about: str) -> None:
        """Make a server, with its checks; ``about`` is its address and its options, as in the configuration."""
        self.tell(f"add server {self._backend}/{name} {about}", "New server registered.")
        self.tell(f"enable health {self._backend}/{name}")
        self.ask(f"enable server {self._backend}/{name}")

    def ready(self, name: str) -> None:
        """Let a server that was drained get requests again, as soon as its check finds it good."""
        self.tell(f"set server {self._backend}/{name} state ready")

    def drain(self, names: Collection[str], bound: float, longest: float) -> int:
        """Give these servers nothing new and wait until they hold no request, as ``finish`` does."""
        for name in names:
            self.tell(f"set server {self._backend}/{name} state drain")
        try:
            return self.finish(names, bound, longest)
        except HostSideError:
            for name in names:
                self.ask(f"set server {self._backend}/{name} state ready")
            raise

    def finish(self, names: Collection[str], bound: float, longest: float) -> int:
        """Wait until these servers hold no request; returns how many had to be cut.

        An answer that has begun and still goes on after ``bound`` seconds is a stream or a long download; it is cut,
        or its instance could never leave. A request that has no answer yet gets ``longest`` seconds, after which the
        balancer and Nginx would give it up anyway.
        """
        began, cut = time.monotonic(), set()
        while held := [name for name in names if self._sessions(name) > 0]:
            waited = time.monotonic() - began
            if waited > max(bound, longest) + _CUT_BOUND:
                raise HostSideError(f"The balancer does not let go of {', '.join(held)}.", kind="balancer")
            if waited > max(bound, longest):
                for name in held:
                    cut |= {f"{name} {number}" for number in range(self._sessions(name))}
                    self.ask(f"shutdown sessions server {self._backend}/{name}")
            elif waited > bound:
                streams = begun_answers(self.ask("show sess all"), held, self._backend)
                for session in streams:
                    self.ask(f"shutdown session {session}")
                cut |= set(streams)
            time.sleep(_PAUSE if waited <= bound else _SLOW_PAUSE)
        return len(cut)

    def _sessions(self, name: str) -> int:
        server = self.servers().get(name)
        return server.sessions if server else 0

    def remove(self, name: str) -> None:
        """Take a drained server away; one that the configuration names stays in maintenance until the next reload."""
        self.tell(f"set server {self._backend}/{name} state maint")
        self.ask(f"del server {self._backend}/{name}")

    def remove_entirely(self, name: str, bound: float) -> None:
        """Take a drained server away that the configuration names by address; raises where it stays."""
        self.tell(f"set server {self._backend}/{name} state maint")
        if not waited_for(lambda: "deleted" in self.ask(f"del server {self._backend}/{name}"), bound):
            raise HostSideError(f"The balancer does not let go of {name}.", kind="balancer")

    def events(self, ring: str) -> list[str]:
        """The lines that a ring holds, oldest first."""
        return self.ask(f"show events {ring}").splitlines()

    def worker(self) -> str:
        """Which process does the work: another one after each reload."""
        return self._info().get("Pid", "")

    def uptime(self) -> float:
        """For how many seconds that process has been at work."""
        return float(self._info().get("Uptime_sec", 0))

    def _info(self) -> dict[str, str]:
        return dict(line.split(": ", 1) for line in self.ask("show info").splitlines() if ": " in line)

    def tell(self, command: str, wanted: str = "") -> None:
        """A command that HAProxy has to accept: it says ``wanted``, or nothing."""
        answer = self.ask(command).strip()
        if answer != wanted:
            said = answer.splitlines()[0] if answer else "nothing"
            raise HostSideError(f"The balancer refuses {' '.join(command.split()[:3])!r}: {said}", kind="balancer")


def begun_answers(sessions: str, servers: Collection[str], backend: str = _API) -> list[str]:
    """Of the answer to ``show sess all``, the sessions on these servers whose answer has begun."""
    begins = list(_SESSION.finditer(sessions))
    ends = [match.start() for match in begins[1:]] + [len(sessions)]
    names = "|".join(map(re.escape, servers))
    here = re.compile(rf"^  backend={backend} .*\n  server=(?:{names}) ", re.MULTILINE)
    texts = {match[1]: sessions[match.end() : ends[index]] for index, match in enumerate(begins)}
    return [session for session, text in texts.items() if here.search(text) and _STATUS.search(text)]
