"""What becomes of long requests and of streams behind the balancer, and of the whole when the engine starts anew."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, wait_for
from tests.lab.rightsizing import as_deployed, policy_of
from tests.lab.scaling import CROWDED, instances, scaled, serving

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(590)]

NOW = ("--apply", "--yes", "--now", "test", "--format", "json")
ANSWER, DRAIN = 3, 5  # seconds; shorter than what the tests ask for, and than what Nginx waits


def hurried(policy: dict[str, Any]) -> None:
    """The balancer is told to wait only shortly."""
    policy.setdefault("balancing", {})["proxy"] = {
        **policy.get("balancing", {}).get("proxy", {}),
        "answer": f"{ANSWER}s",
        "drain": f"{DRAIN}s",
    }


@pytest.fixture(scope="module")
def hurried_balancer(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The balancer on, with a policy that waits only shortly; off again afterwards."""
    as_deployed(lab)
    folder = tmp_path_factory.mktemp("hurried")
    program = Program(policy_of(lab, folder / "inventory", hurried), folder / "state")
    answer = program.run("balancer", "on", *NOW)
    assert answer.code == 0, answer.words
    yield program
    if len(instances(lab, "api")) != 2:
        scaled(program, "api=2")
    off = program.run("balancer", "off", *NOW)
    assert off.code == 0, off.words


def count_of(lab: Lab, name: str) -> int:
    """A counter of the app in Redis."""
    return int(lab.ssh("app1", f"docker exec selextract-redis-1 redis-cli get {name}").stdout.strip() or 0)


def curl(lab: Lab, path: str) -> subprocess.Popen[str]:
    """A request that goes on beside the test; it prints its status and its seconds when it ends."""
    words = ["curl", "-sN", "-o", "/dev/null", "-m", "120", "-w", "%{http_code} %{time_total}", lab.state().url + path]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def ended(request: subprocess.Popen[str], bound: float = 120) -> tuple[int, float]:
    """The status of a request and how long it took."""
    said, _ = request.communicate(timeout=bound)
    status, seconds = said.split()
    return int(status), float(seconds)


def test_a_request_that_takes_long_is_answered_once(lab: Lab, hurried_balancer: Program) -> None:
    before = count_of(lab, "slow:begun")
    status, seconds = ended(curl(lab, "/api/v1/slow?seconds=9"))
    assert (status, round(seconds)) == (200, 9)
    assert count_of(lab, "slow:begun") == before + 1


def test_streams_are_cut_when_their_instance_leaves_and_requests_are_answered(
    lab: Lab, hurried_balancer: Program
) -> None:
    scaled(hurried_balancer, "api=3")
    streams = [curl(lab, "/api/v1/stream") for _ in range(6)]
    requests = [curl(lab, "/api/v1/slow?seconds=15") for _ in range(6)]
    plan = hurried_balancer.run("scale", "api=2", *CROWDED)
    assert "are cut" in " ".join(plan.words.split()), plan.words
    run = scaled(hurried_balancer, "api=2")
    assert run["status"] == "done"
    cut = [stream for stream in streams if stream.poll() is not None]
    assert 1 <= len(cut) <= 4, "those of the leaving instance, and no others"
    assert {ended(request)[0] for request in requests} == {200}
    for stream in streams:
        stream.terminate()
        stream.communicate(timeout=10)


@pytest.mark.parametrize("how", ["the engine", "the host"])
def test_everything_serves_again_by_itself_after_a_restart_of(lab: Lab, hurried_balancer: Program, how: str) -> None:
    """The balancer has read its file anew before, for which it got a signal that once kept it down."""
    scaled(hurried_balancer, "api=3")
    scaled(hurried_balancer, "api=2")
    if how == "the engine":
        assert lab.ssh("app1", "systemctl restart docker", timeout=120).returncode == 0
    else:
        lab.host().reboot()
    healthy(lab)
    wait_for(lambda: serving(lab) == instances(lab, "api"), bound=60, what="both instances are in rotation")


def healthy(lab: Lab) -> None:
    """Wait until the app answers, through everything that stands before it."""
    ask = ["curl", "-s", "-o", "/dev/null", "-m", "5", "-w", "%{http_code}", lab.state().url + "/api/v1/items"]

    def answers() -> bool:
        return subprocess.run(ask, capture_output=True, text=True, check=False, timeout=10).stdout == "200"

    wait_for(answers, bound=120, what="the app answers again")
