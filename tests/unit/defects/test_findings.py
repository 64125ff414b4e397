"""The worked examples of the guide's defects, with their exact numbers."""

from __future__ import annotations

from typing import Any

import pytest

from selextract_infra.defects import check_policy, rules
from selextract_infra.model.finding import Finding, RuleClass, Severity
from selextract_infra.policy import default_policy

MB, GB, TB = 1024**2, 1024**3, 10**12
FOUND = {finding.rule: finding for finding in check_policy(default_policy())}

EXAMPLES: dict[str, dict[str, Any]] = {
    "X-01": {
        "shared_buffers_bytes": 8192 * MB, "limit_bytes": 2048 * MB, "ratio": 4.0, "host_share_ratio": 0.25,
        "host_share_after_upgrade_ratio": 0.125, "granted_bytes": 512 * MB, "limit_needed_bytes": 32 * GB,
        "limit_needed_at_most_bytes": 20 * GB,
    },
    "X-02": {
        "budget_bytes": 13_440 * MB, "work_mem_sum_bytes": 3200 * MB, "ratio": 6.5625, "host_share_ratio": 0.41015625,
        "with_autovacuum_bytes": 17_536 * MB,
    },
    "X-03": {"maintenance_work_mem_bytes": 2 * GB, "share_ratio": 1, "granted_bytes": 128 * MB},
    "X-04": {"max_parallel_workers": 4, "max_worker_processes": 8, "granted_workers": 2},
    "X-05": {
        "parts_bytes": 2304 * MB, "limit_ratio": 1.125, "excess_bytes": 256 * MB, "target_ratio": 1.5,
        "target_excess_bytes": 768 * MB, "heap_of_target_ratio": 1, "smallest_limit_bytes": 2560 * MB,
    },
    "X-06": {
        "used_bytes": 1228.8 * MB, "target_bytes": 1536 * MB, "target_usage_ratio": 0.8, "headroom_ratio": 0.2,
        "allowed_peak_bytes": 921.6 * MB, "right_size_bytes": 2048 * MB, "limit_bytes": 2048 * MB,
    },
    "X-07": {"processes": 4, "per_process_bytes": 384 * MB},
    "X-08": {
        "parts_bytes": 3072 * MB, "ratio": 1, "one_task_ratio": 0.75, "cut_limit_bytes": 2457.6 * MB,
        "left_after_browsers_bytes": 409.6 * MB, "tasks_in_cut_limit": 1, "used_bytes": 2150.4 * MB,
        "goal_bytes": 1720.32 * MB, "goal_ratio": 0.56,
    },
    "X-09": {
        "cpu_limit_cores": 9, "ratio": 1.125, "used_cores": 4.5, "used_ratio": 0.5625, "memory_limit_bytes": 9728 * MB,
        "memory_ratio": 0.296875,
    },
    "X-10": {"unclear_containers": 6, "redis_usage_ratio": 0.3, "redis_memory_ratio": 0.29296875,
             "worker_cpu_ratio": 0.7},
    "X-11": {
        "now_cores": 9, "now_memory_bytes": 9.5 * GB, "minimum_cores": 13, "minimum_cpu_ratio": 1.625,
        "minimum_memory_bytes": 14.5 * GB, "maximum_cores": 55, "maximum_cpu_ratio": 6.875,
        "maximum_memory_bytes": 69.5 * GB, "maximum_memory_ratio": 2.171875,
        "upgraded_maximum_memory_ratio": 1.0859375, "upgraded_maximum_cpu_ratio": 3.4375,
        "upgraded_minimum_cpu_ratio": 0.8125,
    },
    "X-12": {
        "allowed_ratio": 0.6, "target_cpu_ratio": 0.7, "target_memory_ratio": 0.8, "alert_cpu_usage_ratio": 0.7,
        "alert_memory_usage_ratio": 0.8, "kpi_warning_ratio": 0.8, "kpi_critical_ratio": 0.9,
        "planned_efficiency_ratio": 0.7, "api_load_ratio": 1, "task_load_ratio": 1, "usage_worker_ratio": 0.7,
        "sized_cores": 7.5, "sized_memory_bytes": 8.5 * GB, "sized_api_bytes": 2 * GB, "sized_worker_bytes": 3.5 * GB,
        "sized_redis_bytes": 0.5 * GB,
    },
    "X-13": {
        "api_connections": 200, "worker_connections": 60, "total_connections": 263, "usable_connections": 197,
        "api_instances_with_most_workers": 6, "api_instances_with_fewest_workers": 9,
        "connections_if_pooled_per_process": 800, "at_rest_connections": 40, "soft_limit_connections": 30,
        "pool_maximum_connections": 50, "server_connections": 25, "backend_memory_bytes": 2000 * MB,
    },
    "X-14": {
        "api_first_beyond_cap": 6, "worker_first_beyond_cap": 6, "from_one_cores": 20,
        "from_one_memory_bytes": 24 * GB, "from_one_memory_ratio": 0.75, "from_one_all_cores": 22.5,
        "from_one_all_memory_bytes": 26.25 * GB, "plain_cores": 25, "plain_memory_bytes": 30.5 * GB,
        "plain_memory_ratio": 0.953125, "raised_cores": 35, "raised_memory_bytes": 43.5 * GB,
        "raised_memory_ratio": 1.359375, "all_raised_cores": 37.5, "all_raised_memory_bytes": 45.75 * GB,
        "at_cap_cores": 82.5, "at_cap_memory_bytes": 104.25 * GB, "unclamped_cores": 202.5,
        "unclamped_memory_bytes": 269.25 * GB, "connections": 104,
    },
    "X-15": {"warning_ratio": 0.01, "investigate_above_ratio": 0.05, "emergency_above_ratio": 0.1,
             "emergency_latency_seconds": 5},
    "X-16": {"left_bytes": 1.6 * GB, "instance_bytes": 2 * GB, "hosts": 1},
    "X-17": {"limits_factor": 1.5},
    "X-18": {"one_instance_seconds": 20, "two_instances_seconds": 40, "at_trigger_seconds": 26.6666666667,
             "restarts_per_second": 0.2},
    "X-19": {"example_days": 3.5, "example_alert": "CAPACITY_WARNING"},
    "X-20": {
        "no_growth_result": "division by zero", "shrinking_result": "-35.0 days", "exhausted_result": "-14.0 days",
        "inexact_of_399": 63, "linear_days": 15.6, "compound_days": 15.1, "fraction_as_amount_days": 1400,
    },
    "X-21": {"refused_calls": 10, "scalings": 10, "unbounded_instances": 2048, "failures": 5},
    "X-22": {"wrong_marks": 1, "excess_seconds": 0.034, "excess_ratio": 0.068},
    "X-23": {"claimed_error_ratio": 0.001, "measured_error_ratio": 0.0012, "measured_requests_per_second": 205.76,
             "soft_limit_per_second": 200, "claimed_p95_seconds": 0.6, "kpi_p95_seconds": 0.5},
    "X-24": {"cpu_ratio": 0.85, "critical_ratio": 0.85, "throughput_fall_ratio": 0.27099533437, "users_factor": 2},
    "X-25": {"claimed_users": 500, "tested_users": 100, "soft_limit_users": 400, "soft_limit_ratio": 0.8,
             "soft_limit_tasks_per_hour": 1200, "capacity_tasks_per_hour": 1000},
    "X-26": {
        "tasks_per_slot_per_hour": 144, "capacity_low_per_hour": 432, "capacity_high_per_hour": 576,
        "slots_for_low": 5.55555555556, "slots_for_high": 6.94444444444, "slots_for_soft_limit": 8.33333333333,
        "two_workers_per_hour": 1152,
    },
    "X-27": {"scale_down_wait_seconds": 36, "target_wait_seconds": 180, "scale_up_wait_seconds": 360,
             "critical_wait_seconds": 1800, "allowed_tasks": 1.38888888889},
    "X-28": {"runaway_steps": 8, "runaway_minutes": 80, "capacity_per_second": 1500, "goal_instances": 14,
             "target_instances": 7},
    "X-29": {"held_per_worker": 8, "held_at_minimum": 16, "held_at_maximum": 120, "drain_seconds": 200},
    "X-30": {"trigger_adds": 1, "policy_adds": 2, "below_cap": 14, "granted_below_cap": 15},
    "X-31": {"triggers_without_operator": 5, "worker_cpu_average_ratio": 0.7, "stress_cpu_ratio": 0.85,
             "stress_memory_ratio": 0.8},
    "X-32": {
        "slots": 60, "capacity_per_hour": 8640, "goal_per_hour": 10_000, "goal_workers_at_100_percent": 18,
        "goal_workers_at_70_percent": 25, "goal_workers_at_60_percent": 29, "target_workers_at_100_percent": 9,
        "target_workers_at_70_percent": 13, "target_workers_at_60_percent": 15,
    },
    "X-33": {"scale_in_triggers": 1, "after_scale_out_ratio": 0.466666666667, "after_scale_in_ratio": 0.45},
    "X-34": {"api_profile": 1, "api_policy": 2, "worker_profile": 1, "worker_policy": 2},
    "X-35": {"delay_seconds": 300, "duration_seconds": 900, "cooldown_seconds": 1800},
    "X-36": {"peak_season_factor": 1.75, "black_friday_factor": 3, "year_end_factor": 2},
    "X-37": {
        "instances_at_weekend": 0.5, "rounded_down": 0, "peak_factor_at_weekend": 1.5, "low_factor_at_weekend": 0.35,
        "weekend_dates_in_peak": "2025-11-22, 2025-11-23, 2025-11-29, 2025-11-30",
    },
    "X-38": {"warning_per_second": 164.608, "critical_per_second": 123.456, "stress_ratio": 0.7290046656,
             "scale_down_ratio": 0.2430015552},
    "X-39": {"disk_warning_bytes": 0.75 * TB, "disk_critical_bytes": 0.85 * TB, "target_ratio": 1,
             "needed_bytes": 1_666_666_666_670, "upgraded_target_ratio": 0.5},
    "X-40": {
        "users_warning_factor": 3.2, "users_warning_of_soft_limit_factor": 4, "api_requests_warning_factor": 4,
        "tasks_warning_factor": 4, "users_alert_at": 400, "users_critical_at": 450, "api_requests_alert_at": 160,
        "api_requests_critical_at": 180, "tasks_alert_at": 800, "tasks_critical_at": 900,
    },
    "X-41": {"cpu_threshold": 0.7, "memory_threshold": 0.8, "latency_threshold": 1, "queue_threshold": 100,
             "load_tests_between": 2},
    "X-42": {"window_seconds": 60},
    "X-43": {"emergency_seconds": 120, "window_seconds": 300, "detection_seconds": 600, "answer_seconds": 300},
    "X-44": {
        "users": 1500, "requests_per_second": 600, "tasks_per_hour": 3000, "slots": 20.8333333333, "api_instances": 4,
        "worker_instances": 6, "cores": 25, "cpu_ratio": 3.125, "memory_bytes": 30.5 * GB, "memory_ratio": 0.953125,
        "multiplied_floor_cores": 29, "multiplied_floor_memory_bytes": 34.5 * GB, "upgraded_cpu_ratio": 1.5625,
        "upgraded_floor_cpu_ratio": 1.8125, "missed_date": "2025-12-01",
    },
    "X-45": {"used_bytes": 25.6 * GB, "limits_bytes": 9.5 * GB},
    "X-46": {
        "redis_decimal_ratio": 0.3, "redis_binary_ratio": 0.29296875, "storage_warning_decimal_ratio": 0.8,
        "storage_warning_binary_ratio": 0.78125, "largest_need_decimal_change": 9, "largest_need_binary_change": 9.24,
    },
    "X-47": {"data_bytes": 100e9, "database_bytes": 15e9, "unexplained_bytes": 85e9},
    "X-48": {"wrong_percentages": 1, "vertical_network_stated_change": 10, "vertical_network_computed_change": 9},
    "X-49": {
        "memory_price_dollars": 160, "cpu_price_dollars": 200, "storage_price_dollars": 50,
        "network_price_dollars": 450, "memory_more_ratio": 0.25, "cpu_more_ratio": 0.5, "storage_more_ratio": 1,
        "network_more_ratio": 0.111111111111, "after_memory_dollars": 660, "after_cpu_dollars": 960,
        "after_storage_dollars": 1060, "after_network_dollars": 1560, "quotes_dollars": 1100,
    },
    "X-50": {"month_12_bits_per_second": 2e9, "last_cores": 32, "last_dollars": 2140, "first_host_dollars": 1320,
             "second_host_dollars": 820},
    "X-51": {
        "conflicts": 4, "memory_window_months": "0-6", "memory_short_term_months": "3-6",
        "memory_cost_table_months": "3", "memory_roadmap_months": "2", "cpu_window_months": "6-12",
        "cpu_cost_table_months": "6", "cpu_roadmap_months": "5", "storage_window_months": "12-18",
        "storage_medium_term_months": "6-12", "storage_cost_table_months": "12", "network_window_months": "18-24",
        "network_cost_table_months": "12",
    },
    "X-52": {"storage_window_months": "12-18", "network_window_months": "18-24"},
    "X-53": {"aggressive_missing": "cpus, memory, network", "moderate_missing": "network",
             "conservative_dollars": 640, "moderate_dollars": 870, "aggressive_dollars": 1380},
    "X-54": {"conservative_change": -0.6, "moderate_change": -0.4},
    "X-55": {"one_instance_dollars": 2.5, "most_instances_dollars": 25, "needed_bytes": 20 * GB,
             "all_claims_dollars": 180, "all_claims_ratio": 0.391304347826, "performance_added_ratio": 0.9,
             "performance_compounded_factor": 2.21375},
    "X-56": {
        "conservative_users_ratio": 0.625, "conservative_api_requests_ratio": 0.58, "conservative_tasks_ratio": 0.64,
        "moderate_users_ratio": 0.833333333333, "moderate_api_requests_ratio": 0.76, "moderate_tasks_ratio": 0.88,
        "aggressive_users_ratio": 1.25, "aggressive_api_requests_ratio": 1.12, "aggressive_tasks_ratio": 1.4,
        "moderate_users_needs": 1666.66666667, "moderate_api_requests_needs": 633.333333333,
        "moderate_tasks_needs": 3666.66666667,
    },
    "X-57": {"users_factor": 1.6, "api_requests_factor": 1.5, "tasks_factor": 1.5, "cost_change": 0.782608695652,
             "dollars_per_user": 0.92, "dollars_per_user_later": 1.025, "dollars_per_user_change": 0.114130434783,
             "hardware_change_months_6_to_12_dollars": 0},
    "X-58": {
        "indicator_users_factor": 4, "indicator_tasks_factor": 5, "planned_users_factor": 10, "roadmap_factor": 5,
        "aggressive_users_of_target_ratio": 0.75, "aggressive_api_requests_of_target_ratio": 0.56,
        "aggressive_tasks_of_target_ratio": 0.7, "aggressive_data_of_target_ratio": 0.25,
        "cores_after_24_months_factor": 4,
    },
    "X-59": {"limits_bytes": 9.5 * GB, "host_bytes": 32 * GB, "limits_ratio": 0.296875},
    "X-60": {"ambiguous_names": 4},
    "X-61": {"short_term_months": 3, "short_term_phase_months": 6, "unplanned_months": 3},
    "X-62": {"read_replicas_month": 9, "load_balancer_month": 10, "autoscaling_month": 11},
    "X-63": {"minimum_replicas": 0, "maximum_replicas": 3, "read_replicas_at_maximum": 2},
    "X-64": {"limit_per_second": 500, "assumed_duration_seconds": 300, "assumed_cooldown_seconds": 600},
    "X-65": {"hosts": 1, "second_server_month": 13},
    "X-66": {"packaged": "1.16.1", "needed_for_host_list": "1.17.0", "needed_for_prepared_statements": "1.21.0",
             "needed_for_load_balance_hosts": "1.24.0"},
    "X-67": {"blind_seconds": 90},
    "X-68": {"servers_budget_minutes": 43.2, "global_budget_minutes": 4.32, "global_answer_ratio": 1.15740740741,
             "servers_steps_ratio": 0.694444444444},
    "X-69": {"goal_seconds": 0.1, "target_seconds": 0.5, "query_seconds": 0.1},
    "X-70": {"channels_without_target": 3, "steps_end_seconds": 1800, "p3_respond_seconds": 3600,
             "p4_respond_seconds": 14_400, "escalate_after_seconds": 900},
    "X-71": {"api_instances": 2, "worker_instances": 2},
    "X-72": {"upgrades": 4},
    "X-73": {"saved_now_dollars": 138, "commit_first_dollars": 682, "commit_later_dollars": 574,
             "optimise_first_dollars": 196, "optimise_later_dollars": 142, "last_upgrade_month": 5},
    "X-74": {"conditions": 4, "ways_in": 3},
    "X-75": {"limit_bytes": GB, "used_bytes": 300 * MB, "left_bytes": 724 * MB},
}  # fmt: skip


