"""What tests of PgBouncer need on a lab host: counted clients, the database's own word, and its secrets."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from selextract_infra.lab import Lab
from tests.lab.program import wait_for

__all__ = ["Counted", "counting", "crowd", "made", "postgres", "shell", "written"]

HOME = "/srv/clients"
IMAGE = "selextract/stack:lab"
NETWORK = "selextract_default"


@dataclass
class Counted:
    """What clients have counted in the end."""

    rows: dict[int, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    longest: float = 0.0


def shell(lab: Lab, command: str, *, timeout: float = 120) -> str:
    """What a command on the lab host prints; it must succeed."""
    done = lab.ssh("app1", command, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def postgres(lab: Lab, query: str, database: str = "selextract") -> str:
    """What Postgres itself answers."""
    asked = f"docker exec -i -u postgres selextract-postgres-1 psql -XAt -d {database}"
    return shell(lab, f"{asked} -c {shlex.quote(query)}").strip()


def made(lab: Lab) -> None:
    """The clients' program, their password file and their table."""
    program = Path(__file__).with_name("pooled_clients.py").read_bytes().hex()
    shell(
        lab,
        f"rm -rf {HOME} && mkdir -p -m 700 {HOME} && cd {HOME} &&"
        f" python3 -c \"open('clients.py','wb').write(bytes.fromhex('{program}'))\" &&"
        " (umask 077; sed -n 's/^POSTGRES_PASSWORD=/*:*:*:selextract:/p' /opt/selextract/.env > passfile) &&"
        f" chmod 600 passfile",
    )
    postgres(lab, "DROP TABLE IF EXISTS counted; CREATE TABLE counted (client int, row int); "
                  "CREATE INDEX ON counted (client, row); ALTER TABLE counted OWNER TO selextract")  # fmt: skip


def start(lab: Lab, name: str, *, first: int, count: int, transactions: int, host: str, port: int) -> None:
    """Start clients in a container of their own."""
    shell(
        lab,
        f"docker rm -f {name} >/dev/null 2>&1; rm -f {HOME}/stop; docker run -d --name {name} --network {NETWORK}"
        f" -v {HOME}:/clients {IMAGE} python3 /clients/clients.py {host} {port} {first} {count} {transactions}",
    )


def ended(lab: Lab, name: str, *, bound: float = 180) -> Counted:
    """What the clients counted, once they have ended."""
    state = f"docker inspect -f '{{{{.State.Status}}}}' {name}"
    wait_for(lambda: shell(lab, state).strip() == "exited", bound=bound, what=f"{name} ends")
    said = shell(lab, f"docker logs {name} 2>&1")
    answer = json.loads(said.splitlines()[-1])
    shell(lab, f"docker rm -f {name}")
    return Counted({int(key): value for key, value in answer["rows"].items()}, answer["failed"], answer["longest"])


def written(first: int, count: int) -> str:
    """Asks how many rows these clients have written."""
    query = "SELECT count(*) FROM counted WHERE client >= @FIRST@ AND client < @END@"
    return query.replace("@FIRST@", str(first)).replace("@END@", str(first + count))


@contextmanager
def counting(lab: Lab, *, first: int, count: int = 8, host: str = "pgbouncer", port: int = 6432) -> Iterator[Counted]:
    """Clients at work while inside; afterwards no acknowledged row is missing."""
    name = f"clients-{first}"
    start(lab, name, first=first, count=count, transactions=0, host=host, port=port)
    query = written(first, count)
    wait_for(lambda: int(postgres(lab, query)) > count, bound=60, what="the clients write")
    found = Counted()
    try:
        yield found
        before = int(postgres(lab, query))
        wait_for(lambda: int(postgres(lab, query)) > before + count, bound=60, what="the clients still write")
    finally:
        shell(lab, f"touch {HOME}/stop")
        done = ended(lab, name)
        found.rows, found.failed, found.longest = done.rows, done.failed, done.longest
    missing(lab, found)


def crowd(lab: Lab, *, first: int, count: int, transactions: int) -> Counted:
    """So many clients at once, until all have done their transactions."""
    name = f"clients-{first}"
    start(lab, name, first=first, count=count, transactions=transactions, host="pgbouncer", port=6432)
    found = ended(lab, name, bound=300)
    missing(lab, found)
    return found


@contextmanager
def watched(lab: Lab) -> Iterator[list[int]]:
    """How many connections Postgres has for everybody but people, looked at ten times a second while inside."""
    asked = (
        "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        " AND usename IN ('selextract', 'selextract_pgbouncer') \\watch 0.1"
    )
    inside = "docker exec -u postgres selextract-postgres-1"
    shell(
        lab,
        f"{inside} rm -f /tmp/seen; echo {shlex.quote(asked)} |"
        f" docker exec -i -e PGAPPNAME=watching -u postgres selextract-postgres-1 sh -c 'cat > /tmp/asked' &&"
        " docker exec -d -e PGAPPNAME=watching -u postgres selextract-postgres-1"
        " sh -c 'exec psql -XAtq -d selextract -f /tmp/asked > /tmp/seen'",
    )
    seen: list[int] = []
    look = f"{inside} sh -c 'cat /tmp/seen 2>/dev/null; true'"
    wait_for(lambda: len(shell(lab, look).split()) > 3, bound=30, what="the connections are watched")
    try:
        yield seen
    finally:
        postgres(lab, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watching'")
        seen += [int(word) for word in shell(lab, look).split()]


def missing(lab: Lab, found: Counted) -> None:
    """Every acknowledged row is there."""
    lines = postgres(lab, "SELECT client, count(DISTINCT row) FROM counted GROUP BY 1").splitlines()
    there = {int(client): int(rows) for client, rows in (line.split("|") for line in lines)}
    lost = {client: rows - there.get(client, 0) for client, rows in found.rows.items() if there.get(client, 0) < rows}
    assert lost == {}, lost
