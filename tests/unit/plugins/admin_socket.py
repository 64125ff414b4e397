"""A small server on a Unix socket that answers as HAProxy's admin socket does."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_HEAD = "# pxname,svname,scur,status,addr\n"


class Proxy:
    """Servers by name, each with status, sessions and address; ``said`` is every command, in its order."""

    def __init__(self, **servers: tuple[str, int, str]) -> None:
        self.servers: dict[str, list[Any]] = {name.replace("_", "-"): list(values) for name, values in servers.items()}
        self.dynamic: set[str] = set()
        self.said: list[str] = []
        self.sessions: dict[str, tuple[str, int]] = {}
        """By session, the server that it is on and the status of its answer, -1 for none yet."""
        self.refusal = ""

    def answer(self, command: str) -> str:
        """What HAProxy says."""
        self.said.append(command)
        words = command.split()
        name = words[2].partition("/")[2] if len(words) > 2 else ""
        if command == "show stat":
            rows = [
                f"api,{one},{held + sum(one == server for server, _ in self.sessions.values())},{status},{where}\n"
                for one, (status, held, where) in self.servers.items()
            ]
            return _HEAD + "edge,FRONTEND,0,OPEN,\n" + "".join(rows) + "api,BACKEND,0,UP,\n"
        if command == "show sess all" or words[0] == "shutdown":
            return self._sessions(words)
        if command.startswith("show servers state"):
            rows = [
                " ".join(["3", "api", "1", one, *["0"] * 13, "-" if one in self.dynamic else one, "8000"]) + "\n"
                for one in self.servers
            ]
            return "1\n# be_id be_name srv_id srv_name\n" + "".join(rows)
        if self.refusal and command.startswith("add server"):
            return self.refusal
        if command.startswith("add server"):
            self.servers[name] = ["MAINT", 0, words[3]]
            self.dynamic.add(name)
            return "New server registered.\n"
        if command.startswith("enable server"):
            self.servers[name][0] = "UP 1/3"
        elif " addr " in command:
            self.servers[name][2] = f"{words[4]}:{words[6]}"
        elif " state " in command:
            self.servers[name][0] = {"ready": "UP", "drain": "DRAIN", "maint": "MAINT"}[words[4]]
            self.servers[name][1] = max(0, self.servers[name][1] - 1)
        elif command.startswith("del server") and name in self.dynamic:
            del self.servers[name]
        return "\n"

    def _sessions(self, words: list[str]) -> str:
        if words[:3] == ["shutdown", "sessions", "server"]:
            name = words[3].partition("/")[2]
            self.sessions = {key: about for key, about in self.sessions.items() if about[0] != name}
        elif words[0] == "shutdown":
            self.sessions.pop(words[2], None)
        else:
            return "".join(_session(name, *about) for name, about in self.sessions.items())
        return "\n"


def _session(name: str, server: str, status: int) -> str:
    """As HAProxy 3.0 shows one, shortened."""
    return (
        f"{name}: [30/Nov/2026:14:05:49.625509] id=6 proto=tcpv4 source=172.18.0.9:40946\n"
        f"  flags=0xc4a, conn_retries=0, waiting=0 epoch=0\n"
        f"  frontend=edge (id=2 mode=http), listener=? (id=1) addr=172.18.0.10:8000\n"
        f"  backend=api (id=3 mode=http) addr=172.18.0.10:50094\n"
        f"  server={server} (id=1) addr=172.18.0.8:8000\n"
        f"  txn=0x7f31b4433c40 flags=0x83000 meth=1 status={status} req.st=MSG_DONE rsp.st=MSG_DATA\n"
        f"    h1s=0x7f31b4432ac0 .meth=GET status=200\n"
    )


@contextmanager
def answering(path: Path, proxy: Proxy) -> Iterator[str]:
    """Serve the proxy's admin socket until the end."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(proxy.answer(self.rfile.readline().decode().strip()).encode())

    server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield str(path)
    finally:
        server.shutdown()
        server.server_close()