def test_every_defect_of_the_guide_is_found_by_computing_it() -> None:
    assert list(FOUND) == [f"X-{number:02d}" for number in range(1, 76)]
    assert [rule.id for rule in rules()] == list(FOUND)


def test_every_finding_has_its_worked_example() -> None:
    assert sorted(EXAMPLES) == sorted(FOUND)


@pytest.mark.parametrize("rule", EXAMPLES)
def test_the_numbers_are_exactly_those_of_the_worked_example(rule: str) -> None:
    numbers = FOUND[rule].numbers
    for name, expected in EXAMPLES[rule].items():
        if isinstance(expected, str):
            assert numbers[name] == expected, name
        else:
            assert numbers[name] == pytest.approx(expected, rel=1e-9), name


@pytest.mark.parametrize("finding", FOUND.values(), ids=lambda finding: finding.rule)
def test_every_finding_says_what_is_wrong_and_what_is_done(finding: Finding) -> None:
    assert finding.sentence.endswith(".")
    assert len(finding.resolution) > 10
    assert finding.subject
    assert (finding.override is not None) == (finding.rule_class is RuleClass.REFUSE)
    assert any(character.isdigit() for character in finding.sentence), "a finding without a number"


def test_severities_are_those_of_the_defects() -> None:
    breaking = {1, 2, 3, 5, 6, 8, 11, 13, 14, 16, 19, 20, 21, 37, 40, 44, 54}
    minor = {4, 7, 10, 22, 23, 24, 30, 35, 41, 42, 45, 46, 47, 48, 50, 55, 58, 61, 64, 69, 73, 74} - {22}
    for rule in rules():
        number = int(rule.id[2:])
        expected = Severity.BREAKING if number in breaking else Severity.MINOR if number in minor else Severity.MAJOR
        assert rule.severity is expected, rule.id


def test_two_rules_have_no_override() -> None:
    assert [f.rule for f in FOUND.values() if f.rule_class is RuleClass.REFUSE_ALWAYS] == ["X-01", "X-14"]
