"""Tuning a live host: Postgres by reload and restart, workers one at a time; what fails is put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from selextract_infra.lab.load import TaskShape
from tests.lab.modules import Shop
from tests.lab.program import Answer, Program, second_plan_is_empty, wait_for
from tests.lab.rightsizing import MIB, as_deployed, policy_of, started

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

DATA = "/var/lib/postgresql/data/pgdata"
SMALL_TASK = TaskShape(seconds=2.0, cpu=0.1, memory=8 * MIB)


def in_database(lab: Lab, command: str) -> str:
    done = lab.ssh("app1", f"docker exec -u postgres selextract-postgres-1 {command}", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def shown(lab: Lab, *names: str) -> dict[str, str]:
    listed = ", ".join(f"current_setting('{name}')" for name in names)
    values = in_database(lab, f'psql -XAtq -c "SELECT {listed}"').strip().split("|")
    return dict(zip(names, values, strict=True))


def untuned(lab: Lab) -> None:
    """The database as the app team made it: nothing of ours in its data directory."""
    in_database(lab, f"sh -c 'sed -i /selextract-infra/d {DATA}/postgresql.conf; rm -rf {DATA}/conf.d'")
    done = lab.ssh("app1", "docker restart selextract-postgres-1 && cd /opt/selextract && docker compose up -d --wait",
                   timeout=240)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def deployed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program on a lab as its team deployed it; afterwards the lab is that again."""
    as_deployed(lab)
    untuned(lab)
    yield Program(lab.state().inventory, tmp_path_factory.mktemp("tune") / "state")
    untuned(lab)
    as_deployed(lab)


def tune(program: Program, what: str, *words: str) -> Answer:
    return program.run("tune", what, *words, "--format", "json", timeout=400)


def decided(plan: Any, service: str) -> dict[str, Any]:
    return {one["resource"]: one for one in plan["decisions"] if one["service"] == service}


def test_a_restart_waits_for_a_window_or_a_reason(lab: Lab, deployed: Program) -> None:
    before = started(lab)
    plan = tune(deployed, "postgres").data
    assert [step["disrupts"] for step in plan["steps"]] == [False, True]
    refused = tune(deployed, "postgres", "--apply", "--yes")
    assert refused.code == 4, refused.words
    assert started(lab) == before
    assert shown(lab, "work_mem")["work_mem"] == "2MB"


def test_settings_come_into_force_and_an_argument_is_named(lab: Lab, deployed: Program) -> None:
    plan = tune(deployed, "postgres").data
    assert decided(plan, "postgres")["max_connections"]["verdict"] == "refused"
    assert any("max_connections is 50 by an argument of the server (-c)" in one["sentence"] for one in plan["findings"])
    answer = tune(deployed, "postgres", "--apply", "--yes", "--now", "a test")
    assert answer.code == 0, answer.words
    wanted = {
        name: one["granted_text"] for name, one in decided(plan, "postgres").items() if one["verdict"] != "refused"
    }
    assert shown(lab, *wanted) == wanted
    text = in_database(lab, f"cat {DATA}/conf.d/selextract-infra.conf")
    assert "max_connections" not in text
    mode = in_database(lab, f"stat -c '%U %a' {DATA}/conf.d/selextract-infra.conf").split()
    assert mode == ["postgres", "600"]
    second_plan_is_empty(deployed, "tune", "postgres")


def test_a_second_run_has_nothing_to_do(lab: Lab, deployed: Program) -> None:
    before = started(lab)
    again = tune(deployed, "postgres", "--apply", "--yes")
    assert again.code == 0, again.words
    assert again.data["steps"] == []
    assert started(lab) == before


def answers(lab: Lab) -> bool:
    return lab.ssh("app1", "curl -fsS http://127.0.0.1:8080/api/v1/health").returncode == 0


def test_settings_that_prevent_the_start_are_put_back(lab: Lab, deployed: Program, tmp_path: Path) -> None:
    def change(policy: dict[str, Any]) -> None:
        policy["cpu_parts"] = {"database": {"max_worker_processes": 200_000}}

    text = in_database(lab, f"cat {DATA}/conf.d/selextract-infra.conf")
    bad = Program(policy_of(lab, tmp_path / "bad", change), deployed.state)
    answer = tune(bad, "postgres", "--apply", "--yes", "--now", "a test")
    assert answer.code == 6, answer.words
    assert "does not come up" in answer.words
    assert shown(lab, "max_worker_processes")["max_worker_processes"] == "8"
    assert in_database(lab, f"cat {DATA}/conf.d/selextract-infra.conf") == text
    # Without a pooler between them the app's own connections come back one after the other.
    wait_for(lambda: answers(lab), bound=60, what="the app has its database back")
    second_plan_is_empty(deployed, "tune", "postgres")


