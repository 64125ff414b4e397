"""A replica of a primary with settings of its own answers as that primary does, through the balancer for reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, wait_for

pytestmark = [pytest.mark.lab, pytest.mark.slow]

OWN = {
    "search_path": "'shop, public'",
    "app.currency": "'EUR'",
    "bytea_output": "'escape'",
    "statement_timeout": "'30s'",
    "extra_float_digits": "0",
}
ASKED = (
    "select count(*) from orders; select current_setting('app.currency'); show bytea_output; show statement_timeout;"
    " select '\\x41'::bytea; select 0.1::float8 * 3; show work_mem_of_role.set; select current_setting('cluster_name')"
)
CONF = "/var/lib/postgresql/data/pgdata/postgresql.conf"


def psql(lab: Lab, statement: str) -> None:
    done = lab.ssh("app1", f'docker exec -u postgres selextract-postgres-1 psql -d selextract -c "{statement}"')
    assert done.returncode == 0, done.stderr


def answers(lab: Lab, server: str) -> list[str]:
    """What the app's user gets at this server, a line for each question."""
    script = f"psql -At $(echo $DATABASE_URL | sed s/@postgres:/@{server}:/)"
    asked = ASKED.replace("'", "'\"'\"'").replace("\\", "\\\\")
    done = lab.ssh("app1", f"docker exec selextract-api-1 sh -c '{script} -c \"{asked}\"'")
    return (done.stdout + done.stderr).splitlines()


@pytest.fixture
def program(lab_multi: Lab, tmp_path: Path) -> Iterator[Program]:
    """The program on a primary with settings of its own, for all and for a role."""
    lines = "\n".join(f"{name} = {value}" for name, value in OWN.items())
    put = f"docker exec -i -u postgres selextract-postgres-1 sh -c 'cp {CONF} {CONF}.team; cat >> {CONF}'"
    lab_multi.ssh("app1", f"{put} <<'END'\n{lines}\nEND")
    psql(lab_multi, "create schema shop; create table shop.orders as select 1; grant all on schema shop to public")
    psql(lab_multi, "grant select on shop.orders to public")
    psql(lab_multi, "alter role selextract set work_mem_of_role.set = 'yes'")
    psql(lab_multi, "select pg_reload_conf()")
    program = Program(lab_multi.state().inventory, tmp_path / "state")
    yield program
    program.run("replicas", "--count", "0", "--apply", "--yes", timeout=300)
    lab_multi.ssh("app1", f"docker exec -u postgres selextract-postgres-1 mv {CONF}.team {CONF}")
    psql(lab_multi, "drop schema shop cascade")
    psql(lab_multi, "alter role selextract reset all")
    psql(lab_multi, "select pg_reload_conf()")


def test_it_answers_as_the_primary_does_or_it_is_not_verified(lab_multi: Lab, program: Program) -> None:
    made = program.run("replicas", "--count", "1", "--apply", "--yes", timeout=600)
    assert made.code == 0, made.words
    wait_for(lambda: answers(lab_multi, "postgres-reads")[-1] == "selextract_db2", bound=30, what="the replica reads")
    of_primary = answers(lab_multi, "postgres")
    assert of_primary[:6] == ["1", "EUR", "escape", "30s", "A", "0.3"], of_primary
    assert answers(lab_multi, "postgres-reads")[:-1] == of_primary[:-1]

    reset = 'docker exec -u postgres selextract-replica-postgres-1 psql -c "alter system set'
    done = lab_multi.ssh("db2", f"{reset} bytea_output = 'hex'\" -c 'select pg_reload_conf()'")
    assert done.returncode == 0, done.stderr
    seen = program.run("replicas")
    assert "it answers otherwise than its primary, which has another bytea_output" in " ".join(seen.words.split())
