"""The API's processes, the parts of its memory, and how often a process is replaced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.errors import UsageError
from selextract_infra.model.decision import Decision
from selextract_infra.model.finding import Finding
from selextract_infra.model.tuning import ApiFacts, ServiceTuning
from selextract_infra.operations.tune.api import tune_api
from selextract_infra.policy import default_policy

MB, GB = 1 << 20, 1 << 30
POLICY = default_policy()


def tuned(memory: int = 2 * GB, cpus: float = 2, **more: object) -> ServiceTuning:
    return tune_api(ApiFacts.model_validate({"memory": memory, "cpus": cpus, **more}), POLICY)


def value(tuning: ServiceTuning, name: str) -> object:
    setting = tuning.setting(name)
    assert setting is not None, name
    return setting.value


def decided(tuning: ServiceTuning, resource: str) -> Decision:
    return next(decision for decision in tuning.decisions if decision.resource == resource)


def found(tuning: ServiceTuning, rule: str) -> Finding | None:
    return next((finding for finding in tuning.findings if finding.rule == rule), None)


def test_parts_beyond_the_limit_are_scaled_to_ninety_percent() -> None:
    """X-05: 1,536 + 512 + 256 = 2,304 MB = 112.5 % of 2 GB; 2.5 GB is the smallest step that holds them."""
    tuning = tuned()
    assert (value(tuning, "heap"), value(tuning, "connection_pool"), value(tuning, "cache")) == (
        1228 * MB, 409 * MB, 204 * MB,
    )  # fmt: skip
    decision = decided(tuning, "memory_parts")
    assert (decision.rule, decision.requested) == ("X-05", 2304 * MB)
    assert decision.numbers["limit_that_holds_bytes"] == 2560 * MB
    assert decision.numbers["missing_bytes"] == 256 * MB
    assert "112.5 %" in (decision.why_less or "")


def test_two_and_a_half_gb_hold_all_parts() -> None:
    tuning = tuned(2560 * MB)
    assert value(tuning, "heap") == 1536 * MB
    assert decided(tuning, "memory_parts").why_less is None
    assert decided(tuning, "memory_parts").rule == "MEM-10"


@pytest.mark.parametrize(
    ("instances", "rate", "interval", "enough"), [(1, 200, 20, 15_000), (2, 200, 40, 7_500), (1, 150, 26.7, 11_250)]
)
def test_processes_that_are_replaced_too_often_are_a_warning(
    instances: int, rate: float, interval: float, enough: int
) -> None:
    finding = found(tuned(instances=instances, requests_per_second=rate), "X-18")
    assert finding is not None
    assert finding.numbers["interval_seconds"] == pytest.approx(interval, abs=0.05)
    assert finding.numbers["max_requests_enough"] == enough
    assert f"every {interval:.1f} s" in finding.sentence


def test_all_four_processes_at_200_requests_a_second_are_replaced_0_2_times_a_second() -> None:
    finding = found(tuned(instances=1, requests_per_second=200), "X-18")
    assert finding is not None
    assert finding.numbers["replacements_per_second"] == pytest.approx(0.2)
    assert finding.numbers["requests_per_second_per_process"] == 50


@pytest.mark.parametrize("rate", [0, 13])
def test_rare_replacements_are_no_finding(rate: float) -> None:
    assert found(tuned(instances=1, requests_per_second=rate), "X-18") is None


def test_jitter_is_always_set() -> None:
    tuning = tuned()
    assert (value(tuning, "max_requests"), value(tuning, "max_requests_jitter")) == (1000, 100)


def test_a_heap_in_a_python_stack_is_a_budget_of_all_processes() -> None:
    finding = found(tuned(), "X-07")
    assert finding is not None
    assert finding.numbers["guide_bytes_per_process"] == 384 * MB
    assert tuned().setting("java_options") is None


def test_only_a_jvm_gets_a_heap_option() -> None:
    assert value(tuned(runtime="jvm"), "java_options") == "-Xmx1228m"
    assert found(tuned(runtime="jvm"), "X-07") is None
    assert tuned(runtime="python").setting("java_options") is None


@pytest.mark.parametrize(("cpus", "processes"), [(0.25, 1), (1, 2), (2, 4), (8, 4)])
def test_processes_fit_the_cpus(cpus: float, processes: int) -> None:
    assert value(tuned(cpus=cpus), "worker_processes") == processes


@pytest.mark.parametrize(
    "wrong", [{"memory": 0}, {"cpus": 0}, {"instances": 0}, {"requests_per_second": -1}, {"runtime": "ruby"}]
)
def test_facts_that_cannot_be_are_a_wrong_call(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        tune_api(ApiFacts.model_validate({"memory": 2 * GB, "cpus": 2, **wrong}), POLICY)


@given(st.integers(MB, 64 * GB), st.floats(0.1, 64))
def test_the_parts_always_fit(memory: int, cpus: float) -> None:
    tuning = tuned(memory, cpus)
    assert tuning.total <= tuning.allowed < memory
