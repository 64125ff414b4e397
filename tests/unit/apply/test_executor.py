"""What a step hands to its playbook."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from selextract_infra.apply import executor
from selextract_infra.apply.executor import Hands, execute
from selextract_infra.hosts.inventory import Inventory
from selextract_infra.hosts.runner import HostOutcome, PlaybookOutcome, PlaybookRun
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run

AT = datetime(2026, 1, 4, 2, tzinfo=UTC)


def step(name: str, *hosts: str) -> Step:
    return Step(
        id=name, title=name, playbook="selextract.infra.settle", hosts=hosts, values={host: {} for host in hosts},
        verification="", rollback="", estimate_seconds=1, rollback_seconds=1, timeout_seconds=1,
    )  # fmt: skip


PLAN = Plan(
    operation="test", made_at=AT, made_by="a test", policy_digest="", observation_digest="", hosts=("app1", "db2"),
    steps=(step("one", "app1", "db2"), step("two", "app1")),
)  # fmt: skip
RUN = Run(
    id="r1", operation="test", plan_digest="", policy_digest="", owner="", purpose="", hosts=PLAN.hosts, started_at=AT
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[PlaybookRun]:
    requests: list[PlaybookRun] = []

    def run(request: PlaybookRun, **_: Any) -> PlaybookOutcome:
        requests.append(request)
        return PlaybookOutcome("successful", {host: HostOutcome("ok") for host in request.hosts}, 0.1)

    monkeypatch.setattr(executor, "run_playbook", run)
    return requests


def test_each_host_gets_its_lock_back_with_its_own_last_step(asked: list[PlaybookRun]) -> None:
    hands = Hands(Inventory(Path("hosts.yml"), ()), lambda: AT)
    for one in PLAN.steps:
        execute(hands, RUN, PLAN, one, one.hosts, last=one is PLAN.steps[-1])
    assert [
        {host: values["last"] for host, values in request.values["hosts"].items()} for request in asked
    ] == [{"app1": False, "db2": True}, {"app1": True}]  # fmt: skip


def test_a_part_of_a_step_is_nobodys_last(asked: list[PlaybookRun]) -> None:
    execute(Hands(Inventory(Path("hosts.yml"), ()), lambda: AT), RUN, PLAN, step("part", "app1"), ("app1",), last=False)
    assert asked[0].values["hosts"]["app1"]["last"] is False
