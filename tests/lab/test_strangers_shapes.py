"""Forms that a stranger's services have: what they hold, what only one may have, and what runs their tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Answer, Program
from tests.lab.rightsizing import policy_of

pytestmark = pytest.mark.lab

FOLDER = "/srv/forms"
WAITING = 1500
STACK = """
name: forms
x-app: &app
  image: selextract/stack:lab
  init: true
  command: [sleep, infinity]
  stop_grace_period: 1s
  mem_limit: 64m
  memswap_limit: 64m
  cpus: 0.05

services:
  broker:
    <<: *app
    command: [redis-server, --save, ""]
    healthcheck: {test: [CMD, redis-cli, ping], interval: 1s}
  web: {<<: *app, mem_reservation: 48m, ports: ["127.0.0.1:18123:8000"]}
  jobs: {<<: *app}
  alone: {<<: *app, networks: {default: {ipv4_address: 172.31.77.20}}}
  threads:
    <<: *app
    command: [sh, -c, exec sleep infinity, celery, --app, tasks, worker, --pool, threads, --concurrency, "100"]
    environment: {CELERY_CONCURRENCY: "100"}
  report: {<<: *app, profiles: [by-hand], command: ["true"], mem_limit: 2g, memswap_limit: 2g}
networks:
  default: {ipam: {config: [{subnet: 172.31.77.0/24}]}}
"""
SERVICES: dict[str, dict[str, Any]] = {
    "broker": {"role": "redis"},
    "web": {"role": "api", "port": 8000},
    "jobs": {"role": "worker", "broker": {"tasks": "rq"}},
    "alone": {"role": "worker", "broker": {"tasks": "rq"}, "queues": ["none"]},
    "threads": {"role": "worker", "celery_app": "tasks", "environment": {"concurrency": "CELERY_CONCURRENCY"}},
}


@pytest.fixture(scope="module")
def program(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program on the project, with three runs by hand that have ended, and many tasks for the service ``jobs``."""
    folder, host = tmp_path_factory.mktemp("forms"), lab.host("app1")
    host.execute("mkdir", "-p", FOLDER)
    host.execute("tee", f"{FOLDER}/compose.yaml", feed=STACK.encode())
    cli = "docker exec forms-broker-1 redis-cli"
    done = lab.ssh(
        "app1",
        f"cd {FOLDER} && docker compose up -d --wait broker && docker compose up -d &&"
        " for run in 1 2 3; do docker compose run -T --no-deps report; done &&"
        f" {cli} sadd rq:queues rq:queue:default && {cli} rpush rq:queue:default $(seq {WAITING}) >/dev/null",
        timeout=180,
    )
    assert done.returncode == 0, done.stderr

    def change(policy: dict[str, Any]) -> None:
        policy["rightsizing"]["cpu_overcommit_refuse"] = "900%"  # two apps are on two cores
        policy["application"] = {"project": "forms", "directory": FOLDER, "services": SERVICES}

    yield Program(policy_of(lab, folder / "inventory", change), folder / "state")
    lab.ssh("app1", f"cd {FOLDER} && docker compose --profile '*' down -v -t 0; rm -rf {FOLDER}", timeout=120)


def words(answer: Answer) -> str:
    """All that was said, on one line."""
    return " ".join(answer.words.split())


@pytest.fixture(scope="module")
def watched(program: Program) -> str:
    """What one look of the autoscaler says."""
    answer = program.run("watch", "--once", "--dry-run")
    assert answer.code == 0, answer.words
    return words(answer)


def test_runs_by_hand_that_have_ended_take_no_room(program: Program) -> None:
    scaled = program.run("scale", "jobs=3", "--format", "json")
    assert scaled.code == 0, scaled.words
    (decision,) = scaled.data["decisions"]
    assert (decision["requested"], decision["granted"]) == (3, 3)
    raised = program.run("rightsize", "--service", "jobs", "--memory", "96MB", "--format", "json")
    assert raised.code == 0, raised.words


def test_workers_beside_a_service_that_is_pinned_are_scaled_as_far_as_they_fit(watched: str) -> None:
    assert "app1/web is not scaled: it has the fixed host port 127.0.0.1:18123/tcp" in watched
    assert "would do app1/jobs 1 → " in watched, watched
    assert "held app1/jobs" not in watched


def test_a_fixed_address_is_named_and_never_asked_for_again(program: Program, watched: str) -> None:
    refused = program.run("scale", "alone=2")
    assert refused.code == 3, refused.words
    assert "fixed ipv4_address 172.31.77.20" in words(refused)
    assert "app1/alone is not scaled: it has the fixed ipv4_address 172.31.77.20" in watched
    assert "app1/alone 1 →" not in watched


def test_a_pool_of_threads_is_not_tuned_as_if_it_were_processes(program: Program) -> None:
    refused = program.run("tune", "workers", "--service", "threads")
    assert refused.code == 3, refused.words
    assert "Its Celery pool is threads" in words(refused)


def test_no_limit_goes_below_what_is_reserved(program: Program) -> None:
    refused = program.run("rightsize", "--service", "web", "--memory", "40MB")
    assert refused.code == 3, refused.words
    assert "reservation" in words(refused)
