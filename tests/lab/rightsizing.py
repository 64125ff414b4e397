"""The lab as right-sizing tests need it: the app as its team deployed it, with a history, under a policy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from selextract_infra.lab import Lab
from tests.lab.program import Program, wait_for

MIB = 2**20
DEPLOYED = {
    "nginx": (64, 0.25),
    "frontend": (128, 0.25),
    "api": (256, 0.5),
    "worker": (384, 0.5),
    "postgres": (256, 0.5),
    "redis": (128, 0.25),
}
BUCKETS = 16
STATE = "/var/lib/selextract-infra"


def limits(lab: Lab, service: str) -> list[tuple[int, int]]:
    """Memory and swap limit in bytes of each container of a service, as Docker on the host holds them."""
    shown = lab.ssh(
        "app1",
        f"docker ps -q --filter label=com.docker.compose.service={service} | sort |"
        " xargs docker inspect --format '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}'",
    ).stdout
    return [(int(memory), int(swap)) for memory, swap in (line.split() for line in shown.splitlines())]


def started(lab: Lab) -> dict[str, str]:
    """When each container of the app was created and started: changes with every restart and recreation."""
    shown = lab.ssh(
        "app1",
        "docker ps -q --filter label=com.docker.compose.project=selextract |"
        " xargs docker inspect --format '{{.Name}} {{.Created}} {{.State.StartedAt}} {{.RestartCount}}'",
    ).stdout
    return {line.split()[0]: line for line in shown.splitlines()}


# Compose chooses itself which instances stay; tests know the first two by name.
_SURPLUS = (
    "docker ps -a --filter label=com.docker.compose.project=selextract"
    " --format '{{.ID}} {{.Label \"com.docker.compose.container-number\"}}' | awk '$2 > 2 {print $1}'"
    " | xargs -r docker rm -f >/dev/null"
)


def as_deployed(lab: Lab) -> None:
    """Bring the app back to what its team's own files say, and forget what this program did."""
    updates = "; ".join(
        f"docker ps -q --filter label=com.docker.compose.service={service} |"
        f" xargs docker update --memory {memory}m --memory-swap {memory}m --cpus {cpus} >/dev/null"
        for service, (memory, cpus) in DEPLOYED.items()
    )
    done = lab.ssh(
        "app1",
        "cd /opt/selextract && rm -f compose.capacity.yml && sed -i '/^COMPOSE_FILE=/d' .env &&"
        f" rm -rf {STATE}/lock.json {STATE}/runs {STATE}/segments {STATE}/projects/selextract &&"
        f" {_SURPLUS} &&"
        f" docker compose up -d --wait --quiet-pull >/dev/null 2>&1 && {updates}",
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def with_history(lab: Lab, program: Program) -> None:
    """Install the sampler and wait until it has written enough of every container."""

    def enough() -> bool:
        counted = lab.ssh(
            "app1", "cat /var/lib/selextract-infra/samples/*.jsonl 2>/dev/null | cut -d'\"' -f4,6 | sort | uniq -c"
        ).stdout
        counts = [int(line.split()[0]) for line in counted.splitlines() if 'selextract"' in line]
        return len(counts) >= len(DEPLOYED) and min(counts) >= BUCKETS

    if not enough():
        answer = program.run("sampler")
        assert answer.code == 0, answer.words
        wait_for(enough, bound=300, what="the sampler wrote a history")


def at_rest(lab: Lab) -> None:
    """Wait until the sampler has written buckets that began after now: what came before is all in the history."""

    def newest() -> int:
        return int(
            lab.ssh("app1", "tail -qn 1 /var/lib/selextract-infra/samples/*.jsonl | tr -d '[' | cut -d, -f1").stdout
        )

    before = newest()
    wait_for(lambda: newest() >= before + 15, bound=60, what="the sampler goes on")


def policy_of(lab: Lab, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the lab's inventory in ``folder`` whose policy was changed by ``change``."""
    shutil.copytree(lab.state().inventory, folder)
    path = next((folder / "group_vars/all").glob("*.yml"))
    content = yaml.safe_load(path.read_text())
    change(content["selextract_policy"])
    path.write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture
def seasoned(lab: Lab, tmp_path: Path) -> Program:
    """The program on a lab whose containers have a history, whatever limits they have now."""
    program = Program(lab.state().inventory, tmp_path / "state")
    with_history(lab, program)
    return program


@pytest.fixture
def oversized(lab: Lab, tmp_path: Path) -> Program:
    """The program on a lab as its team deployed it: limits larger than what is used."""
    as_deployed(lab)
    program = Program(lab.state().inventory, tmp_path / "state")
    with_history(lab, program)
    return program


@pytest.fixture
def waiting(lab: Lab, oversized: Program, tmp_path: Path) -> Program:
    """As deployed, under a policy whose health gate asks for an address where nothing answers yet, for a long time."""

    def change(policy: dict[str, Any]) -> None:
        policy["application"]["services"]["frontend"]["health"] = "http://127.0.0.1:9999/"
        policy["rightsizing"].setdefault("in_place", {})["gate"] = "120 s"

    return Program(policy_of(lab, tmp_path / "waiting", change), oversized.state)


@pytest.fixture
def failing(lab: Lab, oversized: Program, tmp_path: Path) -> Program:
    """As deployed, under a policy whose health gate cannot pass."""

    def change(policy: dict[str, Any]) -> None:
        policy["application"]["services"]["frontend"]["health"] = "http://127.0.0.1:9998/"
        policy["rightsizing"].setdefault("in_place", {})["gate"] = "3 s"

    return Program(policy_of(lab, tmp_path / "failing", change), oversized.state)


@pytest.fixture
def demanding(lab: Lab, oversized: Program, tmp_path: Path) -> Program:
    """As deployed, under a policy that wants more history than there is."""

    def change(policy: dict[str, Any]) -> None:
        policy["rightsizing"]["minimum_samples"] = "1000000 samples"

    return Program(policy_of(lab, tmp_path / "demanding", change), tmp_path / "other-state")
