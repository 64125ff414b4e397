"""When a step counts as verified: what it touched has run for a while, without a restart and without an OOM kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.docker.containers import Container, unix_time
from plugins.module_utils.docker.engine import Engine
from plugins.module_utils.docker.gate import Gate, not_proved_text, resting_text
from plugins.module_utils.docker.limits import inverse_of
from plugins.module_utils.docker.settling import Settling
from plugins.module_utils.system.failure import HostSideError
from tests.unit.plugins.simulated_docker import SimulatedDocker, instance

BEGAN = unix_time("2026-01-01T00:00:00Z")
MIB = 2**20


def container(started: str, **more: Any) -> Container:
    return Container.parse(instance("shop-web-1", State={"StartedAt": started}, **more))


def test_what_was_started_has_to_run_through_its_start_period_and_the_settling_time() -> None:
    web = container(
        "2026-01-01T00:00:05Z", Config={"Healthcheck": {"Test": ["CMD", "true"], "StartPeriod": 30 * 10**9}}
    )
    settling = Settling(10.0, BEGAN)
    assert settling.longest([web]) == 40
    assert settling.complaint([web], BEGAN + 44) == "shop-web-1 has run for 39 s of 40 s"
    assert settling.complaint([web], BEGAN + 45) is None


def test_what_was_changed_in_place_has_to_run_on_for_the_settling_time_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("plugins.module_utils.docker.settling.time.monotonic", lambda: now[0])
    web = container("2025-12-31T00:00:00Z", Config={"Healthcheck": {"StartPeriod": 30 * 10**9}})
    settling = Settling(10.0, BEGAN, in_place=[web.id])
    assert settling.complaint([web], BEGAN) == "shop-web-1 has run for 0 s of 10 s"
    now[0] += 10
    assert settling.complaint([web], BEGAN) is None


def test_containers_that_were_changed_in_place_settle_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("plugins.module_utils.docker.settling.time.monotonic", lambda: now[0])
    shop = [
        Container.parse(instance(f"shop-web-{number}", State={"StartedAt": "2025-12-31T00:00:00Z"}))
        for number in range(1, 9)
    ]
    settling = Settling(10.0, BEGAN, in_place=[web.id for web in shop])
    assert settling.complaint(shop, BEGAN) == "shop-web-1 has run for 0 s of 10 s"
    now[0] += settling.longest(shop)
    assert settling.complaint(shop, BEGAN) is None


def test_a_restart_begins_the_time_anew_and_is_told() -> None:
    web = container("2026-01-01T00:01:00Z", RestartCount=3)
    complaint = Settling(10.0, BEGAN).complaint([web], BEGAN + 62)
    assert complaint == "shop-web-1 has run for 2 s of 10 s and was restarted 3 times"


def test_what_was_not_touched_is_not_waited_for_nor_is_anything_where_the_first_answer_is_enough() -> None:
    old, new = container("2025-12-31T00:00:00Z"), container("2026-01-01T00:00:05Z")
    assert Settling(10.0, BEGAN).complaint([old], BEGAN) is None
    assert Settling(0.0, BEGAN).complaint([new], BEGAN + 5) is None


class Shop:
    """A service ``web`` whose only container was changed in place, and its gate."""

    def __init__(self, socket: str, docker: SimulatedDocker) -> None:
        self.socket, self.docker = socket, docker

    def complaint(self, **before: Any) -> str | None:
        web = self.docker.named("shop-web-1")
        inverse = {**inverse_of(Container.parse(web)), **before}
        gate = Gate("shop", {"web": {}}, [], BEGAN, {web["Id"]: inverse} if before else {}, changed=BEGAN + 2)
        with Engine(self.socket) as engine:
            return gate.complaint(engine, self.socket, BEGAN + 30)

    def killed(self, seconds: float) -> None:
        at = round((BEGAN + seconds) * 1e9)
        self.docker.oom.append({"Actor": {"ID": self.docker.named("shop-web-1")["Id"]}, "timeNano": at})


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    docker = SimulatedDocker()
    docker.add(instance("shop-web-1", HostConfig={"Memory": 416 * MIB}, State={"StartedAt": "2025-12-31T00:00:00Z"}))
    with docker.serving(tmp_path) as socket:
        yield Shop(socket, docker)


def test_a_raise_that_was_not_enough_says_so(shop: Shop) -> None:
    shop.docker.named("shop-web-1")["State"]["StartedAt"] = "2026-01-01T00:00:10Z"
    assert shop.complaint(memory=256 * MIB, oom_killed=True) is None  # it had been killed before the raise
    shop.killed(9)
    with pytest.raises(HostSideError, match="was killed for memory again, so its limit of 416 MB is not enough"):
        shop.complaint(memory=256 * MIB, oom_killed=True)


def test_a_kill_before_the_new_limit_is_not_held_against_it(shop: Shop) -> None:
    shop.killed(1)
    assert shop.complaint(memory=256 * MIB, oom_killed=True) is None


def test_a_restart_in_place_fails_at_once(shop: Shop) -> None:
    before = shop.docker.named("shop-web-1")["State"]["StartedAt"]
    shop.docker.named("shop-web-1")["State"]["StartedAt"] = "2026-01-01T00:00:10Z"
    with pytest.raises(HostSideError, match="shop-web-1 restarted after its limits were changed"):
        shop.complaint(memory=256 * MIB, started_at=before)


def test_one_that_started_in_what_is_the_future_since_the_clock_was_set_back_did_not_restart(shop: Shop) -> None:
    shop.docker.named("shop-web-1")["State"]["StartedAt"] = "2026-01-01T00:00:10Z"
    assert shop.complaint(memory=416 * MIB) is None


@pytest.mark.parametrize(("before", "words"), [(512, "its limit was lowered"), (256, "its limits were changed")])
def test_a_kill_after_the_change_fails_at_once(shop: Shop, before: int, words: str) -> None:
    shop.killed(9)
    with pytest.raises(HostSideError, match=f"shop-web-1 was killed for memory after {words}"):
        shop.complaint(memory=before * MIB)


def test_a_kill_of_what_was_started_fails_at_once(shop: Shop) -> None:
    shop.docker.named("shop-web-1")["State"]["StartedAt"] = "2026-01-01T00:00:10Z"
    assert shop.complaint() is None
    shop.killed(12)
    with pytest.raises(HostSideError, match="shop-web-1 was killed for memory after it was started"):
        shop.complaint()


def test_one_that_was_stopped_before_the_run_is_left_out_and_named(shop: Shop) -> None:
    stopped = instance("shop-web-2", 2, State={"Status": "exited", "Running": False, "Pid": 0})
    shop.docker.add(stopped)
    with Engine(shop.socket) as engine:
        counted = Gate("shop", {"web": {}}, [], BEGAN, {}, {"web": 1})
        assert counted.complaint(engine, shop.socket, BEGAN + 30) == "shop-web-2 is exited"
        resting = Gate("shop", {"web": {}}, [], BEGAN, {}, {"web": 1}, at_rest=frozenset({"shop-web-2"}))
        assert resting.complaint(engine, shop.socket, BEGAN + 30) is None
    left = resting.resting([Container.parse(stopped)])
    assert resting_text(left) == "shop-web-2 was stopped before this run and stays so."


def test_what_nothing_tells_of_is_said_to_be_not_proved() -> None:
    assert not_proved_text([]) == ""
    assert not_proved_text(["jobs"]) == "Not proved that it serves: jobs has no health check."
    assert not_proved_text(["jobs", "web"]) == "Not proved that it serves: jobs, web have no health check."
