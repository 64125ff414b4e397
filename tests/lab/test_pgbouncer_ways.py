"""PgBouncer never strands the app: addresses it cannot serve, limits of the role, a failure half-way, a new engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.pooling import postgres, shell
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import as_deployed, policy_of

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(590)]

APPLY = ("--apply", "--yes", "--now", "test", "--format", "json")
FILE = "/opt/selextract/compose.yml"
GATE = 25  # seconds


def hurried(policy: dict[str, Any]) -> None:
    """An instance that does not get healthy is given up soon."""
    policy.setdefault("rightsizing", {}).setdefault("settle", {})["gate"] = f"{GATE}s"


@pytest.fixture
def program(lab: Lab, tmp_path: Path) -> Iterator[Program]:
    """The program on the app as its team deployed it; PgBouncer is off in the end."""
    as_deployed(lab)
    made = Program(policy_of(lab, tmp_path / "inventory", hurried), tmp_path / "state")
    yield made
    off = made.run("pgbouncer", "off", *APPLY, timeout=300)
    assert off.code == 0, off.words
    assert leading(lab) == {"postgres:5432"}
    shell(lab, "cd /opt/selextract && docker compose rm -sf api worker && docker compose up -d --wait", timeout=240)


def leading(lab: Lab) -> set[str]:
    """Where the instances of API and workers find their database, each place named once."""
    ids = "; ".join(f"docker ps -aq --filter label=com.docker.compose.service={name}" for name in ("api", "worker"))
    said = shell(lab, f"({ids}) | xargs docker inspect -f '{{{{.Config.Env}}}}' | grep -o 'DATABASE_URL=[^ ]*'")
    return {line.rpartition("@")[2].partition("/")[0] for line in said.split()}


def answers(lab: Lab) -> None:
    """Wait until the API answers through its database."""
    ask = "curl -s -o /dev/null -m 5 -w '%{http_code}' http://127.0.0.1:8080/api/v1/items"
    wait_for(lambda: lab.ssh("app1", ask).stdout == "200", bound=120, what="the app answers")


@pytest.mark.parametrize(
    ("query", "named"),
    [("options=-c%20statement_timeout%3D30000", "statement_timeout"), ("search_path=public", "search_path")],
)
def test_an_address_that_does_not_get_through_is_refused_in_the_plan(
    lab: Lab, program: Program, query: str, named: str
) -> None:
    shell(
        lab,
        f"cp -p {FILE} /tmp/compose.yml && sed -i 's#5432/selextract$#&?{query}#' {FILE} && grep -q '?{query}' {FILE}",
    )
    try:
        refused = program.run("pgbouncer", "on", *APPLY)
    finally:
        shell(lab, f"cp -p /tmp/compose.yml {FILE}")
    assert refused.code == 3, refused.words
    assert f"the startup parameter {named}" in refused.words
    assert lab.ssh("app1", "docker inspect selextract-pgbouncer").returncode != 0


def test_it_comes_back_with_the_engine_and_off_minds_what_the_role_may_have(lab: Lab, program: Program) -> None:
    on = program.run("pgbouncer", "on", *APPLY, timeout=300)
    assert on.code == 0, on.words
    again = program.run("pgbouncer", "on", "--restart", *APPLY, timeout=120)
    assert again.code == 0, again.words
    shell(lab, "systemctl restart docker")
    answers(lab)
    assert leading(lab) == {"pgbouncer:6432"}
    # Nobody is connected any more and the files still lead there: idle is not unused.
    refused = program.run("uninstall", "--yes")
    assert refused.code != 0
    assert "the Compose files still lead selextract-api-" in " ".join(refused.words.split())
    postgres(lab, "ALTER ROLE selextract CONNECTION LIMIT 4")
    try:
        off = program.run("pgbouncer", "off", *APPLY)
    finally:
        postgres(lab, "ALTER ROLE selextract CONNECTION LIMIT -1")
    assert off.code == 3, off.words
    assert "role selextract may have 4" in off.words
    answers(lab)


def test_whoever_was_led_over_is_led_back_when_a_later_step_fails(lab: Lab, program: Program) -> None:
    process = program.start("pgbouncer", "on", *APPLY)
    try:
        wait_for(lambda: "pgbouncer:6432" in leading(lab), bound=200, what="the first instance is led over")
        shell(lab, "docker stop -t 1 selextract-pgbouncer")
        out, complaint = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 6, out + complaint
    assert leading(lab) == {"postgres:5432"}
    assert lab.ssh("app1", "docker inspect selextract-pgbouncer").returncode != 0
    answers(lab)
