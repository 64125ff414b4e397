"""A Postgres server in a container, asked through its own ``psql`` over its own socket: no password, no port."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..docker.containers import Container
from ..docker.engine import Engine
from ..docker.instances import found_instances
from ..docker.program import Answer, docker
from ..system.failure import HostSideError

__all__ = ["PostgresServer", "find_server", "find_servers", "literal", "server_in", "undisturbed"]

_BOUND = 15.0  # seconds for one answer
_USUAL = "postgres"
# A container may lead its clients astray: many have PGHOST or PGPASSWORD for programs of their own. A folder in PGHOST
# is where the server's socket is; PGPORT is the server's own, too.
_CLEAN = (
    'case "$PGHOST" in /*) ;; *) unset PGHOST ;; esac; unset PGHOSTADDR PGUSER PGPASSWORD PGPASSFILE PGDATABASE'
    " PGSERVICE PGSERVICEFILE PGOPTIONS PGSSLMODE PGREQUIRESSL PGREQUIREAUTH PGCHANNELBINDING PGGSSENCMODE"
    ' PGTARGETSESSIONATTRS PGCLIENTENCODING; exec "$0" "$@"'
)
_AS_JSON = "SELECT coalesce(json_agg(q), '[]') FROM ({}) q;"


@dataclass(frozen=True)
class PostgresServer:
    """One server. ``uid`` and ``gid`` are those of its process; ``socket`` is None for psql's own folder."""

    container: str
    name: str
    uid: int
    gid: int
    superuser: str = "postgres"
    socket: str | None = None

    def rows(self, query: str, *, bound: float = _BOUND) -> list[dict[str, Any]]:
        """The rows of a query. Raises ``HostSideError`` of kind ``postgres`` with what the server said."""
        answer = self.execute(_AS_JSON.format(query), bound=bound)
        return list(json.loads(answer))

    def row(self, query: str, *, bound: float = _BOUND) -> dict[str, Any]:
        """The only row of a query."""
        return self.rows(query, bound=bound)[0]

    def execute(self, statements: str, *, bound: float = _BOUND) -> str:
        """Run statements, which are handed over on standard input, and return what they print."""
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", self.superuser, "-d", "postgres"]
        host = ["-h", self.socket] if self.socket else []
        answer = self.run(["psql", *options, *host], feed=statements.encode(), bound=bound)
        if answer.code:
            raise HostSideError(f"{self.name}: {_complaint(answer)}", kind="postgres")
        return answer.text

    def run(self, command: Sequence[str], *, feed: bytes = b"", bound: float = _BOUND) -> Answer:
        """Run a command in the container as the server's own user, in the language that its messages are known in."""
        given = ["exec", "-i", "-u", f"{self.uid}:{self.gid}", "-e", "LC_ALL=C", "-e", "PGCONNECT_TIMEOUT=5"]
        return docker([*given, self.container, *undisturbed(command)], feed=feed, bound=bound)

    def read(self, path: str) -> str:
        """The content of a file in the container."""
        answer = self.run(["cat", path])
        if answer.code:
            raise HostSideError(f"{self.name}: {path} cannot be read ({answer.complaint}).", kind="postgres")
        return answer.out.decode("utf-8", "surrogateescape")

    def write(self, path: str, content: str, *, new: bool = False) -> None:
        """Replace a file in the container whole, with the owner and mode it has; a ``new`` one gets 0600."""
        first = 'umask 077; : > "$0.selextract"' if new else 'cp -p "$0" "$0.selextract"'
        script = f'{first} && cat > "$0.selextract" && sync "$0.selextract" && mv -f "$0.selextract" "$0"'
        answer = self.run(["sh", "-c", script, path], feed=content.encode("utf-8", "surrogateescape"))
        if answer.code:
            raise HostSideError(f"{self.name}: {path} cannot be written ({answer.complaint}).", kind="postgres")


def undisturbed(command: Sequence[str]) -> list[str]:
    """A command of Postgres without what its container sets for clients of other servers."""
    return ["sh", "-c", _CLEAN, *command]


def find_server(
    engine: Engine, socket_path: str, project: str, service: str, *, superuser: str, socket: str | None = None
) -> PostgresServer:
    """The one running server of a service. Raises ``HostSideError`` of kind ``postgres`` where there is none."""
    running = [each for each in found_instances(engine, socket_path, project, service) if each.running]
    if len(running) != 1:
        many = f"{len(running)} containers of it run" if running else "no container of it runs"
        raise HostSideError(f"{service} of project {project} is no single server: {many}.", kind="postgres")
    return server_in(running[0], superuser=superuser, socket=socket)


def find_servers(socket_path: str, project: str, databases: list[dict[str, Any]]) -> list[PostgresServer]:
    """The servers that a module's option ``databases`` names. Raises as ``find_server`` does."""
    with Engine(socket_path) as engine:
        return [
            find_server(
                engine,
                socket_path,
                project,
                database["service"],
                superuser=database["superuser"],
                socket=database["socket"],
            )
            for database in databases
        ]


def server_in(container: Container, *, superuser: str, socket: str | None = None) -> PostgresServer:
    """The server that is the first process of a running container.

    Where nobody named another ``superuser`` than the usual one, what Postgres' image was told to make holds.
    """
    uid, gid = _owner(container.pid)
    role = container.postgres_user or superuser if superuser == _USUAL else superuser
    return PostgresServer(container.id, container.name, uid, gid, role, socket)


def literal(value: str) -> str:
    """A text as SQL takes it."""
    quoted = value.replace("'", "''")
    return f"'{quoted}'" if "\\" not in value else " E'" + quoted.replace("\\", "\\\\") + "'"


def _owner(pid: int) -> tuple[int, int]:
    ids: dict[str, int] = {}
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as source:
            for line in source:
                name, _, rest = line.partition(":")
                if name in ("Uid", "Gid"):
                    ids[name] = int(rest.split()[1])
    except OSError as problem:
        raise HostSideError("The server's process has just ended.", kind="postgres") from problem
    return ids["Uid"], ids["Gid"]


def _complaint(answer: Answer) -> str:
    """The server's first error, without the statement that led to it, which may hold what is secret."""
    lines = answer.err.decode("utf-8", "replace").splitlines()
    complaint = next((line for line in lines if "ERROR:" in line or "FATAL:" in line or "error:" in line), None)
    if complaint is None:
        return answer.complaint
    for word in ("ERROR:", "FATAL:", "error:"):
        if word in complaint:
            complaint = complaint.partition(word)[2]
            break
    return " ".join(complaint.split()).rstrip(".")[:300] + "."
