"""A bakery of another team: its only instance of a service can always come back, and what is written is accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.modules import Shop
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import policy_of

pytestmark = pytest.mark.lab

MIB = 2**20
FOLDER = "/srv/bakery"
COUNTER = "bakery-counter"
ADDRESS = "http://127.0.0.1:18099/"
SALES = "/var/lib/sales/today"
SERVE = """
import http.server, os, sys
dough = bytearray(int(os.environ["DOUGH_MB"]) << 20)
dough[::4096] = b"x" * len(dough[::4096])
class Counter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sold = open("/var/lib/sales/today").read() if os.path.exists("/var/lib/sales/today") else ""
        body = os.environ["BREAD"] + " " + sold
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("", 8000), Counter).serve_forever()
"""
BAKE = """
import time
time.sleep(2)
dough = bytearray(120 << 20)
dough[::4096] = b"x" * len(dough[::4096])
while True:
    time.sleep(1)
"""
COMPOSE = f"""
services:
  counter:
    image: selextract/stack:lab
    container_name: {COUNTER}
    command: [python3, -u, /bakery/serve.py]
    environment: {{BREAD: rye, DOUGH_MB: "40", TOKEN: not-for-anybody}}
    init: true
    restart: unless-stopped
    mem_limit: 128m
    memswap_limit: 128m
    cpus: 0.5
    ports: ["127.0.0.1:18099:8000"]
    volumes: ["./:/bakery:ro", "/var/lib/sales"]
    healthcheck:
      {{test: [CMD, curl, -fsS, "http://127.0.0.1:8000/"], interval: 5s, start_period: 5s, start_interval: 1s}}
  shelf:
    image: selextract/stack:lab
    command: [python3, -u, /bakery/serve.py]
    environment: {{BREAD: wheat, DOUGH_MB: "10"}}
    init: true
    mem_limit: 128m
    memswap_limit: 128m
    mem_reservation: 96m
    cpus: 0.5
    volumes: ["./:/bakery:ro"]
  oven:
    image: selextract/stack:lab
    command: [python3, -u, /bakery/bake.py]
    init: true
    restart: unless-stopped
    mem_limit: 64m
    memswap_limit: 64m
    cpus: 0.5
    volumes: ["./:/bakery:ro"]
    profiles: [warm]
"""


@dataclass(frozen=True)
class Bakery:
    """The project on the lab's host, and the program that knows it."""

    lab: Lab
    program: Program

    def shell(self, command: str, *, check: bool = True) -> str:
        done = self.lab.ssh("app1", command, timeout=120)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def put(self, name: str, content: str) -> None:
        self.lab.host("app1").execute("tee", f"{FOLDER}/{name}", feed=content.encode())

    def compose(self, words: str) -> str:
        return self.shell(f"cd {FOLDER} && docker compose -p bakery {words} 2>&1")

    def answer(self) -> str:
        return self.shell(f"curl -fsS -m 5 {ADDRESS}")

    def described(self, container: str) -> dict[str, Any]:
        """What makes the container what it is; not its ID, and not since when it runs."""
        (details,) = json.loads(self.shell(f"docker inspect {container}"))
        config, host = details["Config"], details["HostConfig"]
        networks = details["NetworkSettings"]["Networks"]
        return {
            "name": details["Name"],
            "image": details["Image"],
            "health": (details["State"].get("Health") or {}).get("Status"),
            "environment": sorted(config["Env"]),
            "labels": config["Labels"],
            "command": config["Cmd"],
            "limits": [host[key] for key in ("Memory", "MemorySwap", "NanoCpus", "MemoryReservation")],
            "ports": host["PortBindings"],
            "mounts": sorted(
                (mount["Destination"], mount.get("Name") or mount["Source"]) for mount in details["Mounts"]
            ),
            "aliases": {name: sorted(network["Aliases"] or []) for name, network in networks.items()},
        }

    def limit(self, container: str) -> int:
        return int(self.shell(f"docker inspect -f '{{{{.HostConfig.Memory}}}}' {container}"))

    def things(self) -> list[str]:
        """All containers, images, networks and volumes of the host, by name; not what the last run may come back to."""
        listed = self.shell(
            "docker ps -a --format '{{.Names}}';"
            " docker images -a --format '{{.Repository}}:{{.Tag}}' | grep -v ^selextract-infra-kept:;"
            " docker network ls --format '{{.Name}}'; docker volume ls -q"
        )
        return sorted(listed.splitlines())  # Docker lists the newest first, and one that was made again is new


