"""Scaling a live app under load: nothing fails, nothing is lost, nothing is done twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from selextract_infra.lab.load import TaskShape
from tests.lab.program import Program, by_hand, second_plan_is_empty, wait_for
from tests.lab.rightsizing import policy_of
from tests.lab.scaling import CROWDED, Client, balanced, instances, scaled, serving, switched, traffic

__all__ = ["balanced"]

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]


def test_the_api_goes_from_two_to_four_and_back_without_a_failed_request(lab: Lab, balanced: Program) -> None:
    with lab.load(rps=20, tasks_per_hour=0) as load:
        load.wait_for_requests(100)
        out = scaled(balanced, "api=4")
        assert serving(lab) == instances(lab, "api")
        assert len(instances(lab, "api")) == 4
        seen = traffic(balanced)["balancer"]["windows"]
        back = scaled(balanced, "api=2")
        load.wait_for_requests(load.requests_so_far + 50)
    assert out["status"] == back["status"] == "done"
    assert load.result.requests_failed == 0, load.result.failures
    assert load.result.requests_total > 300
    assert len(instances(lab, "api")) == 2
    assert serving(lab) == instances(lab, "api")
    assert seen[0]["requests"] > 0
    assert seen[0]["failed"] == 0
    assert seen[0]["p95"] >= seen[0]["p50"] > 0
    again = balanced.run("scale", "api=2", *CROWDED, "--apply", "--yes", "--format", "json")
    assert again.code == 0, again.words
    assert again.data["steps"] == []
    second_plan_is_empty(balanced, "scale", "api=2", *CROWDED)


def test_workers_go_from_two_to_six_and_back_and_every_task_is_done_once(lab: Lab, balanced: Program) -> None:
    shape = TaskShape(seconds=3, cpu=0.05, memory=8 << 20)
    with lab.load(rps=2, tasks_per_hour=2400, task=shape) as load:
        wait_for(lambda: load.tasks_so_far >= 20, bound=120, what="tasks are accepted")
        scaled(balanced, "worker=6")
        assert len(instances(lab, "worker")) == 6
        assert traffic(balanced)["redis"]["queued"] is not None
        scaled(balanced, "worker=2")
        assert len(instances(lab, "worker")) == 2
    assert load.result.requests_failed == 0, load.result.failures
    assert load.result.tasks_lost == 0
    assert load.result.tasks_doubled == 0
    assert load.result.tasks.completed == load.result.tasks.started == load.result.tasks.enqueued
    second_plan_is_empty(balanced, "scale", "worker=2", *CROWDED)


def test_a_killed_instance_leaves_rotation_and_new_requests_are_answered_elsewhere(lab: Lab, balanced: Program) -> None:
    """What the dead one held may have been carried out, so each client may lose that one request, and no other."""
    with Client(lab, "/api/v1/items") as one, Client(lab, "/api/v1/items") as other:
        one.wait_for(50)
        lab.ssh("app1", "docker kill selextract-api-2")
        wait_for(lambda: serving(lab) == ["selextract-api-1"], bound=120, what="the dead one leaves rotation")
        other.wait_for(50)
        lab.ssh("app1", "docker start selextract-api-2")
        wait_for(lambda: len(serving(lab)) == 2, bound=400, what="it comes back when it is healthy")
        one.wait_for(50)
    for client in (one, other):
        assert set(client.statuses) <= {200, 502}, client.statuses
        assert client.statuses[502] <= 1, client.statuses


def test_switches_lose_nothing_and_touch_only_what_is_mapped(lab: Lab, balanced: Program) -> None:
    known = {"Authorization": "Bearer x"}
    with (
        Client(lab, "/api/v1/items") as public,
        Client(lab, "/api/v1/items", known) as personal,
        Client(lab, "/api/v1/slow?seconds=0") as throttled,
    ):
        for _ in range(10):
            for switch in ("caching", "throttling"):
                switched(lab, switch, on=True)
            public.wait_for(5)
            for switch in ("caching", "throttling"):
                switched(lab, switch, on=False)
            public.wait_for(5)
        switched(lab, "throttling", on=True)
        throttled.wait_for(20, status=429)
        switched(lab, "caching", on=True)
        public.wait_for(20)
        before = public.statuses[200]
        lab.ssh("app1", "docker pause selextract-api-1 selextract-api-2")
        try:
            public.wait_for(50)
        finally:
            lab.ssh("app1", "docker unpause selextract-api-1 selextract-api-2")
        personal.wait_for(5)
        for switch in ("caching", "throttling"):
            switched(lab, switch, on=False)
        throttled.wait_for(5, status=200)
    assert public.statuses[200] >= before + 50
    assert set(public.statuses) == {200}, public.statuses
    assert set(throttled.statuses) == {200, 429}, throttled.statuses
    assert 429 not in personal.statuses


def test_what_does_not_fit_is_refused_with_the_number_that_does(balanced: Program) -> None:
    crowded = balanced.run("scale", "api=4", "worker=6", *CROWDED)
    assert crowded.code == 3, crowded.words
    assert "X-11" in crowded.err
    assert balanced.run("scale", "api=20").code == 3
    assert balanced.run("scale", "postgres=2").code == 3
    assert balanced.run("scale", "nothing=2").code == 2


def test_an_instance_that_does_not_get_healthy_is_taken_away_again(lab: Lab, balanced: Program, tmp_path: Path) -> None:
    def impatient(policy: dict[str, Any]) -> None:
        policy["scaling"]["instance"] = {"gate": "20 s"}

    program = Program(policy_of(lab, tmp_path / "impatient", impatient), tmp_path / "state")
    before = instances(lab, "api")
    plan = lab.ssh("app1", "cat /opt/selextract/compose.capacity.yml; cat /opt/selextract/.env").stdout
    lab.ssh("app1", "sed -i 's/^WEB_CONCURRENCY=.*/WEB_CONCURRENCY=none/' /opt/selextract/.env")
    try:
        with Client(lab, "/api/v1/items") as client:
            client.wait_for(20)
            answer = program.run("scale", "api=3", *CROWDED, "--apply", "--yes", "--format", "json", timeout=900)
            client.wait_for(20)
    finally:
        lab.ssh("app1", "sed -i 's/^WEB_CONCURRENCY=.*/WEB_CONCURRENCY=2/' /opt/selextract/.env")
    assert answer.code == 6, answer.words
    assert set(client.statuses) == {200}, client.statuses
    assert instances(lab, "api") == before == serving(lab)
    assert lab.ssh("app1", "cat /opt/selextract/compose.capacity.yml; cat /opt/selextract/.env").stdout == plan


def test_switched_off_and_on_again_under_load(lab: Lab, balanced: Program) -> None:
    """Going past the balancer and back loses nothing; by hand there is nothing to do twice."""
    with Client(lab, "/api/v1/items") as client:
        client.wait_for(20)
        for word in ("off", "on"):
            answer = balanced.run("balancer", word, "--apply", "--yes", "--now", "test", "--format", "json")
            assert answer.code == 0, answer.words
            client.wait_for(20)
    assert set(client.statuses) == {200}, client.statuses
    seen = by_hand(balanced.inventory, "selextract.infra.observe")
    assert seen.code == 0, seen.words
    second_plan_is_empty(balanced, "balancer", "on")
