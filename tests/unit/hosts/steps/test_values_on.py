"""What a step's playbook reads for a host."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from selextract_infra.hosts.steps import acts_of, segments_of, values_on
from selextract_infra.model.plan import Plan, Step


def step(playbook: str, values: dict[str, Any]) -> Step:
    return Step(
        id="one", title="One", playbook=playbook, hosts=("a",), values={"a": values}, verification="v",
        rollback="r", estimate_seconds=1, rollback_seconds=1, timeout_seconds=1,
    )  # fmt: skip


def named(name: str, playbook: str = "settle", *hosts: str, performer: str = "playbook") -> Step:
    at = hosts or ("a",)
    about = {"id": name, "hosts": at, "values": {host: {} for host in at}, "performer": performer}
    return step(f"selextract.infra.{playbook}", {}).model_copy(update=about)


def test_steps_on_one_host_that_it_carries_out_follow_each_other_in_a_segment() -> None:
    steps = (
        named("limits", "rightsize"), named("api"), named("disk", performer="provider"), named("web"),
        named("both", "settle", "a", "b"), named("led", "replica"), named("worker"), named("nginx"),
        named("there", "scale", "b"),
    )  # fmt: skip
    plan = Plan(
        operation="test", made_at=datetime(2026, 3, 1, tzinfo=UTC), made_by="a test", policy_digest="",
        observation_digest="", hosts=("a", "b"), steps=steps,
    )  # fmt: skip
    assert segments_of(plan) == (("limits", "api"), ("worker", "nginx"))


@pytest.mark.parametrize("carried", [True, False])
def test_a_host_that_carries_it_out_by_itself_is_told_its_acts_and_any_other_the_values(carried: bool) -> None:
    values = {"project": "shop", "state": "absent", "replace": False, "bound_seconds": 30}
    playbook = "selextract.infra.pgbouncer" if carried else "selextract.infra.freeze"
    told = values_on((step(playbook, values),), "a")
    if not carried:
        assert told == values
        return
    [sent] = told["steps"]
    assert sent["acts"] == [act.model_dump(mode="json") for act in acts_of(playbook, values)]
