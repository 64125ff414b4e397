"""``init`` on real hosts: a project of another shape, with services and images whose names say nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from selextract_infra.lab import Lab
from tests.lab.program import ROOT, Answer
from tests.lab.rightsizing import STATE

pytestmark = pytest.mark.lab

FOLDER = "/srv/things"
STACK = """
name: things
x-thing: &thing
  image: thing:1
  volumes: [/opt/selextract/app:/app:ro]
  stop_grace_period: 1s
  environment: &environment
    THING_STORE: postgresql://selextract:not-to-be-shown@s1:5432/selextract
    DATABASE_URL: postgresql://selextract:not-to-be-shown@s1:5432/selextract
    REDIS_URL: redis://s2:6379/0
services:
  s1:
    <<: *thing
    user: postgres
    command: [/app/postgres.sh]
    environment: {POSTGRES_PASSWORD: not-to-be-shown}
    volumes: ["/opt/selextract/app:/app:ro", "data:/var/lib/postgresql/data"]
  s2: {<<: *thing, command: [redis-server, --bind, 0.0.0.0, --protected-mode, "no", --requirepass, ""]}
  s3:
    <<: *thing
    user: app
    working_dir: /app
    command: [gunicorn, --bind, "0.0.0.0:8000", "api:app"]
    ports: ["127.0.0.1:18500:8000"]
    healthcheck: {test: [CMD, curl, -f, "http://localhost:8000/api/v1/health"], interval: 2s}
  s4:
    <<: *thing
    user: app
    working_dir: /app
    command: [sh, -c, "exec celery --app tasks worker --concurrency 1"]
  s5:
    <<: *thing
    user: app
    working_dir: /app
    command: [sh, -c, "exec celery --app tasks beat --schedule /tmp/beat"]
  s6: {<<: *thing, command: [nginx, -g, "daemon off;"]}
  s7: {<<: *thing, command: [sleep, infinity]}
