"""The exported rules, by Prometheus itself: valid, and judging the same samples as `assess` does (MON-00, STP-04)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from selextract_infra.assess.measurements import Measurement
from selextract_infra.assess.prometheus import USUAL_THROUGHPUT, metric_name, prometheus_rules
from selextract_infra.assess.rules import rules_of
from selextract_infra.assess.samples import Samples
from selextract_infra.assess.thresholds import judge_all
from selextract_infra.model.assessment import Level
from selextract_infra.policy import Policy, default_policy, load_policy

INTERVAL = 15
MINUTES = 8
SUBJECTS = 25
SAMPLES = MINUTES * 60 // INTERVAL + 1
USUAL = 200.0
STATED = {"monitoring": {"throughput_baseline": {"stated": f"{USUAL:g}/second"}}}
CACHED = Path(__file__).parents[2] / ".cache" / "promtool"

# Values around every threshold of each metric, the thresholds themselves among them.
LEVELS: dict[str, Sequence[float]] = {
    "cpu_usage": (0.3, 0.69, 0.7, 0.84, 0.85, 0.95, 0.96, 1.0),
    "memory_usage": (0.5, 0.79, 0.8, 0.9, 0.95, 0.96, 1.0),
    "disk_usage": (0.5, 0.75, 0.85, 1.0),
    "network_bandwidth": (0.1, 0.7, 0.85, 1.0),
    "response_time_p95": (0.2, 0.5, 0.51, 1.0, 1.99, 2.0, 5.0, 5.5),
    "error_rate": (0.0, 0.009, 0.01, 0.05, 0.051, 0.1, 0.11),
    "requests_per_second": (10.0, 119.0, 120.0, 121.0, 160.0, 161.0, 200.0, 260.0, 800.0, 900.0),
    "pending_tasks": (0.0, 99.0, 100.0, 499.0, 500.0, 900.0),
    "concurrent_users": (100.0, 400.0, 450.0, 1600.0, 1800.0),
    "tasks_per_hour": (100.0, 800.0, 900.0, 1200.0, 4000.0, 4500.0),
    "data_storage": (1e11, 8e11, 9e11),
    "database_connections": (10.0, 30.0, 197.0, 200.0),
}


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool") or (str(CACHED) if CACHED.exists() else None)
    if found is None:
        pytest.fail("promtool is not here; get it with: scripts/promtool")
    return found


def checked(promtool: str, *words: str) -> str:
    done = subprocess.run([promtool, *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


Recorded = dict[str, dict[str, list[float | None]]]


def series(metric: str, chooser: np.random.Generator) -> list[float | None]:
    """Samples that hold a level, change it once, or waver; with a gap now and then."""

    def level() -> float:
        return LEVELS[metric][int(chooser.integers(len(LEVELS[metric])))]

    first, second, turn = level(), level(), chooser.integers(SAMPLES)
    values: list[float | None] = [first if index < turn else second for index in range(SAMPLES)]
    for _ in range((0, 0, 3, 12)[int(chooser.integers(4))]):
        values[int(chooser.integers(SAMPLES))] = None if chooser.random() < 0.7 else level()
    return values


def recording(*, errors: bool) -> Recorded:
    """Series of every metric for every subject, always the same; without errors also without slow answers."""
    chooser = np.random.default_rng(20250130)
    metrics = [metric for metric in LEVELS if errors or metric not in ("error_rate", "response_time_p95")]
    return {f"app{number}": {metric: series(metric, chooser) for metric in metrics} for number in range(SUBJECTS)}


def written(values: Sequence[float | None]) -> str:
    return " ".join("_" if value is None else repr(value) for value in values)


def labels(names: Sequence[str], values: Sequence[str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in zip(names, values, strict=True)) + "}"


def judged(policy: Policy, recorded: Recorded) -> set[tuple[str, str, str, str, str]]:
    """What `assess` says at the end, as the alerts that should fire: item, metric, level, pages, subject."""
    measurements = []
    for subject, metrics in recorded.items():
        for metric, values in metrics.items():
            kept = [(float(index * INTERVAL), value) for index, value in enumerate(values) if value is not None]
            at, numbers = [stamp for stamp, _ in kept], [value for _, value in kept]
            measurements.append(Measurement(metric, subject, Samples(at, numbers, float(INTERVAL))))
    verdicts = judge_all(measurements, rules_of(policy), float(MINUTES * 60), baseline=USUAL)
    return {
        (verdict.item, verdict.metric, verdict.level.value, str(verdict.pages).lower(), verdict.subject)
        for verdict in verdicts
        if verdict.level.rank >= Level.NOTICE.rank
    }


def promtool_case(policy: Policy, recorded: Recorded) -> dict[str, Any]:
    """A test of promtool: the series, and the alerts that `assess` would raise of them."""
    names = ("item", "metric", "level", "pages", "subject")
    alerts = f'count by ({", ".join(names)}) (ALERTS{{alertstate="firing"}})'
    return {
        "interval": f"{INTERVAL}s",
        "input_series": [
            {"series": f'{metric_name(metric)}{{subject="{subject}"}}', "values": written(values)}
            for subject, metrics in recorded.items()
            for metric, values in metrics.items()
        ],
        "promql_expr_test": [
            {
                "expr": alerts,
                "eval_time": f"{MINUTES}m",
                "exp_samples": [
                    {"labels": labels(names, alert), "value": 1} for alert in sorted(judged(policy, recorded))
                ],
            }
        ],
    }


@pytest.mark.parametrize("interval", [5.0, 15.0, 30.0])
def test_prometheus_accepts_the_rules(promtool: str, tmp_path: Path, interval: float) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(prometheus_rules(default_policy(), interval=interval))
    assert "SUCCESS" in checked(promtool, "check", "rules", str(file))


def test_prometheus_judges_as_assess_does(promtool: str, tmp_path: Path) -> None:
    policy = load_policy(STATED)
    rules, tests = tmp_path / "rules.yml", tmp_path / "tests.yml"
    rules.write_text(prometheus_rules(policy, interval=INTERVAL))
    cases = {
        "rule_files": [str(rules)],
        "evaluation_interval": f"{INTERVAL}s",
        "tests": [promtool_case(policy, recording(errors=errors)) for errors in (True, False)],
    }
    tests.write_text(yaml.safe_dump(cases))
    assert "SUCCESS" in checked(promtool, "test", "rules", str(tests))
    rules.write_text(rules.read_text().replace(">= 0.85", ">= 0.86"))
    with pytest.raises(AssertionError, match="FAILED"):
        checked(promtool, "test", "rules", str(tests))


def test_all_levels_of_all_metrics_were_asked_about() -> None:
    """The series above reach every alert there is, so that the comparison means something."""
    policy = load_policy(STATED)
    fired = {alert[:3] for alert in judged(policy, recording(errors=True))}
    rules = [rule for rule in rules_of(policy) if rule.metric in LEVELS]
    assert {(rule.item, rule.metric, step.level.value) for rule in rules for step in rule.steps} <= fired


def test_thresholds_follow_the_policy(promtool: str, tmp_path: Path) -> None:
    ours = load_policy({"monitoring": {"infrastructure": {"cpu_usage": {"warning": "60%"}}}})
    file = tmp_path / "rules.yml"
    file.write_text(prometheus_rules(ours, interval=INTERVAL))
    checked(promtool, "check", "rules", str(file))
    alerts = {
        rule["alert"]: rule
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert ">= 0.6" in alerts["CpuUsageWarning_MON_01"]["expr"]


def test_hosts_are_measured_by_node_exporter(promtool: str, tmp_path: Path) -> None:
    rules, tests = tmp_path / "rules.yml", tmp_path / "tests.yml"
    rules.write_text(prometheus_rules(default_policy(), interval=INTERVAL))
    minutes = "x40"
    case = {
        "interval": f"{INTERVAL}s",
        "input_series": [
            {"series": 'node_cpu_seconds_total{instance="app1:9100",cpu="0",mode="idle"}', "values": f"0+3{minutes}"},
            {"series": 'node_cpu_seconds_total{instance="app1:9100",cpu="0",mode="user"}', "values": f"0+12{minutes}"},
            {"series": 'node_memory_MemTotal_bytes{instance="app1:9100"}', "values": f"1000+0{minutes}"},
            {"series": 'node_memory_MemAvailable_bytes{instance="app1:9100"}', "values": f"250+0{minutes}"},
            {"series": 'node_filesystem_size_bytes{instance="app1:9100",fstype="ext4"}', "values": f"1000+0{minutes}"},
            {"series": 'node_filesystem_avail_bytes{instance="app1:9100",fstype="ext4"}', "values": f"100+0{minutes}"},
            {
                "series": 'node_network_transmit_bytes_total{instance="app1:9100",device="eth0"}',
                "values": f"0+1500000000{minutes}",
            },
            {
                "series": 'node_network_receive_bytes_total{instance="app1:9100",device="eth0"}',
                "values": f"0+150000000{minutes}",
            },
        ],
        "promql_expr_test": [
            {
                "expr": f"round({metric_name(metric)}, 0.001)",
                "eval_time": "9m",
                "exp_samples": [{"labels": '{instance="app1:9100", subject="app1:9100"}', "value": value}],
            }
            for metric, value in (
                ("cpu_usage", 0.8),
                ("memory_usage", 0.75),
                ("disk_usage", 0.9),
                ("network_bandwidth", 0.8),
            )
        ],
    }
    tests.write_text(
        yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": f"{INTERVAL}s", "tests": [case]})
    )
    assert "SUCCESS" in checked(promtool, "test", "rules", str(tests))


def test_without_a_usual_throughput_nothing_is_said_about_it() -> None:
    assert USUAL_THROUGHPUT not in [
        rule.get("record")
        for group in yaml.safe_load(prometheus_rules(default_policy(), interval=INTERVAL))["groups"]
        for rule in group["rules"]
    ]
