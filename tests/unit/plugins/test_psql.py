"""Asking a Postgres server through its container's own programs, as the container's image and environment are."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from plugins.module_utils.docker.containers import Container
from plugins.module_utils.docker.program import Answer
from plugins.module_utils.postgres import psql
from plugins.module_utils.postgres.psql import server_in
from tests.unit.plugins.simulated_docker import instance

ASTRAY = {"PGHOST": "elsewhere", "PGPASSWORD": "x", "PGUSER": "app", "PGSERVICE": "app", "PGSSLMODE": "verify-full"}


def database(*environment: str) -> Container:
    return Container.parse(instance("shop-db-1", Config={"Env": list(environment)}))


@pytest.fixture
def owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psql, "_owner", lambda _pid: (999, 999))


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    ("container", "named", "role"),
    [
        (database(), "postgres", "postgres"),
        (database("POSTGRES_USER=shop"), "postgres", "shop"),
        (database("POSTGRES_USER="), "postgres", "postgres"),
        (database("POSTGRES_USER=shop"), "admin", "admin"),
    ],
    ids=["as usual", "as its image was told", "told nothing", "as the policy says"],
)
def test_the_superuser_is_the_one_that_the_image_was_told_to_make(container: Container, named: str, role: str) -> None:
    assert server_in(container, superuser=named).superuser == role


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    ("variables", "left"),
    [(ASTRAY, set()), ({**ASTRAY, "PGHOST": "/run/own", "PGPORT": "6000"}, {"PGHOST=/run/own", "PGPORT=6000"})],
    ids=["led to another server", "its own socket and port"],
)
def test_what_the_container_sets_for_its_own_clients_leads_nobody_astray(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], left: set[str]
) -> None:
    def run(words: list[str], **_: Any) -> Answer:
        inside = words[words.index(container.id) + 1 :]
        done = subprocess.run(inside, capture_output=True, env={"PATH": os.environ["PATH"], **variables}, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    container = database()
    monkeypatch.setattr(psql, "docker", run)
    shown = server_in(container, superuser="postgres").run(["env"]).text.split()
    assert {entry for entry in shown if entry.startswith("PG")} == left
