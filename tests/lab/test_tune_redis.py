"""Tuning Redis on a live host: it is kept over a restart, and nothing of the queue is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, second_plan_is_empty, wait_for
from tests.lab.rightsizing import as_deployed

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

REDIS = "selextract-redis-1"
TASK = "selextract-infra-test"


def redis(lab: Lab, *words: str) -> list[str]:
    done = lab.ssh("app1", f"docker exec {REDIS} redis-cli {' '.join(words)}", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout).split()


@pytest.fixture
def deployed(lab: Lab, tmp_path: Path) -> Iterator[Program]:
    """The program on a lab as its team deployed it, with a task in a queue of its own."""
    as_deployed(lab)
    redis(lab, "RPUSH", TASK, "first", "second")
    yield Program(lab.state().inventory, tmp_path / "state")
    redis(lab, "DEL", TASK)
    as_deployed(lab)


def test_it_survives_a_restart_and_no_task_is_lost(lab: Lab, deployed: Program) -> None:
    asked = ("tune", "redis", "--maxmemory", "80MB")
    refused = deployed.run(*asked, "--apply", "--yes", "--format", "json")
    assert refused.code == 4, refused.words  # its arguments are changed, so it restarts: in a window
    answer = deployed.run(*asked, "--apply", "--yes", "--now", "a test", "--format", "json", timeout=200)
    assert answer.code == 0, answer.words
    assert redis(lab, "CONFIG", "GET", "maxmemory") == ["maxmemory", str(80 << 20)]
    assert redis(lab, "--scan", "--pattern", "selextract-infra:probe:*") == []
    assert lab.ssh("app1", f"docker restart {REDIS}", timeout=60).returncode == 0
    wait_for(lambda: redis(lab, "PING") == ["PONG"], bound=20, what="Redis answers again")
    assert redis(lab, "CONFIG", "GET", "maxmemory") == ["maxmemory", str(80 << 20)]
    assert redis(lab, "LRANGE", TASK, "0", "-1") == ["first", "second"]
    second_plan_is_empty(deployed, *asked)
