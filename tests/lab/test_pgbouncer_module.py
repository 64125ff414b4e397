"""What the module pgbouncer does on a real host beside a small app of another team: up, proved, replaced, gone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from selextract_infra.lab import Lab
from selextract_infra.policy import default_policy
from tests.lab.modules import Shop
from tests.lab.program import wait_for

pytestmark = pytest.mark.lab

FOLDER = "/srv/orders"
OWN = "of-the-shop"  # the password of the app's role
PLACE = {"host": "postgres", "port": 5432}
APP = """\
services:
  postgres:
    image: selextract/stack:lab
    user: postgres
    command: [sh, -c, "exec /usr/lib/postgresql/17/bin/postgres -D /tmp/data -c listen_addresses='*'"]
    entrypoint:
      - sh
      - -ec
      - |
        bin=/usr/lib/postgresql/17/bin
        test -s /tmp/data/PG_VERSION && exec "$$@"
        $$bin/initdb -D /tmp/data -A trust --auth-host scram-sha-256 -N > /dev/null
        echo "host all all all scram-sha-256" >> /tmp/data/pg_hba.conf
        $$bin/pg_ctl -D /tmp/data -o "-c listen_addresses=''" -w start > /dev/null
        psql -qc "CREATE ROLE shop LOGIN PASSWORD 'of-the-shop'" -c "CREATE DATABASE orders OWNER shop" postgres
        $$bin/pg_ctl -D /tmp/data -m fast -w stop > /dev/null
        exec "$$@"
      - --
    healthcheck: {test: [CMD, pg_isready, -q, -h, 127.0.0.1], interval: 1s, retries: 60}
  api:
    image: selextract/stack:lab
    init: true
    command: sleep infinity
"""


def wanted() -> dict[str, Any]:
    """What a Plan would say for a small app."""
    return {
        "image": "selextract/stack:lab",
        "minimum": default_policy().pgbouncer.needs.hitless_restart,
        "memory": 64 * 2**20, "cpus": 0.5, "host": "pgbouncer", "port": 6432, "files": 200,
        "server": {**PLACE, "service": "postgres", "superuser": "postgres", "socket": None},
        "services": ["api"], "users": ["shop"],
        "databases": {
            "orders": {**PLACE, "database": "orders", "pool": 4, "reserve": 1, "most": 5, "shared": 2},
            "orders_ro": {**PLACE, "database": "orders", "pool": 2, "reserve": 0, "most": 2, "shared": 1},
        },
        "pools": {"pool": 4, "reserve": 1, "login": 2, "shared_login": 1, "clients": 100},
        "most": 9, "prepared_statements": 100, "query_wait": 30.0, "certificate": None,
    }  # fmt: skip


@pytest.fixture
def orders(lab: Lab) -> Iterator[Shop]:
    """The small app with its own Postgres, and a Run that works on it; nothing of it stays."""
    run = Shop(lab)
    run.shell(
        f"mkdir -p {FOLDER} && cd {FOLDER} && echo {APP.encode().hex()} | python3 -c"
        ' \'import sys; open("compose.yml", "wb").write(bytes.fromhex(input()))\' &&'
        " docker compose up --detach --wait --quiet-pull 2>&1"
    )
    run.begin()
    yield run
    run.shell(
        f"docker rm -f orders-pgbouncer; cd {FOLDER} && docker compose down --timeout 1; rm -rf {FOLDER}"
        " /var/lib/selextract-infra/pgbouncer/orders"
        f" /var/lib/selextract-infra/runs/{run.run_id}.json /var/lib/selextract-infra/lock.json"
    )


def ask(orders: Shop, database: str, query: str, password: str = OWN) -> tuple[int, str]:
    """What a query of the app answers through PgBouncer: the code and all words of ``psql``."""
    psql = f"psql -XAtq -h pgbouncer -p 6432 -U shop -d {shlex.quote(database)} -c {shlex.quote(query)}"
    done = orders.lab.ssh(
        "app1", f"cd {FOLDER} && docker compose exec -T -e PGPASSWORD={password} api {psql} 2>&1", timeout=60
    )
    return done.returncode, done.stdout.strip()


def test_it_serves_each_alias_with_tls_is_replaced_and_leaves_nothing_behind(orders: Shop) -> None:
    first = orders.step("pgbouncer", project="orders", wanted=wanted())
    assert (first["failed"], first["changed"]) == (False, True), first
    assert not orders.step("pgbouncer", project="orders", wanted=wanted())["changed"]
    for alias in ("orders", "orders_ro"):
        assert ask(orders, f"dbname={alias} sslmode=require", "SELECT current_user") == (0, "shop")
    code, words = ask(orders, "orders", "SELECT 1", password="wrong")
    assert code != 0
    assert "authentication failed" in words
    assert not orders.step("pgbouncer", project="orders", wanted=wanted(), replace=True)["failed"]
    alone = "docker exec orders-pgbouncer sh -c 'test -d /run/pgbouncer/2 && test ! -e /run/pgbouncer/sharing'"
    wait_for(
        lambda: orders.lab.ssh("app1", alone).returncode == 0,
        bound=30, what="the other process has all of the connections once it is alone",
    )  # fmt: skip
    assert ask(orders, "orders", "SELECT 1") == (0, "1")
    gone = orders.step("pgbouncer", project="orders", state="absent")
    assert not gone["failed"], gone
    assert orders.shell("docker ps -aq --filter name=orders-pgbouncer") == ""
    assert orders.shell("ls -d /var/lib/selextract-infra/pgbouncer/orders 2>/dev/null", check=False) == ""


def test_a_postgres_that_comes_back_with_another_address_is_found_again(orders: Shop) -> None:
    assert not orders.step("pgbouncer", project="orders", wanted=wanted())["failed"]
    assert ask(orders, "orders", "SELECT 1") == (0, "1")
    address = "docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' orders-postgres-1"
    before = orders.shell(address)
    others = "docker run --detach --rm --init --network orders_default --entrypoint sleep selextract/stack:lab 600"
    taken = orders.shell(f"docker stop -t 2 orders-postgres-1 >/dev/null; {others}; {others}; {others}").split()
    orders.shell("docker start orders-postgres-1")
    try:
        assert orders.shell(address) != before
        wait_for(lambda: ask(orders, "orders", "SELECT 1") == (0, "1"), bound=30, what="PgBouncer finds Postgres again")
    finally:
        orders.shell(f"docker rm -f {' '.join(taken)}")
