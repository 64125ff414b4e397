"""A replica and PgBouncer together: reads through the read-only alias, and a rolling restart that nobody notices."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from selextract_infra.lab import Lab
from tests.lab.pooling import counting, made, postgres, shell
from tests.lab.program import Program, second_plan_is_empty, wait_for
from tests.lab.replication import in_rotation, psql, slots
from tests.lab.rightsizing import as_deployed

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

APPLY = ("--apply", "--yes", "--format", "json")
SINCE = "SELECT pg_postmaster_start_time()"


@pytest.fixture(scope="module")
def program(lab_multi: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A replica on db2, then PgBouncer; in the end neither."""
    as_deployed(lab_multi)
    one = Program(lab_multi.state().inventory, tmp_path_factory.mktemp("pooled") / "state")
    for words in (("replicas", "--count", "1", "--on", "db2"), ("pgbouncer", "on")):
        answer = one.run(*words, *APPLY, timeout=900)
        assert answer.code == 0, answer.words
    made(lab_multi)
    yield one
    shell(lab_multi, "docker ps -aq --filter name=clients- | xargs -r docker rm -f; rm -rf /srv/clients")
    for answer in (
        one.run("pgbouncer", "off", *APPLY, timeout=900),
        one.run("replicas", "--count", "0", *APPLY, timeout=900),
    ):
        assert answer.code == 0, answer.words
    assert slots(lab_multi) == []


def asked(lab: Lab, database: str, query: str) -> str:
    """What a client of PgBouncer is answered."""
    command = (
        "docker run --rm --network selextract_default -v /srv/clients/passfile:/passfile:ro -e PGPASSFILE=/passfile"
        f" selextract/stack:lab psql -XAtq -h pgbouncer -p 6432 -U selextract -d {database} -c {shlex.quote(query)}"
    )
    return shell(lab, command).strip()


def test_the_read_only_alias_is_answered_by_the_replica(lab_multi: Lab, program: Program) -> None:
    wait_for(lambda: in_rotation(lab_multi, "db2"), bound=60, what="the reader is in rotation")
    assert asked(lab_multi, "selextract_ro", "SHOW cluster_name") == "selextract_db2"
    assert asked(lab_multi, "selextract_ro", "SELECT pg_is_in_recovery()") == "t"
    assert asked(lab_multi, "selextract", "SELECT pg_is_in_recovery()") == "f"


def test_a_rolling_restart_ends_with_the_primary_behind_a_pause(lab_multi: Lab, program: Program) -> None:
    before = [postgres(lab_multi, SINCE), psql(lab_multi, "db2", SINCE)]
    refused = program.run("restart", "postgres", "--all", *APPLY)
    assert refused.code == 4, refused.words
    assert [postgres(lab_multi, SINCE), psql(lab_multi, "db2", SINCE)] == before
    with counting(lab_multi, first=100) as counted:
        answer = program.run("restart", "postgres", "--all", *APPLY, "--now", "a test", timeout=600)
    assert answer.code == 0, answer.words
    steps = dict.fromkeys(result["step"] for result in answer.data["results"])  # one result for each host of a step
    assert list(steps) == ["restart-db2", "restart-app1"]
    assert counted.failed == [], counted.failed[:3]
    assert postgres(lab_multi, SINCE) != before[0]
    assert psql(lab_multi, "db2", SINCE) != before[1]
    wait_for(lambda: in_rotation(lab_multi, "db2"), bound=60, what="the reader is asked again")
    second_plan_is_empty(program, "restart", "postgres")
