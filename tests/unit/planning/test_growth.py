from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.hardware import read_hardware, reference_hardware
from selextract_infra.errors import UsageError
from selextract_infra.planning.growth import grow, planned_capacity, projected
from selextract_infra.policy import default_policy, load_policy

POLICY = default_policy()
GB = 10**9


@pytest.mark.parametrize(
    ("scenario", "users", "tasks", "data", "requests"),
    [
        ("conservative", 750, 1600, 140 * GB, 290),
        ("moderate", 1000, 2200, 180 * GB, 380),
        ("aggressive", 1500, 3500, 250 * GB, 560),
    ],
)
def test_the_twelve_products_of_the_guide(
    scenario: str, users: float, tasks: float, data: float, requests: float
) -> None:
    found = {row.metric: row.projected for row in grow(POLICY, scenario).demands}
    assert found == {"users": users, "tasks": tasks, "data": data, "API requests": requests}


@pytest.mark.parametrize(
    ("scenario", "shares"),
    [
        ("conservative", {"users": 0.625, "API requests": 0.58, "tasks": 0.64}),
        ("moderate", {"users": 0.833, "API requests": 0.76, "tasks": 0.88}),
        ("aggressive", {"users": 1.25, "API requests": 1.12, "tasks": 1.4}),
    ],
)
def test_planned_capacity_against_demand_after_a_year(scenario: str, shares: dict[str, float]) -> None:
    found = {row.metric: row.utilisation for row in grow(POLICY, scenario).demands if row.utilisation is not None}
    assert {name: round(value, 3) for name, value in found.items()} == shares


def test_the_headroom_holds_only_for_conservative_requests() -> None:
    kept = {
        (scenario, row.metric)
        for scenario in POLICY.growth.scenarios
        for row in grow(POLICY, scenario).demands
        if row.headroom_kept
    }
    assert kept == {("conservative", "API requests")}


def test_what_moderate_growth_would_need() -> None:
    needed = {row.metric: round(row.needed or 0) for row in grow(POLICY, "moderate").demands}
    assert (needed["users"], needed["API requests"], needed["tasks"]) == (1667, 633, 3667)


def test_aggressive_growth_is_short_of_the_plan() -> None:
    short = {row.metric: row.short for row in grow(POLICY, "aggressive").demands}
    assert (short["users"], short["API requests"], short["tasks"]) == (300, 60, 1000)


@pytest.mark.parametrize(
    ("scenario", "cost", "phases", "reachable"),
    [
        ("conservative", 640, ("VP1", "VP2"), True),
        ("moderate", 870, ("VP1", "VP2", "VP4"), False),
        ("aggressive", 1380, ("VP1", "VP2", "VP4"), False),
    ],
)
def test_phases_and_cost_of_each_scenario(scenario: str, cost: float, phases: tuple[str, ...], reachable: bool) -> None:
    report = grow(POLICY, scenario)
    assert (report.cost_required, report.phases, report.reachable) == (cost, phases, reachable)


def test_unreachable_requirements_say_why() -> None:
    sentences = {row.resource: row.sentence for row in grow(POLICY, "aggressive").requirements}
    assert "another host is needed" in sentences["cpu"]
    assert "not before month 18" in sentences["network"]
    moderate = {row.resource: row.reachable for row in grow(POLICY, "moderate").requirements}
    assert moderate == {"memory": True, "cpu": True, "storage": True, "network": False}


def test_conservative_growth_buys_too_much_because_there_is_no_smaller_step() -> None:
    memory = next(row for row in grow(POLICY, "conservative").requirements if row.resource == "memory")
    assert "no smaller step" in memory.sentence
    assert (memory.required, memory.after) == (48 * 2**30, 64 * 2**30)


def test_the_disk_is_never_shrunk() -> None:
    storage = next(row for row in grow(POLICY, "conservative").requirements if row.resource == "storage")
    assert (storage.missing, storage.phase, storage.after) == (0.0, None, 1000 * GB)
    assert storage.required == 400 * GB


def test_an_upgraded_host_has_no_gap() -> None:
    report = grow(POLICY, "moderate", host=read_hardware("16c/64GB/2TB/10Gbps"))
    assert report.phases == ()
    assert report.reachable
    assert report.cost_required == report.cost_now == report.cost_after_phases == 1320


@pytest.mark.parametrize(
    ("month", "users"), [(0, 500), (3, 650), (6, 800), (9, 1000), (12, 1200), (18, 3100), (24, 5000)]
)
def test_planned_capacity_is_interpolated_between_the_plans(month: int, users: float) -> None:
    assert planned_capacity(POLICY, "users", month) == users


def test_growth_is_even_over_the_year() -> None:
    assert projected(1000, 1.2) == 2200
    assert projected(1000, 1.2, 6) == 1600
    assert grow(POLICY, "moderate", month=6).demands[0].projected == 750


@pytest.mark.parametrize("scenario", ["", "explosive", "Moderate"])
def test_an_unknown_scenario_is_refused_with_those_there_are(scenario: str) -> None:
    with pytest.raises(UsageError) as refused:
        grow(POLICY, scenario)
    assert "conservative, moderate, aggressive" in str(refused.value.remedy)


@pytest.mark.parametrize("month", [-1, 25])
def test_a_month_outside_the_plans_is_refused(month: int) -> None:
    with pytest.raises(UsageError):
        grow(POLICY, "moderate", month=month)


def test_the_scenario_follows_the_policy() -> None:
    policy = load_policy({"growth": {"scenarios": {"moderate": {"users": {"growth": "+10%"}}}}})
    assert grow(policy, "moderate").demands[0].projected == 550


@pytest.mark.parametrize(
    "text",
    ["", "8c", "8c/32GB/1TB", "8c/32GB/1TB/1Gbps/x", "0c/32GB/1TB/1Gbps", "8c/32/1TB/1Gbps", "8c/32Gb/1TB/1Gbps"],
)
def test_a_host_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_hardware(text)


def test_the_reference_host_in_words() -> None:
    assert (
        read_hardware("8c/32GB/1TB/1Gbps")
        == read_hardware("8 cores / 32GB / 1TB / 1Gbps")
        == reference_hardware(POLICY)
    )


@given(
    st.sampled_from(sorted(POLICY.growth.scenarios)),
    st.integers(1, 256),
    st.integers(1, 2048),
    st.integers(1, 64),
    st.integers(1, 100),
    st.integers(0, 24),
)
def test_no_host_is_ever_made_smaller(
    scenario: str, cores: int, memory: int, storage: int, network: int, month: int
) -> None:
    host = read_hardware(f"{cores}c/{memory}GB/{storage}TB/{network}Gbps")
    report = grow(POLICY, scenario, host=host, month=month)
    assert all(row.missing >= 0 and row.after >= row.present for row in report.requirements)
    assert report.cost_required >= report.cost_now
    assert report.cost_after_phases >= report.cost_now