def test_a_value_the_server_does_not_take_costs_no_restart(lab: Lab, deployed: Program, tmp_path: Path) -> None:
    def change(policy: dict[str, Any]) -> None:
        policy["cpu_parts"] = {"database": {"max_worker_processes": 262_100}}

    before = started(lab)
    impossible = Program(policy_of(lab, tmp_path / "impossible", change), deployed.state)
    answer = tune(impossible, "postgres", "--apply", "--yes", "--now", "a test")
    assert answer.code == 6, answer.words
    assert "the server does not take it" in answer.words
    assert started(lab) == before


def concurrencies(lab: Lab) -> list[str]:
    """What each worker was told, and nothing else of its environment."""
    shown = lab.ssh(
        "app1",
        "docker ps -q --filter label=com.docker.compose.service=worker |"
        " xargs docker inspect --format '{{.Config.Env}}' | grep -o 'CELERY_CONCURRENCY=[0-9]*'",
    ).stdout
    return str(shown).split()


def with_one_browser(policy: dict[str, Any]) -> None:
    policy["memory_parts"]["worker"]["memory_per_browser"] = "256MB"
    policy["application"]["services"]["worker"]["longest_task"] = "20s"


def test_workers_are_retuned_under_load_and_no_task_is_lost_or_doubled(
    lab: Lab, deployed: Program, tmp_path: Path
) -> None:
    program = Program(policy_of(lab, tmp_path / "one", with_one_browser), deployed.state)
    plan = tune(program, "workers", "--service", "worker").data
    concurrency = decided(plan, "worker")["concurrency"]
    assert (concurrency["current"], concurrency["granted"]) == (2, 1)
    assert decided(plan, "worker")["browser_instances"]["verdict"] == "refused"
    before = started(lab)
    with lab.load(tasks_per_hour=1800, task=SMALL_TASK, rps=2) as load:
        load.wait_for_requests(10)
        answer = tune(program, "workers", "--service", "worker", "--apply", "--yes")
        load.wait_for_requests(load.requests_so_far + 10)
    assert answer.code == 0, answer.words
    assert load.tasks_so_far > 5
    assert (load.result.tasks_lost, load.result.tasks_doubled) == (0, 0)
    assert load.result.requests_failed == 0
    renewed = [name for name, line in started(lab).items() if before.get(name) != line]
    assert len(renewed) == 2
    assert all(name.startswith("/selextract-worker-") for name in renewed)
    assert concurrencies(lab) == ["CELERY_CONCURRENCY=1"] * 2
    again = tune(program, "workers", "--service", "worker", "--apply", "--yes")
    assert again.code == 0, again.words
    assert again.data["steps"] == []
    second_plan_is_empty(program, "tune", "workers", "--service", "worker")


def test_workers_go_back_to_what_they_were_where_the_check_fails(lab: Lab, deployed: Program, tmp_path: Path) -> None:
    def change(policy: dict[str, Any]) -> None:
        policy["application"]["services"]["worker"]["longest_task"] = "20s"
        policy["application"]["services"]["frontend"]["health"] = "http://127.0.0.1:9998/"
        policy["rightsizing"]["settle"] = {"gate": "5 s"}

    before = concurrencies(lab)
    failing = Program(policy_of(lab, tmp_path / "failing", change), deployed.state)
    answer = tune(failing, "workers", "--service", "worker", "--apply", "--yes")
    assert answer.code == 6, answer.words
    assert concurrencies(lab) == before
    assert len(before) == 2
    told = lab.ssh("app1", "grep -h CELERY_CONCURRENCY: /opt/selextract/compose.capacity.yml").stdout
    assert told.replace(": ", "=").split() == before[:1]


def test_everything_is_taken_away_and_the_server_runs_on(lab: Lab, deployed: Program) -> None:
    before = started(lab)
    answer = Shop(lab).module("postgres_settings", state="absent")
    assert answer["removed_from"] == ["postgres"], answer
    assert "selextract-infra" not in in_database(lab, f"cat {DATA}/postgresql.conf")
    assert "selextract-infra" not in in_database(lab, f"ls {DATA}/conf.d")
    assert started(lab) == before
    assert Shop(lab).module("postgres_settings", state="absent")["changed"] is False
