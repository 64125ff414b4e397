"""Replicas on real lab hosts, with a client that writes and reads all the time and counts what fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from selextract_infra.lab import Lab, ssh
from selextract_infra.lab.folders import LabFolder
from tests.lab.program import wait_for

__all__ = ["Client", "client_of", "in_rotation", "psql", "slots", "sums", "volumes"]

_CLIENT = r"""
import json, os, sys, threading, time
import psycopg

dsn = os.environ["DATABASE_URL"]
reads = dsn.replace("@postgres:5432", "@postgres-reads:5432")
told = {"written": 0, "write_failed": 0, "read": 0, "read_failed": 0, "longest": 0.0, "by": {}, "errors": []}
setup = psycopg.connect(dsn, autocommit=True)
setup.execute("CREATE TABLE IF NOT EXISTS counted (n bigserial PRIMARY KEY, word text)")
setup.execute("TRUNCATE counted RESTART IDENTITY")
going = True


def wrong(kind, problem):
    told[kind] += 1
    told["errors"] = [*told["errors"], str(problem).strip()[:150]][-5:]


def write():
    connection = None
    while going:
        if os.path.exists("/tmp/hold"):
            time.sleep(0.05)
            continue
        began = time.monotonic()
        try:
            connection = connection or psycopg.connect(dsn, autocommit=True, connect_timeout=5)
            connection.execute("INSERT INTO counted (word) VALUES (repeat('x', 200))")
            told["written"] += 1
        except psycopg.Error as problem:
            connection = None
            wrong("write_failed", problem)
        told["longest"] = max(told["longest"], time.monotonic() - began)
        time.sleep(0.02)


def read():
    while going:
        try:
            with psycopg.connect(reads, autocommit=True, connect_timeout=5) as connection:
                who = connection.execute("SELECT current_setting('cluster_name'), count(*) FROM tasks").fetchone()[0]
            told["read"] += 1
            told["by"][who or "primary"] = told["by"].get(who or "primary", 0) + 1
        except psycopg.Error as problem:
            if os.path.exists("/tmp/reads"):
                wrong("read_failed", problem)
        time.sleep(0.05)


threads = [threading.Thread(target=work) for work in (write, read)]
for thread in threads:
    thread.start()
print("started", flush=True)
for line in sys.stdin:
    if line.strip() == "tell":
        print(json.dumps(told), flush=True)
    if line.strip() == "stop":
        break
going = False
for thread in threads:
    thread.join()