@pytest.fixture
def bakery(lab: Lab, tmp_path: Path) -> Iterator[Bakery]:
    def change(policy: dict[str, Any]) -> None:
        services = {
            "counter": {"role": "api", "health": ADDRESS},
            "shelf": {"role": "frontend"},
            "oven": {"role": "worker"},
        }
        policy["application"] = {"project": "bakery", "directory": FOLDER, "services": services}

    program = Program(policy_of(lab, tmp_path / "inventory", change), tmp_path / "state")
    bakery = Bakery(lab, program)
    bakery.shell(f"mkdir -p {FOLDER}")
    for name, content in {"compose.yaml": COMPOSE, "serve.py": SERVE, "bake.py": BAKE}.items():
        bakery.put(name, content)
    bakery.compose("up -d --wait")
    bakery.shell(f"docker exec {COUNTER} sh -c 'echo 12 > {SALES}'")
    yield bakery
    bakery.compose("--profile warm down -v -t 1")
    bakery.shell(f"rm -rf {FOLDER}")


def settled(bakery: Bakery, service: str) -> Any:
    return bakery.program.run(
        "rightsize", "--service", service, "--settle", "--apply", "--yes", "--now", "it is a test"
    )


def test_the_only_instance_comes_back_with_all_that_it_had_when_its_new_one_cannot_serve(bakery: Bakery) -> None:
    before, things = bakery.described(COUNTER), bakery.things()
    assert bakery.answer() == "rye 12\n"
    bakery.put(
        "compose.yaml",
        COMPOSE.replace(
            "mem_limit: 128m\n    memswap_limit: 128m\n    cpus: 0.5\n    ports",
            "mem_limit: 24m\n    memswap_limit: 24m\n    cpus: 0.5\n    ports",
        ),
    )
    answer = settled(bakery, "counter")
    assert answer.code == 6, answer.words
    assert f"{COUNTER} was made again as it was" in answer.words or "Everything was put back" in answer.words
    assert bakery.described(COUNTER) == before
    assert bakery.answer() == "rye 12\n"
    assert bakery.things() == things
    assert "not-for-anybody" not in answer.words
    bakery.put("compose.yaml", COMPOSE)
    assert "Recreate" not in bakery.compose("up -d --wait --dry-run")


def test_a_new_instance_has_the_unnamed_volume_of_the_one_it_replaces(bakery: Bakery) -> None:
    things = bakery.things()
    bakery.put("compose.yaml", COMPOSE.replace("cpus: 0.5\n    ports", "cpus: 0.4\n    ports"))
    answer = settled(bakery, "counter")
    assert answer.code == 0, answer.words
    assert bakery.answer() == "rye 12\n"
    assert bakery.things() == things
    assert "Recreate" not in bakery.compose("up -d --wait --dry-run")


def test_a_run_that_is_done_is_rolled_back_to_the_very_container_that_was_there(bakery: Bakery) -> None:
    before, things = bakery.described(COUNTER), bakery.things()
    bakery.put("compose.yaml", COMPOSE.replace("cpus: 0.5\n    ports", "cpus: 0.4\n    ports"))
    answer = settled(bakery, "counter")
    assert answer.code == 0, answer.words
    assert bakery.described(COUNTER) != before
    run = bakery.program.run("history", "--format", "json").data["runs"][0]["id"]
    back = bakery.program.run("rollback", run)
    assert back.code == 0, back.words
    assert bakery.described(COUNTER) == before
    assert bakery.answer() == "rye 12\n"
    assert bakery.things() == things


