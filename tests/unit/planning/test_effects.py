from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.hardware import read_hardware
from selextract_infra.errors import UsageError
from selextract_infra.model.decision import Decision, Verdict
from selextract_infra.planning.effects import Growing, exhaustion_change, host_changes, plan_changes, read_growing

MB = 2**20


def test_a_bigger_disk_is_used_up_later() -> None:
    before, after = read_hardware("8c/32GB/1TB/1Gbps"), read_hardware("8c/32GB/2TB/1Gbps")
    change = host_changes(before, after, [read_growing("storage=900GB+20GB")])[0]
    assert (change.days_before, change.days_after) == (35, 385)
    assert "in 385 days instead of in 35 days" in change.sentence


def test_the_worked_example_of_the_guide() -> None:
    growing = Growing("requests", "per second", 900, 200)
    assert exhaustion_change(growing, 1000, 2000).days_before == 3.5


def test_what_does_not_grow_is_never_used_up() -> None:
    change = exhaustion_change(Growing("memory", "bytes of RAM", 10, 0), 20, 40)
    assert (change.days_before, change.days_after) == (None, None)


def test_what_is_full_already_gains_time() -> None:
    change = exhaustion_change(Growing("storage", "bytes", 1000, 100), 1000, 2000)
    assert (change.days_before, change.days_after) == (0, 70)
    assert "already" in change.sentence


def decided(resource: str, current: float, granted: float, service: str = "") -> Decision:
    return Decision(
        host="app1", service=service, resource=resource, verdict=Verdict.RAISE, rule="REC-03", why="Asked for.",
        current=current, granted=granted,
    )  # fmt: skip


def test_the_limits_of_a_plan_are_found_by_host_service_and_resource() -> None:
    decisions = [decided("memory", 1024 * MB, 1536 * MB, "api"), decided("cpus", 1.0, 2.0, "api")]
    growing = [read_growing("app1/api memory=900MB+62MB"), read_growing("app1/api cpu=0.9 cores+0.1 cores")]
    assert [round(one.days_after or 0, 1) for one in plan_changes(decisions, growing)] == [71.8, 77]


@pytest.mark.parametrize("name", ["storage", "app1 storage"])
def test_the_hardware_of_a_plan_needs_no_service(name: str) -> None:
    (change,) = plan_changes([decided("storage", 1e12, 2e12)], [read_growing(f"{name}=900GB+20GB")])
    assert (change.days_before, change.days_after) == (35, 385)


def test_what_a_plan_does_not_change_is_said_with_what_it_does() -> None:
    with pytest.raises(UsageError, match="does not change storage") as refused:
        plan_changes([decided("memory", 1, 2, "api")], [read_growing("storage=900GB+20GB")])
    assert refused.value.remedy == "it changes app1/api memory"


@pytest.mark.parametrize("text", ["", "storage", "storage=700GB", "storage=+20GB", "moon=1GB+1GB", "storage=1+1"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_growing(text)


AMOUNTS = st.integers(0, 10**12).map(lambda thousandths: thousandths / 1000)


@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_more_capacity_never_brings_the_day_forward(current: float, weekly: float, limit: float, more: float) -> None:
    change = exhaustion_change(Growing("storage", "bytes", current, weekly), limit, limit + more)
    if change.days_before is None:
        assert change.days_after is None
    elif change.days_after is not None:
        assert change.days_after >= change.days_before >= 0
