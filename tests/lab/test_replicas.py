"""Replicas on real hosts, under a client that writes and reads all the time: made, stale, broken, removed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from selextract_infra.lab import Lab
from tests.lab.program import Program, second_plan_is_empty, wait_for
from tests.lab.replica_faults import FAULTS
from tests.lab.replication import Client, client_of, in_rotation, psql, slots, sums, volumes
from tests.lab.rightsizing import policy_of

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

CHECK = 2.0  # seconds between two checks; three make a replica leave
BOTH = ("db2", "db3")
PASSFILE = "/var/lib/selextract-infra/projects/selextract/replica/config/passfile"
ALL = (*BOTH, "db4")
CONTAINER = "selextract-replica-postgres-1"


@pytest.fixture(scope="module")
def program(lab_multi: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program; what it made is taken away at the end."""
    one = Program(lab_multi.state().inventory, tmp_path_factory.mktemp("replicas") / "state")
    yield one
    one.run("replicas", "--count", "0", "--apply", "--yes", timeout=600)


@pytest.fixture(scope="module")
def client(lab_multi: Lab, program: Program) -> Iterator[Client]:
    """A client that goes on through all of this file; in the end not one write may have failed."""
    with client_of(lab_multi) as one:
        yield one
    assert one.result["write_failed"] == 0, one.result
    assert one.result["there"] == one.result["written"], one.result


def apply(program: Program, *words: str) -> None:
    answer = program.run(*words, "--apply", "--yes", "--format", "json", timeout=900)
    assert answer.code == 0, answer.words


def test_from_none_to_two_nobody_notices_and_both_are_equal(lab_multi: Lab, program: Program, client: Client) -> None:
    apply(program, "replicas", "--count", "2")
    assert client.tell()["write_failed"] == 0
    assert slots(lab_multi) == ["selextract_db2", "selextract_db3"]
    same = sums(lab_multi, client, BOTH)
    assert "counted" in same["app1"]
    assert same["db2"] == same["app1"]
    assert same["db3"] == same["app1"]


def test_a_second_run_has_nothing_to_do(program: Program, client: Client) -> None:
    second_plan_is_empty(program, "replicas", "--count", "2")


def test_reads_go_to_the_reader_and_analytics_have_their_own(lab_multi: Lab, client: Client) -> None:
    before = client.tell()["by"]
    wait_for(
        lambda: client.tell()["by"].get("selextract_db2", 0) > before.get("selextract_db2", 0) + 10,
        bound=30, what="the reader is asked",
    )  # fmt: skip
    assert "selextract_db3" not in client.tell()["by"]
    assert in_rotation(lab_multi, "db3", "analytics")
    assert not in_rotation(lab_multi, "db3", "reads")


def test_nobody_who_is_no_replica_gets_through_to_the_primary(lab_multi: Lab, client: Client) -> None:
    asked = (
        'docker exec selextract-api-1 python3 -c "import os, psycopg;'
        " dsn = os.environ['DATABASE_URL'].replace('@postgres:5432', '@postgres-reads:{}');"
        " print(psycopg.connect(dsn, connect_timeout=5).execute('SELECT 1').fetchone())\""
    )
    assert lab_multi.ssh("app1", asked.format(5432)).stdout.strip() == "(1,)"
    assert lab_multi.ssh("app1", asked.format(5431)).returncode != 0


STALE: dict[str, tuple[str, str]] = {
    "paused": ("SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"),
    "lagging": (
        "ALTER SYSTEM SET recovery_min_apply_delay = '10min'; SELECT pg_reload_conf()",
        "ALTER SYSTEM RESET recovery_min_apply_delay; SELECT pg_reload_conf()",
    ),
}


