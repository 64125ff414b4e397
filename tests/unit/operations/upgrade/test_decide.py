"""Whether hardware is upgraded: order, target, evidence (VP, DRV-08, X-48, X-54, X-59, X-60)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import RefusedError, UsageError
from selextract_infra.model.decision import Verdict
from selextract_infra.model.observation import HostFacts, HostObservation
from selextract_infra.model.upgrade import PHASES, size_text
from selextract_infra.operations.upgrade.decide import decide_upgrade, misses, read_phase
from tests.unit.seen import GB, container, host, policy

TB, GBIT = 10**12, 10**9
DONE: dict[str, Any] = {"memory": 64 * GB, "cpus": 16, "disk_total": 2 * TB, "network_speed": 10 * GBIT}


def server(**facts: Any) -> HostObservation:
    """The guide's server, with some facts of its own."""
    known = {"cpus": 8, "memory": 32 * GB, "disk_total": TB, "disk_free": TB, "network_speed": GBIT}
    given_facts = {**known, "memory_available": 20 * GB, "machine_id": "m1", **facts}
    return host([container("api")], facts=HostFacts(**given_facts))


def test_the_guides_four_phases_go_from_its_server_to_its_targets() -> None:
    before: dict[str, Any] = {}
    for phase, field, size in (
        ("memory", "memory", 64 * GB), ("cpu", "cpus", 16), ("storage", "disk_total", 2 * TB),
        ("network", "network_speed", 10 * GBIT),
    ):  # fmt: skip
        decision = decide_upgrade(server(**before), phase, policy()).decision
        assert (decision.verdict, decision.granted) == (Verdict.RAISE, float(size))
        before[field] = size


@pytest.mark.parametrize("phase", PHASES)
def test_a_host_at_its_target_is_left_alone(phase: str) -> None:
    decided = decide_upgrade(server(**DONE), phase, policy())
    assert decided.decision.verdict is Verdict.KEEP
    assert not decided.decision.changes
    assert decided.findings == ()


def test_a_disk_that_has_grown_counts_once_its_file_system_has() -> None:
    grown = DONE | {"disk_total": TB}
    decision = decide_upgrade(server(**grown), "storage", policy(), before=2.0 * TB).decision
    assert (decision.verdict, decision.current, decision.granted) == (Verdict.RAISE, float(TB), 2.0 * TB)
    assert not decide_upgrade(server(**DONE), "storage", policy(), before=2.0 * TB).decision.changes


def test_cpu_before_memory_is_refused_and_an_override_is_recorded() -> None:
    with pytest.raises(RefusedError, match=r"VP1 \(memory\) comes before VP2 \(cpu\)") as refusal:
        decide_upgrade(server(), "cpu", policy())
    assert (refusal.value.rule, refusal.value.override) == ("VP-00", "--override VP-00")
    assert decide_upgrade(server(), "cpu", policy(), overrides=["VP-00"]).overrides == ("VP-00",)


def test_storage_by_the_growth_tables_figure_would_shrink_the_disk_and_nobody_overrides_that() -> None:
    with pytest.raises(RefusedError, match="never shrunk") as refusal:
        decide_upgrade(server(**DONE), "storage", policy(), target=400e9, overrides=["X-54", "VP-00"])
    assert (refusal.value.rule, refusal.value.override) == ("X-54", None)


@given(st.integers(1, 4096).map(lambda size: size * GB))
def test_nothing_is_ever_granted_below_what_there_is(size: int) -> None:
    decision = decide_upgrade(server(memory=size), "memory", policy()).decision
    assert (decision.granted or 0) >= (decision.current or 0)


def test_the_gain_of_the_network_is_900_percent_and_not_the_1000_that_the_guide_says() -> None:
    findings = decide_upgrade(server(**{**DONE, "network_speed": GBIT}), "network", policy()).findings
    told = next(finding for finding in findings if finding.rule == "X-48")
    assert told.numbers == {"gain_ratio": 9.0, "claimed_ratio": 10.0}


@pytest.mark.parametrize(
    ("facts", "short"),
    [
        ({}, False),
        ({"swap_total": GB, "swap_used": 1}, True),
        ({"memory_pressure": 0.05}, True),
        ({"memory_pressure": 0.049}, False),
        ({"memory_available": 6 * GB}, True),
    ],
)
def test_memory_has_a_reason_only_where_swap_pressure_or_use_show_one(facts: dict[str, Any], short: bool) -> None:
    findings = decide_upgrade(server(**facts), "memory", policy()).findings
    (evidence,) = [finding for finding in findings if finding.rule == "X-59"]
    assert ("has a reason" in evidence.sentence) is short


