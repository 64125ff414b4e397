"""Right-sizing a live host: in place, twice, by hand, and beside the app team's own deployments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.lab import Lab
from tests.lab.program import Program, by_hand, second_plan_is_empty, wait_for
from tests.lab.rightsizing import DEPLOYED, at_rest, limits, policy_of, started

pytestmark = pytest.mark.lab


def test_right_sizing_under_load_loses_nothing_and_restarts_nothing(lab: Lab, seasoned: Program) -> None:
    before = started(lab)
    with lab.load(rps=20, tasks_per_hour=1200) as load:
        load.wait_for_requests(100)
        answer = seasoned.run("rightsize", "--apply", "--yes", "--format", "json")
    assert answer.code == 0, answer.words
    assert answer.data["status"] == "done"
    assert load.result.requests_failed == 0
    assert load.result.tasks_lost == 0
    assert load.result.tasks_doubled == 0
    assert load.result.requests_total > 100
    assert started(lab) == before


def test_a_second_run_has_nothing_to_do(lab: Lab, seasoned: Program) -> None:
    at_rest(lab)
    first = seasoned.run("rightsize", "--apply", "--yes")
    assert first.code == 0, first.words
    plan = seasoned.plan()
    assert plan["steps"] == [], plan["decisions"]
    again = seasoned.run("rightsize", "--apply", "--yes")
    assert again.code == 0, again.words
    hand = by_hand(seasoned.inventory, "selextract.infra.rightsize")
    assert hand.code == 0, hand.words
    assert "changed=0" in hand.out
    second_plan_is_empty(seasoned, "rightsize")


def test_check_mode_by_hand_shows_the_change_and_makes_none(lab: Lab, oversized: Program) -> None:
    before = limits(lab, "frontend")
    env_before = lab.ssh("app1", "cat /opt/selextract/.env").stdout
    hand = by_hand(oversized.inventory, "selextract.infra.rightsize", "--check", "--diff")
    assert hand.code == 0, hand.words
    assert "frontend" in hand.out
    assert limits(lab, "frontend") == before
    assert lab.ssh("app1", "cat /opt/selextract/.env").stdout == env_before
    assert lab.ssh("app1", "ls /opt/selextract/compose.capacity.yml").returncode != 0


def test_the_apps_own_up_keeps_our_limits_and_recreates_only_what_was_announced(lab: Lab, oversized: Program) -> None:
    assert oversized.run("rightsize", "--apply", "--yes").code == 0
    after = {service: limits(lab, service) for service in DEPLOYED}
    status = oversized.run("status", "--format", "json")
    announced = {one["service"] for one in status.data["pending_recreations"]}
    assert announced
    before = started(lab)
    up = lab.ssh("app1", "cd /opt/selextract && docker compose up -d --wait 2>&1", timeout=240)
    assert up.returncode == 0, up.stdout
    assert {service: limits(lab, service) for service in DEPLOYED} == after
    recreated = {name.split("-")[1] for name, line in started(lab).items() if before.get(name) != line}
    assert recreated == announced
    assert oversized.run("status", "--format", "json").data["pending_recreations"] == []


def test_settle_recreates_the_api_one_at_a_time_without_losing_a_request(lab: Lab, oversized: Program) -> None:
    assert oversized.run("rightsize", "--apply", "--yes").code == 0
    before = started(lab)
    with lab.load(rps=20, tasks_per_hour=0) as load:
        load.wait_for_requests(50)
        answer = oversized.run("rightsize", "--settle", "--service", "api", "--apply", "--yes", "--format", "json")
        load.wait_for_requests(load.requests_so_far + 50)
    assert answer.code == 0, answer.words
    assert load.result.requests_failed == 0
    now = started(lab)
    renewed = [name for name in now if now[name] != before.get(name)]
    assert len(renewed) == 2
    assert all(name.startswith("/selextract-api-") for name in renewed)
    assert len(now) == len(before)
    status = oversized.run("status", "--format", "json").data
    assert "api" not in {one["service"] for one in status["pending_recreations"]}


def rows(lab: Lab, name: str) -> list[list[Any]]:
    """What the sampler wrote of a container."""
    shown = lab.ssh("app1", "cat /var/lib/selextract-infra/samples/*.jsonl").stdout
    lines = [json.loads(line) for line in shown.splitlines() if line.endswith("]")]
    return [line for line in lines if line[1] == name]


def test_an_oom_killed_worker_is_recommended_more(lab: Lab, seasoned: Program) -> None:
    (memory, _), *_ = limits(lab, "worker")
    # Which of three instances stayed after a test before was Compose's choice.
    workers = "docker ps --filter label=com.docker.compose.service=worker --format '{{.Names}}'"
    name = lab.ssh("app1", f"{workers} | sort").stdout.split()[0]
    killed = lab.ssh(
        "app1",
        f"docker exec {name} python3 -c \"b=bytearray({memory * 2}); b[::4096]=b'x'*len(b[::4096])\"",
    )
    assert killed.returncode == 137, killed
    wait_for(lambda: any(row[8] for row in rows(lab, name)), bound=90, what="the sampler records the OOM kill")
    decision = next(
        one for one in seasoned.plan()["decisions"] if one["service"] == "worker" and one["resource"] == "memory"
    )
    assert decision["verdict"] == "raise", decision
    assert decision["granted"] > memory


def test_thin_data_is_unknown_and_left_alone(demanding: Program) -> None:
    plan = demanding.plan()
    never_killed = [one for one in plan["decisions"] if one["service"] != "worker"]
    assert {one["verdict"] for one in never_killed} == {"unknown"}
    assert not [step for step in plan["steps"] for change in step["changes"] if change["subject"] != "worker"]


@pytest.mark.parametrize(("share", "code"), [("95%", 0), ("5%", 6)], ids=["it fits", "it is full"])
def test_a_limit_that_somebody_insisted_on_is_watched_and_goes_back_where_its_memory_stays_nearly_full(
    lab: Lab, oversized: Program, tmp_path: Path, share: str, code: int
) -> None:
    """With ten seconds instead of three minutes, and little history, so that X-06 has to be overridden (X-06)."""

    def change(policy: dict[str, Any]) -> None:
        policy["rightsizing"]["minimum_samples"] = "1000000 samples"
        policy["triggers"] = {"memory_scale_out": {"duration": "10 seconds", "threshold": share}}

    insisting = Program(policy_of(lab, tmp_path / "insisting", change), oversized.state)
    before = limits(lab, "api")
    asked = ("rightsize", "--service", "api", "--memory", "232MB", "--apply", "--yes", "--now", "a test")
    assert insisting.run(*asked).code == 3
    answer = insisting.run(*asked, "--override", "X-06")
    assert answer.code == code, answer.words
    assert "is watched for 10 s" in " ".join(answer.words.split())
    assert (limits(lab, "api") == before) is (code == 6)
    if code:
        assert "for want of memory" in " ".join(answer.words.split())