volumes: {data: }
"""


class Newcomer:
    """Somebody with ssh alone: a folder of their own and a configuration that knows the host."""

    def __init__(self, lab: Lab, folder: Path, user: str = "root") -> None:
        self.folder = folder
        state = lab.state()
        address = next(host.address for host in state.hosts if host.name == "app1")
        self.address = address
        self.known = folder / "known_hosts"
        self.known.write_text(f"{address} {lab.host('app1').host_key()}\n")
        self.configuration = folder / "ssh_config"
        self.configuration.write_text(
            f"Host shop\n  HostName {address}\n  User {user}\nHost *\n  IdentityFile {lab.folder.key}\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.known}\n  GlobalKnownHostsFile /dev/null\n"
            "  StrictHostKeyChecking yes\n  ControlMaster no\n"
        )

    def run(self, *words: str, timeout: float = 240, **more: str) -> Answer:
        """A command as they would type it."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        own = {
            **kept,
            "ANSIBLE_SSH_COMMON_ARGS": f"-F {self.configuration}",
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
            "SELEXTRACT_STATE": str(self.folder / "state"),
            "PYTHONPATH": str(ROOT),
            **more,
        }
        done = subprocess.run(
            [sys.executable, "-m", "selextract_infra.cli", *words],
            cwd=self.folder, env=own, capture_output=True, text=True, timeout=timeout, input="", check=False,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    def policy(self, name: str = "shop") -> Any:
        """The policy that was written."""
        file = self.folder / "inventories" / name / "group_vars" / "all" / "policy.yml"
        return yaml.safe_load(file.read_text())["selextract_policy"]


@pytest.fixture(scope="module")
def things(lab: Lab) -> Iterator[Lab]:
    """The lab's server with a project more, whose names say nothing, and a container of nobody's."""
    host = lab.host("app1")
    host.execute("mkdir", "-p", FOLDER)
    host.execute("tee", f"{FOLDER}/compose.yaml", feed=STACK.encode())
    script = (
        "docker tag selextract/stack:lab thing:1 &&"
        " docker run -d --name alone thing:1 sleep infinity >/dev/null &&"
        f" cd {FOLDER} && docker compose up -d 2>&1 &&"
        " timeout 60 sh -c 'until curl -fs 127.0.0.1:18500/api/v1/health; do sleep 1; done'"
    )
    up = lab.ssh("app1", script, timeout=180)
    assert up.returncode == 0, up.stdout
    yield lab
    end = f"cd {FOLDER} && docker compose down -v -t 0; docker rm -f alone; docker rmi thing:1; rm -rf {FOLDER}"
    lab.ssh("app1", end, timeout=120)


def test_from_nothing_to_a_plan_with_roles_that_no_name_tells(things: Lab, tmp_path: Path) -> None:
    newcomer = Newcomer(things, tmp_path)
    started = time.monotonic()
    answer = newcomer.run("init", "shop")
    seconds = time.monotonic() - started
    assert answer.code == 0, answer.words
    policy = newcomer.policy()
    assert policy["profile"] == "own"
    written = (tmp_path / "inventories/shop/group_vars/all/policy.yml").read_text()
    assert "not-to-be-shown" not in answer.words + written
    assert "alone" in written
    assert "$ selextract-infra doctor -i inventories/shop" in answer.err
    assert "$ selextract-infra rightsize -i inventories/shop" in answer.err
    assert "selextract-infra sampler -i inventories/shop" in answer.err
    assert "Plan: " in answer.words or "nothing to change" in answer.words, answer.words
    sys.stdout.write(f"\nfrom init to a plan: {seconds:.0f} s\n")
    assert seconds < 600
    drafts = json.loads(newcomer.run("init", "shop", "--format", "json").out)
    project = next(project for project in drafts["projects"] if project["name"] == "things")
    roles = {service["name"]: (service["kind"], service["role"], service["basis"]) for service in project["services"]}
    assert roles == {
        "s1": ("database", "database", "seen"),
        "s2": ("cache", "redis", "seen"),
        "s3": ("web", "api", "seen"),
        "s4": ("worker", "worker", "seen"),
        "s5": ("scheduler", "other", "seen"),
        "s6": ("proxy", "nginx", "seen"),
        "s7": ("app", "other", "choose"),
    }
    services = {service["name"]: service for service in project["services"]}
    assert services["s3"]["health"] == "http://127.0.0.1:18500/api/v1/health"
    leads = {(each["variable"], each["leads_to"]) for each in services["s4"]["addresses"]}
    assert leads == {("THING_STORE", "s1"), ("DATABASE_URL", "s1"), ("REDIS_URL", "s2")}
    assert services["s5"]["single"]


def test_again_it_says_what_differs_and_leaves_an_edit_alone(things: Lab, tmp_path: Path) -> None:
    newcomer = Newcomer(things, tmp_path)
    assert newcomer.run("init", "shop", "--format", "json").code == 0
    again = newcomer.run("init", "shop", "--format", "json").data
    assert (again["written"], again["differs"]) == (False, [])
    file = tmp_path / "inventories/shop/group_vars/all/policy.yml"
    edited = file.read_text().replace("profile: own", "profile: guide")
    file.write_text(edited)
    differs = newcomer.run("init", "shop", "--format", "json").data["differs"]
    assert differs == [
        "group_vars/all/policy.yml: selextract_policy.profile is guide in your file and was seen as own."
    ]
    assert file.read_text() == edited


def test_an_unknown_key_is_shown_with_the_command_that_accepts_it(things: Lab, tmp_path: Path) -> None:
    newcomer = Newcomer(things, tmp_path)
    newcomer.known.write_text("")
    answer = newcomer.run("init", f"root@{newcomer.address}")
    assert answer.code == 8, answer.words
    assert "it shows SHA256:" in answer.err
    assert f"ssh -o StrictHostKeyChecking=accept-new root@{newcomer.address} true" in answer.err
    assert not (tmp_path / "inventories").exists()


def test_a_user_without_root_is_told_both_ways_and_looks_as_a_member_of_dockers_group(
    things: Lab, tmp_path: Path
) -> None:
    newcomer = Newcomer(things, tmp_path, user="ops")
    things.ssh("app1", f"mkdir -p -m 700 {STATE}")  # what only root reads
    refused = newcomer.run("init", "ops@shop")
    assert refused.code == 8, refused.words
    assert "may not open Docker's socket" in refused.err
    assert "usermod -aG docker ops" in refused.err
    assert "visudo" in refused.err
    assert not (tmp_path / "inventories").exists()
    things.ssh("app1", "usermod -aG docker ops")
    try:
        answer = newcomer.run("init", "ops@shop", "--format", "json")
        assert answer.code == 0, answer.words
        projects = {project["name"]: project for project in answer.data["projects"]}
        assert {service["name"] for service in projects["things"]["services"]} == {f"s{n}" for n in range(1, 8)}
        planned = newcomer.run("rightsize", "-i", "inventories/shop")
        assert planned.code == 0, planned.words
        assert "Plan: rightsize on shop" in planned.out
        shown = newcomer.run("status", "-i", "inventories/shop")
        for answer in (planned, shown):
            assert "What is kept on shop is for root alone" in " ".join(answer.words.split())
            assert "Permission denied" not in answer.words
        asked = ("rightsize", "-i", "inventories/shop", "--service", "s1", "--memory", "600MB", "--apply", "--yes")
        applied = newcomer.run(*asked, "--now", "a test")
        assert applied.code not in (0, 1), applied.words
        assert "Traceback" not in applied.words
    finally:
        things.ssh("app1", "gpasswd -d ops docker")


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("systemctl stop docker.socket docker", "systemctl start docker.socket docker", "Docker is not running"),
        ("mv /usr/bin/python3 /usr/bin/python3.away", "mv /usr/bin/python3.away /usr/bin/python3", "Python is not at"),
    ],
    ids=["Docker", "Python"],
)
def test_what_is_missing_on_the_host_is_one_sentence_and_nothing_is_written(
    things: Lab, tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    newcomer = Newcomer(things, tmp_path)
    things.ssh("app1", before)
    try:
        answer = newcomer.run("init", "shop")
    finally:
        things.ssh("app1", after)
    assert answer.code == 8, answer.words
    assert sentence in answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "inventories").exists()


