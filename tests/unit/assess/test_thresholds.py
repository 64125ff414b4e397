from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selextract_infra.assess.measurements import METRICS, Measurement
from selextract_infra.assess.rules import rules_of
from selextract_infra.assess.samples import Samples
from selextract_infra.assess.thresholds import judge, judge_all
from selextract_infra.model.assessment import Judgement, Level
from selextract_infra.policy import default_policy, load_policy

RULES = rules_of(default_policy())
NOW = 100_000.0


def steady(
    metric: str, value: float, *, seconds: float = 900, interval: float = 15, subject: str = "api"
) -> Measurement:
    count = int(seconds / interval)
    at = [NOW - interval * (count - 1 - number) for number in range(count)]
    return Measurement(metric, subject, Samples(at, [value] * count, interval))


def levels(*measurements: Measurement) -> dict[str, Level]:
    return {
        rule.item: judge(rule, measurement, NOW).level
        for measurement in measurements
        for rule in RULES
        if rule.metric == measurement.metric
    }


def by_item(item: str, *measurements: Measurement, baseline: float | None = None) -> Judgement:
    """What all measurements together say about one item, ok where nothing of it was told."""
    told = [one for one in judge_all(measurements, RULES, NOW, baseline=baseline) if one.item == item]
    rule = next(rule for rule in RULES if rule.item == item and rule.metric == measurements[0].metric)
    return told[0] if told else judge(rule, measurements[0], NOW, baseline=baseline)


@pytest.mark.parametrize(
    ("metric", "item", "value", "level"),
    [
        ("cpu_usage", "MON-01", 0.699, Level.OK),
        ("cpu_usage", "MON-01", 0.70, Level.WARNING),
        ("cpu_usage", "MON-01", 0.85, Level.CRITICAL),
        ("memory_usage", "MON-02", 0.80, Level.WARNING),
        ("memory_usage", "MON-02", 0.90, Level.CRITICAL),
        ("disk_usage", "MON-03", 0.75, Level.WARNING),
        ("disk_usage", "MON-03", 0.85, Level.CRITICAL),
        ("disk_usage", "EMT-04", 1.0, Level.EMERGENCY),
        ("network_bandwidth", "MON-04", 0.70, Level.WARNING),
        ("network_bandwidth", "MON-04", 0.85, Level.CRITICAL),
        ("response_time_p95", "MON-05", 0.999, Level.OK),
        ("response_time_p95", "MON-05", 1.0, Level.WARNING),
        ("response_time_p95", "MON-05", 2.0, Level.CRITICAL),
        ("error_rate", "MON-06", 0.01, Level.WARNING),
        ("error_rate", "MON-06", 0.05, Level.WARNING),  # the guide writes "> 5 %"
        ("error_rate", "MON-06", 0.051, Level.CRITICAL),
        ("pending_tasks", "MON-08", 99, Level.OK),
        ("pending_tasks", "MON-08", 100, Level.WARNING),
        ("pending_tasks", "MON-08", 500, Level.CRITICAL),
        ("concurrent_users", "KPI-01", 1599, Level.OK),
        ("concurrent_users", "KPI-01", 1600, Level.WARNING),
        ("concurrent_users", "KPI-01", 1800, Level.CRITICAL),
        ("concurrent_users", "LIM-S1", 400, Level.WARNING),
        ("concurrent_users", "X-40", 399, Level.OK),
        ("concurrent_users", "X-40", 400, Level.WARNING),
        ("concurrent_users", "X-40", 450, Level.CRITICAL),
        ("requests_per_second", "X-40", 160, Level.WARNING),
        ("requests_per_second", "X-40", 180, Level.CRITICAL),
        ("requests_per_second", "LIM-S2", 200, Level.WARNING),
        ("requests_per_second", "KPI-02", 800, Level.WARNING),
        ("tasks_per_hour", "X-40", 800, Level.WARNING),
        ("tasks_per_hour", "X-40", 900, Level.CRITICAL),
        ("tasks_per_hour", "KPI-03", 4500, Level.CRITICAL),
        ("tasks_per_hour", "LIM-S3", 1200, Level.WARNING),
        ("database_connections", "LIM-S4", 30, Level.WARNING),
        ("database_connections", "HDB-03", 196, Level.OK),
        ("database_connections", "HDB-03", 197, Level.EMERGENCY),
        ("data_storage", "KPI-04", 800e9, Level.WARNING),
        ("data_storage", "KPI-04", 900e9, Level.CRITICAL),
        ("error_rate", "EMC-01", 0.10, Level.OK),
        ("error_rate", "EMC-01", 0.101, Level.EMERGENCY),
        ("error_rate", "EMT-01", 0.051, Level.CRITICAL),
        ("response_time_p95", "EMC-02", 5.0, Level.OK),
        ("response_time_p95", "EMC-02", 5.001, Level.EMERGENCY),
        ("cpu_usage", "EMC-03", 0.95, Level.OK),
        ("cpu_usage", "EMC-03", 0.951, Level.EMERGENCY),
        ("memory_usage", "EMC-04", 0.951, Level.EMERGENCY),
    ],
)
def test_each_threshold_with_its_operator(metric: str, item: str, value: float, level: Level) -> None:
    assert by_item(item, steady(metric, value)).level is level