@pytest.mark.parametrize(
    ("resource", "facts", "size", "enough"),
    [
        ("memory", {"memory": round(64 * GB * 0.95) + 1}, 64 * GB, True),
        ("memory", {"memory": 47 * GB}, 64 * GB, False),
        ("cpu", {"cpus": 16}, 16, True),
        ("cpu", {"cpus": 15}, 16, False),
        ("storage", {"disk_total": round(1.8 * TB)}, 2 * TB, True),
        ("storage", {"disk_total": round(1.7 * TB)}, 2 * TB, False),
        ("network", {"network_speed": None}, 10 * GBIT, True),
        ("network", {"network_speed": GBIT}, 10 * GBIT, False),
    ],
)
def test_facts_may_stay_a_little_below_the_nominal_size(
    resource: str, facts: dict[str, Any], size: float, enough: bool
) -> None:
    assert (misses(resource, HostFacts(**facts), size, policy()) is None) is enough


def test_what_is_missing_is_said_in_its_own_unit() -> None:
    facts = HostFacts(memory=47 * GB)
    assert misses("memory", facts, 64 * GB, policy()) == "it has 47 GB instead of 64 GB"


@pytest.mark.parametrize(
    ("word", "phase"), [("memory", "memory"), ("VP2", "cpu"), ("vertical.storage", "storage"), ("Network", "network")]
)
def test_a_phase_has_a_name_of_its_own(word: str, phase: str) -> None:
    assert read_phase(word, policy()) == phase


@pytest.mark.parametrize("word", ["Phase 2", "2", "phase2"])
def test_a_phase_by_its_number_is_refused_because_three_things_have_it(word: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        read_phase(word, policy())
    assert refusal.value.rule == "X-60"
    assert "cpu (VP2)" in str(refusal.value.remedy)


def test_another_word_is_no_phase() -> None:
    with pytest.raises(UsageError, match="memory, cpu, storage, network"):
        read_phase("disk", policy())


def test_sizes_read_as_the_guide_writes_them() -> None:
    sizes = {"memory": 64 * GB, "cpu": 16, "storage": 2 * TB, "network": 10 * GBIT}
    told = [size_text(phase, size) for phase, size in sizes.items()]
    assert told == ["64 GB", "16 cores", "2,000 GB", "10 Gbps"]


OWN = policy(profile="own")


@pytest.mark.parametrize(
    ("resource", "facts", "size"),
    [
        ("memory", {"memory": round(1.9 * GB), "memory_available": round(0.1 * GB)}, 4 * GB),
        ("memory", {"memory": 8 * GB, "memory_available": 4 * GB, "swap_used": 2 * GB}, 16 * GB),
        ("memory", {"memory": 8 * GB, "memory_available": GB, "swap_used": 8 * GB}, 32 * GB),
        ("cpu", {"cpus": 2, "load_average": (3.9, 3.0, 3.0)}, 8),
        ("storage", {"disk_total": 38 * 10**9, "disk_free": 3 * 10**9}, 80 * 10**9),
    ],
)
def test_on_a_system_of_ones_own_the_smallest_size_that_ends_the_reason_is_proposed(
    resource: str, facts: dict[str, Any], size: float
) -> None:
    decided = decide_upgrade(server(**facts), resource, OWN)
    assert (decided.decision.verdict, decided.decision.granted) == (Verdict.RAISE, float(size))
    assert "due between month" not in decided.decision.why
    assert [finding.rule for finding in decided.findings] == ["X-59"]


@pytest.mark.parametrize("resource", PHASES)
def test_on_a_system_of_ones_own_without_a_reason_nothing_is_proposed(resource: str) -> None:
    decision = decide_upgrade(server(memory=4 * GB, memory_available=3 * GB), resource, OWN).decision
    assert decision.verdict is Verdict.KEEP
    assert "--to SIZE names one" in decision.why


def test_the_sizes_are_those_of_the_provider_where_the_team_writes_them() -> None:
    sizes = {"sizes": {"memory": ["3GB", "6GB"]}}
    short = server(memory=2 * GB, memory_available=GB // 10)
    assert decide_upgrade(short, "memory", policy(profile="own", vertical=sizes)).decision.granted == 3 * GB
    full = server(memory=6 * GB, memory_available=GB // 10)
    assert "No size of vertical.sizes is enough" in (
        decide_upgrade(full, "memory", policy(profile="own", vertical=sizes)).decision.why
    )


def test_sizes_out_of_order_are_refused() -> None:
    with pytest.raises(UsageError, match="smallest first"):
        policy(vertical={"sizes": {"memory": ["4GB", "2GB"]}})