def test_an_instance_that_somebody_stopped_stays_so_through_a_run_and_its_rollback(bakery: Bakery) -> None:
    def running() -> list[str]:
        return sorted(bakery.shell("docker ps --filter name=bakery-shelf --format '{{.Names}}'").split())

    bakery.put("compose.yaml", COMPOSE.replace("mem_reservation: 96m", "mem_reservation: 96m\n    scale: 2"))
    bakery.compose("up -d --wait")
    bakery.shell("docker stop -t 1 bakery-shelf-2")
    bakery.put(
        "compose.yaml",
        COMPOSE.replace("mem_reservation: 96m\n    cpus: 0.5", "mem_reservation: 96m\n    scale: 2\n    cpus: 0.4"),
    )
    answer = settled(bakery, "shelf")
    assert answer.code == 0, answer.words
    assert "bakery-shelf-2 was stopped before this run and stays so" in " ".join(answer.words.split())
    assert running() == ["bakery-shelf-1"]
    run = bakery.program.run("history", "--format", "json").data["runs"][0]["id"]
    back = bakery.program.run("rollback", run)
    assert back.code == 0, back.words
    assert running() == ["bakery-shelf-1"]


def test_where_two_can_run_the_new_one_serves_before_the_old_one_goes_and_what_is_not_proved_is_said(
    bakery: Bakery,
) -> None:
    bakery.put(
        "compose.yaml", COMPOSE.replace("mem_reservation: 96m\n    cpus: 0.5", "mem_reservation: 96m\n    cpus: 0.4")
    )
    since = bakery.shell("date +%s").strip()
    answer = settled(bakery, "shelf")
    assert answer.code == 0, answer.words
    assert "Not proved that it serves: shelf has no health check" in " ".join(answer.words.split())
    events = bakery.shell(
        f"docker events --since {since} --until $(date +%s) --filter label=com.docker.compose.service=shelf"
        " --filter event=start --filter event=die --format '{{.Action}}'"
    ).split()
    assert events == ["start", "die"]


def test_a_limit_below_the_reservation_is_refused_before_anything_is_touched(bakery: Bakery) -> None:
    things = bakery.things()
    asked = ("rightsize", "--service", "shelf", "--memory", "64MB", "--override", "RSZ-05", "--apply", "--yes")
    answer = bakery.program.run(*asked)
    assert answer.code == 3, answer.words
    assert "below its reservation of 96 MB" in " ".join(answer.words.split())
    module = Shop(bakery.lab)
    module.begin()
    refused = module.step(
        "container_limits", project="bakery", services={"shelf": {"memory": 64 * MIB}}, shrink_margin=0.1
    )
    assert module.module("host_lock", run_id=module.run_id, state="free")["acquired"]
    assert refused["failed"]
    assert refused["rule"] == "engine"
    assert "Minimum memory limit can not be less than memory reservation limit" in refused["msg"]
    assert bakery.limit("bakery-shelf-1") == 128 * MIB
    assert bakery.things() == things
    bakery.compose("up -d --wait")


def test_a_raise_after_an_oom_kill_stays_and_says_when_it_was_not_enough(bakery: Bakery) -> None:
    oven = "bakery-oven-1"
    assert bakery.program.run("sampler").code == 0
    bakery.compose("--profile warm up -d oven")

    def raised() -> bool:
        steps = bakery.program.plan("--service", "oven")["steps"]
        return bool(steps)

    wait_for(raised, bound=90, what="the kill is seen")
    tries = []

    def applied() -> bool:  # it is killed again and again, so what was seen for the plan may have passed
        tries.append(bakery.program.run("rightsize", "--service", "oven", "--apply", "--yes"))
        return tries[-1].code != 9

    wait_for(applied, bound=90, what="the plan still fits")
    words = " ".join(tries[-1].words.split())
    assert tries[-1].code == 7, words
    assert f"{oven} was killed for memory again, so its limit of" in words
    assert f"{oven} keeps its memory limit of" in words
    kept = bakery.limit(oven)
    assert kept > 64 * MIB
    assert f"mem_limit: {kept}" in bakery.shell(f"cat {FOLDER}/compose.override.yml")
    (host,) = bakery.program.run("status", "--format", "json").data["hosts"]
    (sentence,) = host["not_put_back"].values()
    assert f"{oven} keeps its memory limit" in sentence

    def enough() -> bool:
        return (
            bakery.program.run("rightsize", "--service", "oven", "--apply", "--yes").code == 0
            and bakery.limit(oven) > kept
        )

    wait_for(enough, bound=180, what="a higher limit is enough")
    assert bakery.shell(f"docker inspect -f '{{{{.State.Running}}}}' {oven}").strip() == "true"
