"""PgBouncer on a real host, with clients that write and read all the time: nobody fails, nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.modules import Shop
from tests.lab.pooling import counting, crowd, made, postgres, shell, watched, written
from tests.lab.program import Program, second_plan_is_empty, wait_for
from tests.lab.rightsizing import as_deployed, policy_of

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

APPLY = ("--apply", "--yes", "--format", "json")
PLACE = "/var/lib/selextract-infra/projects/selextract/pgbouncer"


@pytest.fixture(scope="module")
def pooled(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The app led through PgBouncer under load, and back in the end under load; no request is lost in either."""
    as_deployed(lab)
    program = Program(lab.state().inventory, tmp_path_factory.mktemp("pooled"))
    with lab.load(rps=10, tasks_per_hour=600) as load:
        load.wait_for_requests(20)
        answer = program.run("pgbouncer", "on", *APPLY, timeout=600)
        load.wait_for_requests(load.requests_so_far + 20)
    assert answer.code == 0, answer.words
    assert (load.result.requests_failed, load.result.tasks_lost, load.result.tasks_doubled) == (0, 0, 0)
    made(lab)
    yield program
    shell(lab, "docker ps -aq --filter name=clients- | xargs -r docker rm -f; rm -rf /srv/clients")
    with lab.load(rps=10, tasks_per_hour=600) as load:
        load.wait_for_requests(20)
        answer = program.run("pgbouncer", "off", *APPLY, timeout=600)
        load.wait_for_requests(load.requests_so_far + 20)
    assert answer.code == 0, answer.words
    assert (load.result.requests_failed, load.result.tasks_lost, load.result.tasks_doubled) == (0, 0, 0)
    assert lab.ssh("app1", "docker inspect selextract-pgbouncer").returncode != 0
    assert lab.ssh("app1", f"ls {PLACE}").returncode != 0
    assert postgres(lab, "SELECT count(*) FROM pg_roles WHERE rolname = 'selextract_pgbouncer'") == "0"
    assert "pgbouncer" not in shell(lab, "cat /opt/selextract/compose.capacity.yml")
    again = program.run("pgbouncer", "off", *APPLY)
    assert again.data["steps"] == []
    second_plan_is_empty(program, "pgbouncer", "off")
    # Instances get their first numbers back, as other tests know them.
    shell(lab, "cd /opt/selextract && docker compose rm -sf api worker && docker compose up -d --wait", timeout=240)


def looked(program: Program) -> Any:
    answer = program.run("pgbouncer", "status", "--format", "json")
    assert answer.code == 0, answer.words
    return answer.data["hosts"]["app1"]


def test_the_app_goes_through_it_and_a_second_run_has_nothing_to_do(lab: Lab, pooled: Program) -> None:
    seen = looked(pooled)
    assert len(seen["led"]) == 4
    assert seen["processes"][0]["clients"] >= 4
    again = pooled.run("pgbouncer", "on", *APPLY)
    assert again.code == 0, again.words
    assert again.data["steps"] == []
    addresses = postgres(
        lab,
        "SELECT DISTINCT client_addr FROM pg_stat_activity WHERE usename = 'selextract' AND client_addr IS NOT NULL",
    )
    assert len(addresses.splitlines()) == 1, "everybody comes from PgBouncer"
    second_plan_is_empty(pooled, "pgbouncer", "on")


def test_pools_are_retuned_and_the_process_replaced_without_a_failed_transaction(
    lab: Lab, pooled: Program, tmp_path: Path
) -> None:
    def smaller(policy: dict[str, Any]) -> None:
        policy["pgbouncer"]["default_pool"] = "6 connections"

    other = Program(policy_of(lab, tmp_path / "smaller", smaller), pooled.state)
    with watched(lab) as connections, counting(lab, first=100, count=20) as counted:
        down = other.run("pgbouncer", "on", *APPLY, timeout=300)
        back = pooled.run("pgbouncer", "on", *APPLY, timeout=300)
        before = looked(pooled)["processes"][-1]["number"]
        renewed = pooled.run("pgbouncer", "on", "--restart", *APPLY, timeout=300)
        now = looked(pooled)
    assert max(connections) <= 30, "both processes together"
    assert (down.code, back.code, renewed.code) == (0, 0, 0), down.words + back.words + renewed.words
    assert counted.failed == []
    assert [one["number"] for one in now["processes"]] == [before + 1]
    assert now["processes"][0]["clients"] > 0
    assert now["leaving"] == [before], "the older process still serves those who keep their connection"


def test_four_hundred_clients_share_thirty_connections(lab: Lab, pooled: Program) -> None:
    with watched(lab) as connections:
        counted = crowd(lab, first=1000, count=400, transactions=3)
    assert counted.failed == []
    assert set(counted.rows.values()) == {3}
    assert max(connections) <= 30