FORMS = {
    "lists": (
        "services:\n  db: {image: postgres}\n  web:\n    image: app\n    command: gunicorn web\n"
        "    environment: ['DATABASE_URL=postgres://u:p@${DB_HOST:-db}/x', PASSED]\n    ports: ['8080:80', '81']\n"
    ),
    "mappings": (
        "x-a: &a {restart: always}\nservices:\n  db: {image: 'redis:${TAG}'}\n  web:\n    <<: *a\n    image: app\n"
        "    environment: {REDIS_HOST: db, REDIS_PORT: 6379, DB_HOST: '${DB_HOST}'}\n"
        "    depends_on: {db: {condition: service_started}}\n    volumes: ['./data:/data', 'x:/y:ro']\nvolumes: {x: }\n"
    ),
    "extended": (
        "services:\n  base: {image: app, environment: [A=1], profiles: [never]}\n"
        "  jobs: {extends: base, command: [celery, worker], environment: {BROKER_URL: 'redis://queue:6379'}}\n"
        "  queue: {image: valkey/valkey, healthcheck: {test: valkey-cli ping}}\n"
    ),
}


def test_compose_itself_and_the_reader_of_our_own_say_the_same(things: Lab, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    host = things.host("app1")
    shim = programs / "docker"
    shim.write_text(f'#!/bin/sh\nexec {shutil.which("docker")} exec -i {host.container} docker "$@"\n')
    shim.chmod(0o755)
    newcomer = Newcomer(things, tmp_path)
    for name, text in FORMS.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "compose.yml").write_text(text)
        host.execute("mkdir", "-p", str(folder))
        host.execute("tee", str(folder / "compose.yml"), feed=text.encode())
        ours = newcomer.run("init", "--compose", str(folder), "--format", "json").data["projects"][0]
        path = f"{programs}:{os.environ['PATH']}"
        theirs = newcomer.run("init", "--compose", str(folder), "--format", "json", PATH=path).data["projects"][0]
        assert (ours.pop("read_by"), theirs.pop("read_by")) == ("this program", "docker compose")
        assert ours == theirs


def test_a_host_behind_a_jump_host_is_looked_at_as_ssh_reaches_it(things: Lab, tmp_path: Path) -> None:
    newcomer = Newcomer(things, tmp_path)
    text = newcomer.configuration.read_text()
    behind = f"Host behind\n  HostName 127.0.0.1\n  HostKeyAlias {newcomer.address}\n  User root\n  ProxyJump shop\n"
    # What ssh starts for the jump reads the configuration that it was given itself.
    newcomer.configuration.write_text(behind + text)
    answer = newcomer.run("init", "behind", "--format", "json")
    assert answer.code == 0, answer.words
    assert {"things"} <= {project["name"] for project in answer.data["projects"]}