told["there"] = setup.execute("SELECT count(*) FROM counted").fetchone()[0]
print(json.dumps(told), flush=True)
"""


@dataclass
class Client:
    """A client in a container on the app's network, for as long as the context lasts."""

    lab: Lab
    process: subprocess.Popen[str]
    result: dict[str, Any] = field(default_factory=dict)

    def tell(self) -> dict[str, Any]:
        """What it has counted so far."""
        return dict(json.loads(self._ask("tell")))

    def hold(self) -> None:
        """Let it write nothing for a while."""
        self.lab.ssh("app1", "docker exec replicas-client touch /tmp/hold")

    def go_on(self) -> None:
        """Let it write again."""
        self.lab.ssh("app1", "docker exec replicas-client rm -f /tmp/hold")

    def count_reads(self, *, counted: bool = True) -> None:
        """From now on a read that fails counts."""
        self.lab.ssh("app1", f"docker exec replicas-client {'touch' if counted else 'rm -f'} /tmp/reads")

    def stop(self) -> None:
        """End it and take its result."""
        self.result = json.loads(self._ask("stop"))
        self.process.wait(timeout=60)

    def _ask(self, word: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


@contextmanager
def client_of(lab: Lab) -> Iterator[Client]:
    """A client that writes to the primary and reads through the balancer."""
    assert lab.ssh("app1", f"cat > /tmp/client.py <<'END'\n{_CLIENT}\nEND\n").returncode == 0
    command = (
        "docker rm -f replicas-client >/dev/null 2>&1;"
        " export DATABASE_URL=$(docker exec selextract-api-1 printenv DATABASE_URL);"
        " exec docker run --rm -i --init --name replicas-client --network selextract_default --memory 128m --cpus 0.3"
        " --env DATABASE_URL --volume /tmp/client.py:/client.py:ro selextract/stack:lab python3 /client.py"
    )
    folder = LabFolder(lab.state().name)
    process = subprocess.Popen(
        ["ssh", *ssh.options(folder), "-i", str(folder.key), f"root@{lab.state().host('app1').address}", command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "started"
    one = Client(lab, process)
    try:
        yield one
        one.stop()
    finally:
        lab.ssh("app1", "docker rm -f replicas-client")
        process.kill()
        process.communicate()


def psql(lab: Lab, host: str, query: str) -> str:
    """The answer of the primary (app1) or of a replica."""
    container = "selextract-postgres-1" if host == "app1" else "selextract-replica-postgres-1"
    done = lab.ssh(host, f"docker exec -i -u postgres {container} psql -XAtq -d selextract <<'END'\n{query}\nEND\n")
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout).strip()


def slots(lab: Lab) -> list[str]:
    """The slots on the primary."""
    return psql(lab, "app1", "SELECT slot_name FROM pg_replication_slots ORDER BY 1").split()


def volumes(lab: Lab, host: str) -> str:
    """What a host has of replicas: volumes, containers, files and services."""
    return str(
        lab.ssh(
            host,
            "docker volume ls -q | grep replica; docker ps -aq --filter name=replica;"
            " ls -d /var/lib/selextract-infra/projects/*/replica 2>/dev/null;"
            " ls /etc/systemd/system/selextract-replica* /usr/local/lib/selextract-infra-replica 2>/dev/null",
        ).stdout
    ).strip()


_SUMS = """
SELECT format('SELECT %L, count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM %I.%I t;', relname, nspname,
  relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND nspname = 'public' ORDER BY relname \\gexec
"""


def _has_replayed(lab: Lab, host: str, lsn: str) -> bool:
    return psql(lab, host, f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'") == "t"


def sums(lab: Lab, client: Client, hosts: tuple[str, ...]) -> dict[str, str]:
    """A checksum of each table on the primary and on each replica, at the same replayed position.

    The writers hold their breath for it: the app's own and ours.
    """
    client.hold()
    try:
        lab.ssh("app1", "docker pause selextract-api-1 selextract-api-2 selextract-worker-1 selextract-worker-2")
        lsn = psql(lab, "app1", "SELECT pg_current_wal_insert_lsn()")
        for host in hosts:
            wait_for(partial(_has_replayed, lab, host, lsn), bound=30, what=f"{host} has replayed {lsn}")
        return {host: psql(lab, host, _SUMS) for host in ("app1", *hosts)}
    finally:
        lab.ssh("app1", "docker unpause selextract-api-1 selextract-api-2 selextract-worker-1 selextract-worker-2")
        client.go_on()


_STATUS = (
    "import csv, socket; s = socket.socket(socket.AF_UNIX);"
    " s.connect('/var/lib/selextract-infra/projects/selextract/balancer-ro/run/admin.sock');"
    " s.sendall(b'show stat\\n');"
    " lines = s.makefile().read().splitlines(); lines[0] = lines[0].lstrip('# ');"
    " print(*(':'.join((r['pxname'], r['svname'], r['status'])) for r in csv.DictReader(lines)), sep='\\n')"
)


def in_rotation(lab: Lab, name: str, backend: str = "reads") -> bool:
    """Whether the balancer asks that server, as HAProxy itself says."""
    shown = lab.ssh("app1", f'python3 -c "{_STATUS}"').stdout
    return any(line.startswith(f"{backend}:{name}:UP") for line in shown.splitlines())