def test_every_metric_of_the_guide_has_a_rule() -> None:
    items = {rule.item for rule in RULES}
    assert {f"MON-0{number}" for number in range(1, 9)} <= items
    assert {f"KPI-0{number}" for number in range(1, 6)} <= items
    assert {f"LIM-S{number}" for number in range(1, 5)} <= items
    assert {f"EMC-0{number}" for number in range(1, 5)} <= items
    assert {rule.metric for rule in RULES} <= set(METRICS)


def test_the_load_tests_miss_a_target_that_no_other_threshold_sees() -> None:
    for p95 in (0.534, 0.890):
        found = levels(steady("response_time_p95", p95))
        assert found.pop("LT-11") is Level.NOTICE
        assert set(found.values()) == {Level.OK}


def test_the_stress_run_is_exactly_at_the_critical_cpu_threshold() -> None:
    assert by_item("MON-01", steady("cpu_usage", 0.85)).level is Level.CRITICAL
    assert by_item("MON-02", steady("memory_usage", 0.80)).level is Level.WARNING


def test_the_load_the_guide_calls_normal_already_alerts_on_current_capacity() -> None:
    assert levels(steady("requests_per_second", 150))["X-40"] is Level.OK
    assert levels(steady("requests_per_second", 200))["X-40"] is Level.CRITICAL


def test_storage_has_two_rules_and_the_lower_fires_first() -> None:
    disk, data = steady("disk_usage", 0.76), steady("data_storage", 760e9)
    found = levels(disk, data)
    assert found["MON-03"] is Level.WARNING
    assert found["KPI-04"] is Level.OK


@pytest.mark.parametrize(
    ("rate", "level"),
    [(164.7, Level.OK), (164.6, Level.WARNING), (150, Level.WARNING), (123.5, Level.WARNING), (123.4, Level.CRITICAL)],
)
def test_throughput_against_its_baseline(rate: float, level: Level) -> None:
    assert by_item("MON-07", steady("requests_per_second", rate), baseline=205.76).level is level


def test_throughput_without_a_baseline_is_unknown() -> None:
    assert by_item("MON-07", steady("requests_per_second", 1.0)).level is Level.UNKNOWN


def test_low_throughput_pages_only_beside_errors_or_latency() -> None:
    night = steady("requests_per_second", 50)
    assert by_item("MON-07", night, baseline=205.76).level is Level.CRITICAL
    assert by_item("MON-07", night, baseline=205.76).pages is False
    assert by_item("MON-07", night, steady("error_rate", 0.02), baseline=205.76).pages is True
    assert by_item("MON-07", night, steady("error_rate", 0.001), baseline=205.76).pages is False


def test_warnings_never_page() -> None:
    judged = judge_all([steady("cpu_usage", 0.75)], RULES, NOW)
    assert not any(one.pages for one in judged)


def test_a_thin_window_is_unknown_and_shows_what_was_seen() -> None:
    thin = Measurement("cpu_usage", "api", Samples([NOW - 30, NOW - 15, NOW], [0.9] * 3, 15))
    judgement = by_item("MON-01", thin)
    assert (judgement.level, judgement.value) == (Level.UNKNOWN, 0.9)
    assert "15 % of the samples" in judgement.sentence


def test_an_emergency_needs_raw_samples() -> None:
    assert levels(steady("cpu_usage", 0.99, interval=60))["EMC-03"] is Level.UNKNOWN
    assert levels(steady("error_rate", 0.5, interval=60))["EMC-01"] is Level.UNKNOWN
    assert levels(steady("error_rate", 0.001, interval=60))["EMC-01"] is Level.OK
    assert levels(steady("error_rate", 0.5, interval=30))["EMC-01"] is Level.EMERGENCY