@pytest.mark.parametrize(
    "way", ["paused", pytest.param("stopped", marks=pytest.mark.slow), pytest.param("lagging", marks=pytest.mark.slow)]
)
def test_a_stale_replica_leaves_the_rotation_and_returns_by_itself(lab_multi: Lab, client: Client, way: str) -> None:
    wait_for(lambda: in_rotation(lab_multi, "db2"), bound=30, what="the reader is in rotation")
    if way == "stopped":
        lab_multi.ssh("db2", f"docker stop {CONTAINER}")
    else:
        for statement in STALE[way][0].split("; "):
            psql(lab_multi, "db2", statement)
    allowed = 3 * CHECK + 3 + (10 if way == "lagging" else 0)  # a lag has to grow before it is one
    began = time.monotonic()
    wait_for(lambda: not in_rotation(lab_multi, "db2"), bound=60, what="the reader leaves")
    assert time.monotonic() - began < allowed + 6  # looking at it from here takes time, too
    client.count_reads()
    before = client.tell()["by"].get("primary", 0)
    wait_for(lambda: client.tell()["by"].get("primary", 0) > before, bound=20, what="the primary stands in")
    assert client.tell()["read_failed"] == 0
    client.count_reads(counted=False)
    if way == "stopped":
        lab_multi.ssh("db2", f"docker start {CONTAINER}")
    else:
        for statement in STALE[way][1].split("; "):
            psql(lab_multi, "db2", statement)
    wait_for(lambda: in_rotation(lab_multi, "db2"), bound=90, what="the reader returns")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_in_one_sentence_within_15_seconds(
    lab_multi: Lab, program: Program, client: Client, fault: str
) -> None:
    break_it, sentence = FAULTS[fault]
    mend = break_it(lab_multi)
    try:
        time_to = time.monotonic() + 15
        problem = None
        while problem is None or sentence not in problem:
            began = time.monotonic()
            assert began < time_to, problem
            seen = program.run("replicas", "--format", "json").data
            problem = seen["hosts"]["db3"]["replica"]["problem"]
    finally:
        mend()

    def mended() -> bool:
        seen = program.run("replicas", "--format", "json").data["hosts"]["db3"]["replica"]
        return bool(seen["problem"] is None and seen["streaming"])

    wait_for(mended, bound=120, what="the replica is as before")


def test_a_third_replica_is_equal_and_shares_the_reads(lab_multi: Lab, program: Program, client: Client) -> None:
    apply(program, "replicas", "--count", "3")
    assert slots(lab_multi) == ["selextract_db2", "selextract_db3", "selextract_db4"]
    same = sums(lab_multi, client, ALL)
    assert [same[host] == same["app1"] for host in ALL] == [True] * 3
    before = client.tell()["by"]

    def both_read() -> bool:
        by = client.tell()["by"]
        return all(by.get(name, 0) > before.get(name, 0) + 10 for name in ("selextract_db2", "selextract_db4"))

    wait_for(both_read, bound=30, what="both readers are asked")
    assert "selextract_db3" not in client.tell()["by"]
    assert client.tell()["write_failed"] == 0
    second_plan_is_empty(program, "replicas", "--count", "3")


def test_from_three_to_one_leaves_one_slot_and_nothing_on_the_others(
    lab_multi: Lab, program: Program, client: Client
) -> None:
    apply(program, "replicas", "--count", "1")
    assert slots(lab_multi) == ["selextract_db2"]
    assert {host: volumes(lab_multi, host) for host in ("db3", "db4")} == {"db3": "", "db4": ""}
    assert psql(lab_multi, "app1", "SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) < 32 * 2^20"
                                   " FROM pg_replication_slots") == "t"  # fmt: skip
    assert in_rotation(lab_multi, "db2")
    assert client.tell()["write_failed"] == 0
    second_plan_is_empty(program, "replicas", "--count", "1")


@pytest.mark.parametrize("again", [(), ("--again", "db3")], ids=["the first", "another one"])
def test_a_clone_that_is_killed_leaves_nothing_and_the_next_run_succeeds(
    lab_multi: Lab, program: Program, client: Client, tmp_path: Path, again: tuple[str, ...]
) -> None:
    def slowly(policy: dict[str, object]) -> None:
        policy["replication"] = {"rate": "256kB"}

    slow = Program(policy_of(lab_multi, tmp_path / "slow", slowly), program.state)
    assert (volumes(lab_multi, "db3") == "") is (not again)
    running = slow.start("replicas", "--count", "2", *again, "--apply", "--yes")
    clone = "docker ps -q --filter name=selextract-replica-clone"
    wait_for(lambda: lab_multi.ssh("db3", clone).stdout.strip(), bound=600, what="the clone goes on")
    lab_multi.ssh("db3", "docker kill selextract-replica-clone")
    said, complained = running.communicate(timeout=600)
    assert running.returncode == 6, said + complained
    assert "stopped from outside" in said + complained
    assert volumes(lab_multi, "db3") == ""
    assert slots(lab_multi) == ["selextract_db2"]
    assert psql(lab_multi, "app1", "SELECT count(*) FROM pg_roles WHERE rolname = 'selextract_db3'") == "0"
    assert "selextract_db3" not in lab_multi.ssh(
        "app1", "docker exec selextract-postgres-1 cat /var/lib/postgresql/data/pgdata/pg_hba.conf"
    ).stdout  # fmt: skip
    assert in_rotation(lab_multi, "db2")
    apply(program, "replicas", "--count", "2")
    same = sums(lab_multi, client, BOTH)
    assert same["db3"] == same["app1"]
    second_plan_is_empty(program, "replicas", "--count", "2")