def test_postgres_restarts_behind_a_pause_and_a_pause_ends_by_itself(lab: Lab, pooled: Program) -> None:
    # The app still has connections through the older process, which cannot be paused: its instances are renewed.
    shell(lab, "cd /opt/selextract && docker compose restart api worker && docker compose up -d --wait", timeout=240)
    wait_for(lambda: looked(pooled)["leaving"] == [], bound=60, what="the older process has ended")
    shop = Shop(lab)
    pause: dict[str, Any] = {"project": "selextract", "bound_seconds": 20}
    with counting(lab, first=200) as counted:
        paused = shop.module("pgbouncer_pause", state="paused", longest_seconds=240, **pause)
        assert (paused.get("pooled"), paused.get("changed")) == (True, True), paused
        shell(lab, "docker restart selextract-postgres-1 && cd /opt/selextract && docker compose up -d --wait postgres")
        resumed = shop.module("pgbouncer_pause", state="resumed", **pause)
        assert (resumed.get("pooled"), resumed.get("changed")) == (True, True), resumed
    assert counted.failed == [], counted.failed[:3]
    with counting(lab, first=300) as counted:
        assert shop.module("pgbouncer_pause", state="paused", longest_seconds=15, **pause)["pooled"]
        began = time.monotonic()
        asked = written(300, 8)
        still = int(postgres(lab, asked))
        wait_for(lambda: int(postgres(lab, asked)) > still + 8, bound=40, what="traffic flows again by itself")
        assert time.monotonic() - began < 30
    assert counted.failed == []


def test_our_own_restarts_of_postgres_are_behind_a_pause(lab: Lab, pooled: Program, tmp_path: Path) -> None:
    def more_workers(policy: dict[str, Any]) -> None:
        policy["cpu_parts"] = {"database": {"max_worker_processes": 9}}

    since = "SELECT pg_postmaster_start_time()"
    other = Program(policy_of(lab, tmp_path / "workers", more_workers), pooled.state)
    with counting(lab, first=400) as counted:
        first = postgres(lab, since)
        tuned = other.run("tune", "postgres", *APPLY, "--now", "a test", timeout=300)
        second, workers = postgres(lab, since), postgres(lab, "SHOW max_worker_processes")
        assert Shop(lab).module("postgres_settings", state="absent")["changed"]
        restarted = pooled.run("restart", "postgres", "--all", *APPLY, "--now", "a test", timeout=300)
        third = postgres(lab, since)
    assert (tuned.code, restarted.code) == (0, 0), tuned.words + restarted.words
    assert len({first, second, third}) == 3
    assert counted.failed == [], counted.failed[:3]
    assert (workers, postgres(lab, "SHOW max_worker_processes")) == ("9", "8")


def test_a_transaction_that_stays_open_ends_the_pause_not_the_traffic(lab: Lab, pooled: Program) -> None:
    holder = (
        "import psycopg, time; c = psycopg.connect(host='pgbouncer', port=6432, user='selextract', dbname='selextract',"
        " passfile='/clients/passfile'); c.execute('SELECT 1'); time.sleep(60)"
    )
    shell(lab, f'docker run -d --name clients-holder --network selextract_default -v /srv/clients:/clients'
               f' selextract/stack:lab python3 -c "{holder}"')  # fmt: skip
    states = "SELECT string_agg(state, ',') FROM pg_stat_activity"
    wait_for(lambda: "idle in transaction" in postgres(lab, states), bound=60, what="a transaction is open")
    refused = Shop(lab).module("pgbouncer_pause", project="selextract", state="paused", bound_seconds=2)
    assert refused["failed"], refused
    assert "selextract on selextract" in refused["msg"]
    assert not looked(pooled)["processes"][-1]["paused"]
    shell(lab, "docker rm -f clients-holder")


def test_uninstall_stops_while_somebody_uses_it(pooled: Program) -> None:
    answer = pooled.run("uninstall", "--yes")
    assert answer.code != 0
    assert "pgbouncer off" in answer.words
    assert looked(pooled)["running"]


def test_the_password_is_nowhere_but_in_its_file(lab: Lab, pooled: Program) -> None:
    found = shell(
        lab,
        f"secret=$(cut -d'\"' -f4 {PLACE}/config/userlist.txt); test ${{#secret}} -gt 30;"
        " for place in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do"
        "   tr '\\0' '\\n' < $place 2>/dev/null | grep -qF -- \"$secret\" && echo $place; done;"
        " docker ps -aq | xargs -r -n1 docker logs 2>&1 | grep -F -- \"$secret\";"
        " docker ps -aq | xargs -r docker inspect | grep -F -- \"$secret\";"
        " journalctl --no-pager 2>/dev/null | grep -F -- \"$secret\";"
        " grep -rlF -- \"$secret\" /var/lib/selextract-infra /opt /tmp /etc /root /home /run /srv /usr/local /var/log"
        " 2>/dev/null"
        f" | grep -v {PLACE}/config/userlist.txt; true",
        timeout=240,
    )  # fmt: skip
    assert found == "", found
    secret = shell(lab, f"cut -d'\"' -f4 {PLACE}/config/userlist.txt").strip()
    app = shell(lab, "sed -n 's/^POSTGRES_PASSWORD=//p' /opt/selextract/.env").strip()
    for path in pooled.state.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert secret.encode() not in content, path
        assert app.encode() not in content, path
    said = Shop(lab).words("pgbouncer", project="selextract", state="absent")
    assert "auth_query" in said, "the differences are shown"
    assert secret not in said
    assert app not in said
    modes = shell(lab, f"stat -c '%a %n' {PLACE}/config/*")
    by_name = {line.split("/")[-1]: line.split()[0] for line in modes.splitlines()}
    assert (by_name["userlist.txt"], by_name["tls.key"], by_name["pgbouncer.ini"]) == ("600", "600", "640")