def test_two_minutes_above_95_percent_are_seen_although_the_average_is_lower() -> None:
    values = [0.3] * 11 + [0.97] * 9
    at = [NOW - 15 * (19 - number) for number in range(20)]
    spike = Measurement("cpu_usage", "api", Samples(at, values, 15))
    found = levels(spike)
    assert found["EMC-03"] is Level.EMERGENCY
    assert found["MON-01"] is Level.OK


def test_raw_latencies_give_the_p95_of_the_window() -> None:
    at = [NOW - 0.5 * (99 - number) for number in range(100)]
    values = [0.1] * 94 + [3.0] * 6
    raw = Measurement("response_time", "api", Samples(at, values, 0.5))
    assert by_item("MON-05", raw).value == 3.0
    assert by_item("MON-05", raw).level is Level.CRITICAL


def test_percentiles_computed_elsewhere_are_never_averaged() -> None:
    at = [NOW - 45, NOW - 30, NOW - 15, NOW]
    seen = Measurement("response_time_p95", "api", Samples(at, [0.2, 0.2, 1.5, 0.2], 15))
    assert by_item("MON-05", seen).value == 1.5


def test_a_single_reading_is_judged_but_starts_no_emergency() -> None:
    single = Measurement("memory_usage", "app1", Samples([NOW], [0.97]))
    found = levels(single)
    assert found["MON-02"] is Level.CRITICAL
    assert found["EMC-04"] is Level.UNKNOWN
    assert by_item("MON-02", single).coverage is None


def test_a_stricter_policy_is_what_is_judged() -> None:
    policy = load_policy({"monitoring": {"infrastructure": {"cpu_usage": {"warning": "50%"}}}})
    judged = judge_all([steady("cpu_usage", 0.55)], rules_of(policy), NOW)
    assert next(one for one in judged if one.item == "MON-01").level is Level.WARNING


@given(
    st.sampled_from(sorted(METRICS)),
    st.floats(0, 1e13, allow_nan=False),
    st.floats(0, 1e13, allow_nan=False),
    st.floats(0.1, 1e6),
)
def test_thresholds_are_monotone(metric: str, value: float, more: float, baseline: float) -> None:
    for rule in RULES:
        if rule.metric == metric:
            low = judge(rule, steady(metric, value), NOW, baseline=baseline).level.rank
            high = judge(rule, steady(metric, value + more), NOW, baseline=baseline).level.rank
            assert high <= low if rule.of_baseline else high >= low


def test_a_reading_says_how_it_stands_to_its_threshold() -> None:
    ok, critical = by_item("MON-01", steady("cpu_usage", 0.5)), by_item("MON-01", steady("cpu_usage", 0.9))
    assert (ok.sentence, ok.relation) == ("50 % < 70 %", "<")
    assert (critical.sentence, critical.relation) == ("90 % >= 85 %", ">=")


def test_all_that_is_not_ok_is_told_and_ok_is_told_once() -> None:
    ok = judge_all([steady("cpu_usage", 0.5)], RULES, NOW)
    assert [(one.item, one.level) for one in ok] == [("MON-01", Level.OK)]
    bad = judge_all([steady("cpu_usage", 0.96)], RULES, NOW)
    assert [(one.item, one.level) for one in bad] == [("EMC-03", Level.EMERGENCY), ("MON-01", Level.CRITICAL)]
    coarse = judge_all([steady("cpu_usage", 0.96, interval=60)], RULES, NOW)
    assert [(one.item, one.level) for one in coarse] == [("MON-01", Level.CRITICAL), ("EMC-03", Level.UNKNOWN)]


@given(
    st.sampled_from(sorted(METRICS)),
    st.lists(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=True, allow_infinity=True)), max_size=30),
    st.one_of(st.none(), st.floats(allow_nan=False, min_value=-10, max_value=1e4)),
)
def test_no_samples_make_a_traceback(metric: str, points: list[tuple[float, float]], interval: float | None) -> None:
    points.sort(key=lambda point: point[0])
    samples = Samples([at for at, _ in points], [value for _, value in points], interval)
    judged = judge_all([Measurement(metric, "api", samples)], RULES, NOW, baseline=100.0)
    assert all(one.value is None or math.isfinite(one.value) for one in judged)