def test_a_rolling_restart_takes_the_replicas_first_and_the_primary_last(
    lab_multi: Lab, program: Program, client: Client
) -> None:
    psql(lab_multi, "db2", "ALTER SYSTEM SET max_files_per_process = 900")
    psql(lab_multi, "db2", "SELECT pg_reload_conf()")
    plan = program.run("restart", "postgres", "--format", "json").data
    assert [step["id"] for step in plan["steps"]] == ["restart-db2"]
    everything = program.run("restart", "postgres", "--all", "--format", "json").data
    assert [step["id"] for step in everything["steps"]][-1] == "restart-app1"
    assert [step["disrupts"] for step in everything["steps"]] == [False, False, True]
    apply(program, "restart", "postgres")
    assert in_rotation(lab_multi, "db2")
    second_plan_is_empty(program, "restart", "postgres")


def test_a_password_is_nowhere_but_in_its_file(lab_multi: Lab, program: Program, client: Client) -> None:
    for host in BOTH:
        found = lab_multi.ssh(host, f"cat {PASSFILE}; stat -c %a {PASSFILE}").stdout.split()
        password, mode = found[0].rpartition(":")[2], found[-1]
        assert len(password) > 30
        assert mode == "600"
        for place in ("app1", *ALL):
            where = lab_multi.ssh(
                place,
                f"grep -rl -- '{password}' /var/lib/selextract-infra /etc /tmp /run /var/log /opt 2>/dev/null;"
                f" journalctl --no-pager 2>/dev/null | grep -c -- '{password}';"
                f" ps -eo args | grep -v grep | grep -c -- '{password}';"
                f" for c in $(docker ps -q); do docker inspect $c; docker logs $c 2>&1; done | grep -c -- '{password}'",
                timeout=120,
            ).stdout.split()
            own = [PASSFILE] if place == host else []
            assert where == [*own, "0", "0", "0"], (place, where)
        for file in program.state.rglob("*"):
            assert not file.is_file() or password.encode() not in file.read_bytes(), file


def test_from_two_to_none_leaves_no_slot_and_nothing_on_the_hosts(
    lab_multi: Lab, program: Program, client: Client
) -> None:
    apply(program, "replicas", "--count", "0")
    assert slots(lab_multi) == []
    assert {host: volumes(lab_multi, host) for host in ALL} == dict.fromkeys(ALL, "")
    assert psql(lab_multi, "app1", "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'selextract\\_%'") == "0"
    client.count_reads()
    before = client.tell()["by"].get("primary", 0)
    wait_for(lambda: client.tell()["by"].get("primary", 0) > before + 5, bound=20, what="the primary answers reads")
    second_plan_is_empty(program, "replicas", "--count", "0")


def test_the_primarys_own_host_and_too_many_replicas_are_refused(lab_multi: Lab, program: Program) -> None:
    own = program.run("replicas", "--count", "1", "--on", "app1")
    assert own.code == 3
    assert "X-64" in own.words or "primary's own machine" in own.words
    many = program.run("replicas", "--count", "4")
    assert many.code == 3
    assert "there may be 0 to 3" in many.words


def test_the_labs_policy_names_the_private_addresses(lab_multi: Lab) -> None:
    written = yaml.safe_load((lab_multi.state().inventory / "group_vars" / "all" / "policy.yml").read_text())
    assert set(written["selextract_policy"]["application"]["private_addresses"]) == {"app1", *ALL}
