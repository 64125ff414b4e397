"""What goes wrong in the middle of an emergency: each fault ends in its documented state."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.emergencies import STATE, armed, counts, everything, on_host
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import as_deployed, policy_of

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

RUNS = "/var/lib/selextract-infra/runs"


@pytest.fixture
def program(lab: Lab, tmp_path: Path) -> Program:
    """The program on a lab as its team deployed it."""
    as_deployed(lab)
    lab.ssh("app1", f"systemctl disable --now selextract-emergency.timer 2>/dev/null; rm -f {STATE}")
    return Program(lab.state().inventory, tmp_path / "state")


@pytest.fixture
def brief(lab: Lab, program: Program, tmp_path: Path) -> Program:
    """The same, whose emergencies and leases last for some minutes."""

    def change(policy: dict[str, Any]) -> None:
        times = {"timeout": "90s", "rollback": "30s", "gate": "60s"}
        policy["emergency"] = {"actions": {"lifetime": {"stated": "3 minutes"}, "times": times}}

    return Program(policy_of(lab, tmp_path / "inventory", change), program.state)


def test_an_image_that_is_missing_is_exit_6_and_everything_is_as_before(lab: Lab, program: Program) -> None:
    before = everything(lab)
    image = lab.ssh("app1", "docker images -q selextract/stack:lab").stdout.split()[0]
    lab.ssh("app1", "docker rmi -f selextract/stack:lab")
    try:
        run = program.run("emergency", "run", "--yes", timeout=600)
    finally:
        lab.ssh("app1", f"docker tag {image} selextract/stack:lab")
    assert run.code == 6, run.words
    assert everything(lab) == before
    assert on_host(lab)["status"] == "failed"
    assert not armed(lab)
    assert program.run("emergency", "revert").code == 0


def test_a_full_disk_touches_nothing(lab: Lab, program: Program) -> None:
    before = everything(lab)
    lab.ssh(
        "app1",
        f"mkdir -p {RUNS}; mount -t tmpfs -o size=4k,mode=0700 tmpfs {RUNS}; head -c 4096 /dev/zero > {RUNS}/full",
    )
    try:
        run = program.run("emergency", "run", "--yes", timeout=600)
    finally:
        lab.ssh("app1", f"umount {RUNS}")
    assert run.code in (7, 8), run.words
    assert "No space left" in run.words
    assert everything(lab) == before
    assert not armed(lab)


def test_redis_that_may_evict_the_queue_gets_no_caching(lab: Lab, program: Program, tmp_path: Path) -> None:
    lab.ssh("app1", "docker exec selextract-redis-1 redis-cli config set maxmemory-policy allkeys-lru")
    try:
        seen = program.run("emergency", "assess", "--format", "json")
    finally:
        lab.ssh("app1", "docker exec selextract-redis-1 redis-cli config set maxmemory-policy noeviction")
    caching = next(one for one in seen.data["needs"]["decisions"] if one["resource"] == "caching")
    assert caching["granted"] == 0
    assert "X-75" in caching["why_less"]


def test_docker_restarting_in_the_middle_ends_well_or_as_before(lab: Lab, program: Program) -> None:
    process = program.start("emergency", "run", "--yes")
    wait_for(lambda: "selextract-api-3" in lab.ssh("app1", "docker ps -a --format '{{.Names}}'").stdout, bound=300,
             what="an instance comes")  # fmt: skip
    lab.ssh("app1", "systemctl restart docker", timeout=300)
    out, err = process.communicate(timeout=900)
    assert process.returncode in (0, 6), out + err
    assert on_host(lab)["status"] == ("failed" if process.returncode else "active")
    if process.returncode == 0:
        assert counts(lab)["api"] == 4
    for _ in range(2):
        reverted = program.run("emergency", "revert", timeout=600)
        assert reverted.code == 0, reverted.words
    assert not armed(lab)
    wait_for(lambda: counts(lab).get("api") == 2 and counts(lab).get("worker") == 2, bound=300, what="as before")


def test_the_time_to_live_outlives_the_control_machine_and_a_reboot(lab: Lab, brief: Program) -> None:
    files = lab.ssh("app1", "cd /opt/selextract; cat .env compose*.yml").stdout
    process = brief.start("emergency", "run", "--yes")
    wait_for(lambda: counts(lab).get("api") == 4, bound=300, what="the instances come")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    lab.host("app1").power_off()
    lab.host("app1").power_on()
    lab.host("app1").wait_ready()
    wait_for(lambda: on_host(lab).get("status") == "reverted", bound=600, what="the host takes it back after its boot")
    assert on_host(lab)["reverted_by"] == "time to live"
    assert lab.ssh("app1", "cd /opt/selextract; cat .env compose*.yml").stdout == files
    wait_for(lambda: counts(lab).get("api") == 2 and counts(lab).get("worker") == 2, bound=120, what="as before")
