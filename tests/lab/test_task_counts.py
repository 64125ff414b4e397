"""Pending tasks as the apps' own libraries leave them in Redis: counted right, or said not to be known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import ROOT, Program
from tests.lab.rightsizing import policy_of

pytestmark = pytest.mark.lab

FOLDER, PORT = "/srv/queues", 16379
SERVICES: dict[str, dict[str, Any]] = {
    "jobs": {"celery_app": "tasks", "queues": ["celery"], "broker": {"database": 1}},
    "mailer": {"celery_app": "tasks", "queues": ["mail"], "broker": {"database": 1}},
    "prefixed": {"celery_app": "tasks", "broker": {"database": 2, "prefix": "shop:"}},
    "python": {"broker": {"tasks": "rq"}},
    "node": {"broker": {"tasks": "bullmq"}},
    "ruby": {"broker": {"database": 5}},
    "rabbit": {"broker": {"tasks": "other"}},
    "empty": {"celery_app": "tasks", "broker": {"database": 9}},
    "any": {},
}
STACK = f"""
x-idle: &idle
  image: selextract/stack:lab
  init: true
  command: [sleep, infinity]
  stop_grace_period: 0s
  mem_limit: 16m
services:
  broker:
    <<: *idle
    command: [redis-server, --bind, 0.0.0.0, --protected-mode, "no", --save, ""]
    mem_limit: 64m
    ports: ["{PORT}:6379"]
    healthcheck: {{test: [CMD, redis-cli, ping], interval: 1s}}
""" + "".join(f"  {name}: {{<<: *idle}}\n" for name in SERVICES)


@pytest.fixture(scope="module")
def program(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program on a project with a worker service for each system, and their tasks in one Redis."""
    folder = tmp_path_factory.mktemp("queues")
    host = lab.host("app1")
    host.execute("mkdir", "-p", FOLDER)
    host.execute("tee", f"{FOLDER}/compose.yaml", feed=STACK.encode())
    up = lab.ssh("app1", f"cd {FOLDER} && docker compose up -d --wait broker && docker compose up -d", timeout=120)
    assert up.returncode == 0, up.stderr

    def change(policy: dict[str, Any]) -> None:
        services = {name: {"role": "worker", **service} for name, service in SERVICES.items()}
        services["broker"] = {"role": "redis"}
        policy["application"] = {"project": "queues", "directory": FOLDER, "services": services}

    command = [sys.executable, "-W", "ignore", str(ROOT / "tests/lab/task_clients.py")]
    address = lab.state().host("app1").address
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, address, str(PORT)], stdin=pipe, stdout=pipe, text=True) as clients:
        try:
            assert clients.stdout is not None
            assert clients.stdout.readline() == "ready\n"
            yield Program(policy_of(lab, folder / "inventory", change), folder / "state")
        finally:
            assert clients.stdin is not None
            clients.stdin.close()
            clients.wait(20)
            lab.ssh("app1", f"cd {FOLDER} && docker compose down -v -t 0; rm -rf {FOLDER}", timeout=120)


@pytest.fixture(scope="module")
def redis(program: Program) -> dict[str, Any]:
    """What one look at the host says of Redis."""
    answer = program.run("observe", "--format", "json")
    assert answer.code == 0, answer.words
    seen: dict[str, Any] = answer.data["hosts"][0]["traffic"]["redis"]
    assert seen["problem"] is None
    return seen


@pytest.mark.parametrize(
    ("service", "system", "queued", "reserved", "scheduled"),
    [
        pytest.param("jobs", "celery", 97, 3, 5, id="Celery, with priorities, and tasks of tomorrow in the queue"),
        pytest.param("mailer", "celery", 7, 0, 0, id="Celery, another queue of the same database"),
        pytest.param("prefixed", "celery", 8, 0, 2, id="Celery, a prefix and a separator, tomorrow's with a worker"),
        pytest.param("python", "rq", 9, 1, 5, id="RQ, two queues, planned and deferred jobs"),
        pytest.param("node", "bullmq", 8, 1, 6, id="BullMQ, priorities, delayed jobs, a paused queue"),
        pytest.param("ruby", "sidekiq", 13, 2, 5, id="Sidekiq, planned jobs and such as are tried again"),
    ],
)
def test_tasks_are_counted(
    redis: dict[str, Any], service: str, system: str, queued: int, reserved: int, scheduled: int
) -> None:
    (tasks,) = [tasks for tasks in redis["tasks"] if tasks["service"] == service]
    wanted = {"system": system, "queued": queued, "reserved": reserved, "scheduled": scheduled, "problem": None}
    assert {name: tasks[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("rabbit", "another system than celery, rq, sidekiq, bullmq, which is not counted"),
        ("empty", "no queue of celery for it"),
        ("any", "several sets of queues, and which is this service's is not known: celery in database 1"),
    ],
)
def test_what_is_not_sure_is_not_known_and_never_zero(redis: dict[str, Any], service: str, words: str) -> None:
    (tasks,) = [tasks for tasks in redis["tasks"] if tasks["service"] == service]
    assert (tasks["queued"], tasks["reserved"], tasks["scheduled"]) == (None, None, None)
    assert words in tasks["problem"]
    assert redis["queued"] is None, "a sum without one of them is none"


def test_what_is_not_known_is_said_where_it_is_decided(program: Program) -> None:
    assessed = program.run("assess", "--format", "json")
    subjects = {finding["subject"] for finding in assessed.data["findings"] if finding["rule"] == "X-29"}
    assert subjects == {"app1/rabbit", "app1/empty", "app1/any"}
    readings = {
        (judgement["subject"], judgement["value"])
        for judgement in assessed.data["judgements"]
        if judgement["metric"] == "pending_tasks"
    }
    assert ("app1/jobs", 100) in readings, readings
    watched = program.run("watch", "--once", "--dry-run")
    assert "pending tasks of app1/any are not known" in " ".join(watched.words.split())
