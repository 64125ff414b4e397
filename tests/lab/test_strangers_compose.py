"""A stranger's project, started in ways that are not the lab's: nothing of it moves but what is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Answer, Program, wait_for
from tests.lab.rightsizing import policy_of

pytestmark = pytest.mark.lab

FOLDER = "/srv/stranger"
STACK = """
x-app: &app
  image: selextract/stack:lab
  init: true
  command: [sleep, infinity]
  stop_grace_period: 0s
  mem_limit: 32m
  memswap_limit: 32m
  cpus: 0.03

services:
  store:
    <<: *app
    healthcheck: {test: [CMD, "true"], interval: 1s}
    volumes: ["data:/data"]
  migrate:
    <<: *app
    restart: "no"
    command: [sh, -c, "echo once >> /data/migrations"]
    volumes: ["data:/data"]
    depends_on: {store: {condition: service_healthy}}
  jobs:
    <<: *app
    env_file: [jobs.env]
    environment: {TOKEN: "${TOKEN:?set it}"}
    mem_limit: ${JOBS_MEMORY:-40m}
    memswap_limit: ${JOBS_MEMORY:-40m}
    depends_on: {store: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
  beside: {<<: *app, network_mode: "service:store"}
  tool: {<<: *app, profiles: [tools], pid: "service:store"}
volumes: {data: {}}
"""
# What Compose says of things that it leaves as they are; the one-shot service runs at each `up` of the team's own.
_LEFT = re.compile(r"(Running|Healthy|Waiting|Started|Starting|Exited|Created)\s*$")


@dataclass(frozen=True)
class Form:
    """A way in which a team calls Compose: the words after ``docker compose``, and its files beside the stack."""

    words: str
    variables: str
    files: tuple[tuple[str, str], ...]


NAMED = Form(
    f"-f {FOLDER}/deploy.yaml -f {FOLDER}/compose.capacity.yml --env-file /srv/stranger-conf/prod.env",
    "/srv/stranger-conf/prod.env",
    (("deploy.yaml", STACK), ("compose.capacity.yml", "services: {}\n")),
)
LISTED = Form("--profile tools", f"{FOLDER}/.env", (("stack.yaml", STACK),))
NAMES = {NAMED: "named files and an environment outside", LISTED: "COMPOSE_FILE and a profile"}


class Stranger:
    """The project on the host, and the program that is to change it."""

    def __init__(self, lab: Lab, form: Form, program: Program) -> None:
        self._lab = lab
        self._form = form
        self._program = program

    def shell(self, script: str) -> str:
        """What a shell on the host prints; it must end well."""
        done = self._lab.ssh("app1", script, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def compose(self, words: str) -> str:
        """Compose as the team calls it."""
        return self.shell(f"cd {FOLDER} && docker compose --ansi never {self._form.words} {words} 2>&1")

    def containers(self) -> dict[str, str]:
        """By name, the ID and the time of the last start of each container."""
        listed = self.shell(
            "docker ps -aq --filter label=com.docker.compose.project=stranger |"
            " xargs docker inspect --format '{{.Name}} {{.Id}} {{.State.StartedAt}}'"
        )
        return dict(line[1:].split(" ", 1) for line in listed.splitlines())

    def hashes(self, service: str) -> set[str]:
        """The configuration hashes of a service's instances."""
        label = '{{index .Config.Labels "com.docker.compose.config-hash"}}'
        return set(
            self.shell(
                f"docker ps -aq --filter label=com.docker.compose.project=stranger"
                f" --filter label=com.docker.compose.service={service} | xargs docker inspect --format '{label}'"
            ).split()
        )

    def changed_by_the_next_up(self) -> list[str]:
        """What the team's own next ``up`` would change."""
        told = self.compose("up --detach --dry-run").splitlines()
        return [line for line in told if " Container " in line and not _LEFT.search(line)]

    def migrations(self) -> int:
        """How often the one-shot service ran."""
        return self.compose("exec -T store cat /data/migrations").count("once")

    def set(self, line: str) -> None:
        """Put a line into the file with the variables of the Compose files."""
        self.shell(f"echo '{line}' >> {self._form.variables}")

    def run(self, *words: str) -> Answer:
        """The program with a command that changes the host."""
        return self._program.run(*words, "--apply", "--yes", "--now", "a test")

    def pending(self) -> list[str]:
        """The services that, as the program says, the next ``up`` recreates."""
        answer = self._program.run("status", "--format", "json")
        assert answer.code == 0, answer.words
        return sorted(entry["service"] for entry in answer.data["pending_recreations"])

    def roll_back(self, run: str) -> Answer:
        """Undo a run."""
        return self._program.run("rollback", run)


@pytest.fixture(params=[NAMED, LISTED], ids=NAMES.__getitem__)
def stranger(lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stranger]:
    form: Form = request.param
    lab.ssh("app1", f"mkdir -p {FOLDER} /srv/stranger-conf")
    for name, content in (*form.files, ("jobs.env", "FROM_FILE=1\n")):
        lab.host("app1").execute("tee", f"{FOLDER}/{name}", feed=content.encode())
    lab.host("app1").execute("tee", form.variables, feed=b"TOKEN=not-for-you\nCOMPOSE_FILE=stack.yaml\n")

    def change(policy: dict[str, Any]) -> None:
        services = {"jobs": {"role": "worker"}, "store": {"role": "database"}}
        policy["application"] = {"project": "stranger", "directory": FOLDER, "services": services}

    project = Stranger(lab, form, Program(policy_of(lab, tmp_path / "inventory", change), tmp_path / "state"))
    project.compose("up --detach")
    wait_for(lambda: project.migrations() == 1, bound=30, what="the migration has run")
    yield project
    lab.ssh(
        "app1",
        f"cd {FOLDER} && docker compose --profile '*' -p stranger {form.words} down -v -t 0;"
        f" rm -rf {FOLDER} /srv/stranger-conf /var/lib/selextract-infra/runs"
        " /var/lib/selextract-infra/projects/stranger",
        timeout=120,
    )


def test_scaling_moves_nothing_else_and_neither_does_its_way_back(stranger: Stranger) -> None:
    before = stranger.containers()
    scaled = stranger.run("scale", "jobs=2")
    assert scaled.code == 0, scaled.words
    assert set(stranger.containers()) - set(before) == {"stranger-jobs-2"}
    assert {name: known for name, known in stranger.containers().items() if name in before} == before
    assert len(stranger.hashes("jobs")) == 1
    assert stranger.changed_by_the_next_up() == []
    assert (stranger.migrations(), stranger.pending()) == (1, [])

    run = re.search(r"scale (\S+): done", scaled.words)
    assert run, scaled.words
    undone = stranger.roll_back(run[1])
    assert undone.code == 0, undone.words
    assert stranger.containers() == before
    assert stranger.changed_by_the_next_up() == []


@pytest.mark.parametrize("stranger", [LISTED], indirect=True)
def test_settling_makes_only_what_is_pending_anew(stranger: Stranger) -> None:
    before = stranger.containers()
    stranger.set("JOBS_MEMORY=44m")
    assert stranger.pending() == ["jobs"]
    settled = stranger.run("rightsize", "--settle", "--service", "jobs")
    assert settled.code == 0, settled.words
    after = stranger.containers()
    different = {name for name in {*before, *after} if after.get(name) != before.get(name)}
    # The new one serves before the old one goes, so Compose gives it the next number.
    assert {name.rpartition("-")[0] for name in different} == {"stranger-jobs"}
    assert len(after) == len(before)
    assert stranger.changed_by_the_next_up() == []
    assert (stranger.migrations(), stranger.pending()) == (1, [])


@pytest.mark.parametrize("stranger", [NAMED], indirect=True)
def test_an_instance_that_would_be_another_is_refused_by_name_before_it_is_made(stranger: Stranger) -> None:
    before = stranger.containers()
    stranger.shell(f"echo FROM_FILE=2-hidden > {FOLDER}/jobs.env")
    assert stranger.pending() == ["jobs"]
    for words in (("scale", "jobs=2"), ("rightsize", "--settle", "--service", "jobs")):
        refused = stranger.run(*words)
        assert refused.code == 6, refused.words
        assert "the variable FROM_FILE" in " ".join(refused.words.split()), refused.words
        assert "2-hidden" not in refused.words
    assert stranger.containers() == before
