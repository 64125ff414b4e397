"""What a step hands to its playbook."""

from __future__ import annotations

from datetime import UTC, datetime

from selextract_infra.hosts.executor import values_of
from selextract_infra.model.plan import Plan, Step
from selextract_infra.model.run import Run

AT = datetime(2026, 1, 4, 2, tzinfo=UTC)


def step(name: str, *hosts: str) -> Step:
    return Step(
        id=name, title=name, playbook="selextract.infra.replica", hosts=hosts, values={host: {} for host in hosts},
        verification="", rollback="", estimate_seconds=1, rollback_seconds=1, timeout_seconds=1,
    )  # fmt: skip


PLAN = Plan(
    operation="test", made_at=AT, made_by="a test", policy_digest="", observation_digest="", hosts=("app1", "db2"),
    steps=(step("one", "app1", "db2"), step("two", "app1")),
)  # fmt: skip
RUN = Run(
    id="r1",
    operation="test",
    plan_digest="",
    policy_digest="",
    owner="ann@laptop",
    purpose="",
    hosts=PLAN.hosts,
    started_at=AT,
)


def last_of(one: Step, *, last: bool) -> dict[str, bool]:
    given = values_of(RUN, PLAN, one, one.hosts, last=last)["hosts"]
    return {host: values["last"] for host, values in given.items()}


def test_each_host_gets_its_lock_back_with_its_own_last_step() -> None:
    one, two = PLAN.steps
    assert last_of(one, last=False) == {"app1": False, "db2": True}
    assert last_of(two, last=True) == {"app1": True}


def test_a_part_of_a_step_is_nobodys_last() -> None:
    assert last_of(step("part", "app1"), last=False) == {"app1": False}


def test_the_lock_is_taken_in_the_runs_name_for_the_time_of_the_step() -> None:
    claimed = values_of(RUN, PLAN, PLAN.steps[0], ("app1",), last=False)["run"]
    assert (claimed["id"], claimed["owner"], claimed["step"]) == ("r1", "ann@laptop", "one")
    assert claimed["lease_seconds"] == 2
    assert Plan.model_validate(claimed["plan"]) == PLAN
