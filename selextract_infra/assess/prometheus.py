"""The rules of the Policy for Prometheus, which then judges as `assess` does (MON-00, STP-04).

They read metrics named ``selextract_...``, each in the base unit that its name says, with the label ``subject`` for the
host or service. A first group makes those of hosts from node_exporter; an application exports its own.
A percentile is never averaged (X-42), a window with too few samples says nothing, and a level hides those below it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from selextract_infra.assess.measurements import METRICS
from selextract_infra.assess.rules import ThresholdRule, ThresholdStep, rules_of
from selextract_infra.assess.samples import Aggregate
from selextract_infra.errors import UsageError
from selextract_infra.model.assessment import Level
from selextract_infra.model.figures import amount
from selextract_infra.policy import Policy
from selextract_infra.policy.units import DURATION

__all__ = ["USUAL_THROUGHPUT", "metric_name", "prometheus_rules"]

USUAL_THROUGHPUT = "selextract_usual_requests_per_second"
"""The series that low throughput is compared with; where it is absent throughput is not judged (X-38)."""

_SUFFIXES = {"ratio": "_ratio", "seconds": "_seconds", "bytes": "_bytes"}
_SIGNALS = frozenset({"error_rate", "response_time_p95"})
_PER_REQUEST = frozenset({"response_time"})
"""Metrics of single requests, which Prometheus does not keep."""

_HEADER = """\
# Thresholds of the capacity policy {digest}
# Made by: selextract-infra policy export prometheus-rules
# Each metric carries the label "subject" (a host, or host/service) and is in the unit that its name says.
"""


def metric_name(metric: str) -> str:
    """The name of one of our metrics in Prometheus: ``selextract_cpu_usage_ratio``."""
    return f"selextract_{metric}{_SUFFIXES.get(METRICS[metric].unit, '')}"


def prometheus_rules(policy: Policy, *, interval: float) -> str:
    """The rules file, for a Prometheus that scrapes and evaluates every ``interval`` seconds.

    Raises UsageError where that is too seldom to see an emergency (X-43).
    """
    coarsest = policy.monitoring.raw_interval
    if not 0 < interval <= coarsest:
        raise UsageError(f"Prometheus has to look every {DURATION.format(coarsest)} or oftener, to see an emergency.")
    rules = [rule for rule in rules_of(policy) if rule.metric not in _PER_REQUEST]
    groups = [
        _group("selextract-sources", interval, list(_sources(policy, interval))),
        _group(
            "selextract-alerts", interval, [a for rule in rules if rule.alert for a in _alerts(rule, rules, interval)]
        ),
        _group("selextract-capacity", interval, [a for r in rules if not r.alert for a in _alerts(r, rules, interval)]),
    ]
    text = yaml.safe_dump({"groups": groups}, sort_keys=False, width=1000, allow_unicode=True)
    return _HEADER.format(digest=policy.digest) + text


def _group(name: str, interval: float, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "interval": _duration(interval), "rules": rules}


def _sources(policy: Policy, interval: float) -> Iterator[dict[str, Any]]:
    """What node_exporter tells of hosts, and the usual throughput where the policy states one for all hours."""
    window = _duration(max(60.0, 4 * interval))
    real = 'device!~"lo|veth.*|docker.*|br-.*"'
    disks = 'fstype!~"tmpfs|overlay|squashfs|ramfs"'
    sent, received = (
        f"max by (instance) (rate(node_network_{way}_bytes_total{{{real}}}[{window}]))"
        for way in ("transmit", "receive")
    )
    recorded = {
        "cpu_usage": f'1 - avg by (instance) (rate(node_cpu_seconds_total{{mode="idle"}}[{window}]))',
        "memory_usage": "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
        "disk_usage": f"max by (instance) (1 - node_filesystem_avail_bytes{{{disks}}} / node_filesystem_size_bytes)",
        "network_bandwidth": f"({sent} > {received} or {received}) * 8 / {policy.host.network}",
    }
    for metric, expression in recorded.items():
        subject = f'label_replace({expression}, "subject", "$1", "instance", "(.*)")'
        yield {"record": metric_name(metric), "expr": subject}
    monitoring = policy.monitoring
    if monitoring.throughput_baseline.stated is not None and not monitoring.throughput_hours:
        yield {"record": USUAL_THROUGHPUT, "expr": f"vector({_number(monitoring.throughput_baseline.stated)})"}


def _alerts(rule: ThresholdRule, rules: list[ThresholdRule], interval: float) -> Iterator[dict[str, Any]]:
    """One alert for each level of a rule; a worse level that holds hides it."""
    worse: list[str] = []
    for step in rule.steps:
        expression = _expression(rule, step, interval)
        unless = "".join(f" unless {each}" for each in worse)
        worse.append(f"({expression})")
        whole = f"({expression}){unless}" if unless else expression
        pages = rule.alert and step.level.rank >= Level.CRITICAL.rank
        if rule.of_baseline and pages:
            signal = " or ".join(_signals(rules, interval))
            yield _alert(rule, step, f"({whole}) unless on () ({signal})", pages=False)
            yield _alert(rule, step, f"({whole}) and on () ({signal})", pages=True)
        else:
            yield _alert(rule, step, whole, pages=pages)


def _alert(rule: ThresholdRule, step: ThresholdStep, expression: str, *, pages: bool) -> dict[str, Any]:
    words = "".join(part.capitalize() for part in rule.metric.split("_"))
    item = re.sub(r"[^A-Za-z0-9]", "_", rule.item)
    unit = METRICS[rule.metric].unit
    of = f"{step.threshold * 100:g} % of the usual" if rule.of_baseline else amount(step.threshold, unit)
    lasting = f" for {DURATION.format(rule.holds_for)}" if rule.holds_for else ""
    summary = f"{{{{ $labels.subject }}}}: {rule.metric.replace('_', ' ')} {step.operator} {of}{lasting}"
    return {
        "alert": f"{words}{step.level.value.capitalize()}_{item}",
        "expr": expression,
        "labels": {"metric": rule.metric, "level": step.level.value, "item": rule.item, "pages": str(pages).lower()},
        "annotations": {"summary": f"{summary}{f' ({rule.effect})' if rule.effect else ''}"},
    }


def _expression(rule: ThresholdRule, step: ThresholdStep, interval: float) -> str:
    """The comparison of one level; half-open windows, and silence where too few samples are there."""
    name = metric_name(rule.metric)
    if rule.holds_for is not None:
        extreme = "min" if step.operator.startswith(">") else "max"
        held = f"{extreme}_over_time({name}[{_window(rule.holds_for)}])"
        # How the window began is told by the last sample at or before its beginning, as in `sustained`.
        missing = (1 - rule.minimum_coverage) * rule.holds_for
        began = f"last_over_time({name}[{_window(interval + missing)}] offset {_window(rule.holds_for)})"
        return f"{_compared(held, rule, step, rule.holds_for, interval)} and {_limited(began, rule, step)}"
    if rule.aggregate is Aggregate.LAST or not rule.window:
        return f"last_over_time({name}[{_window(2 * interval)}]) {step.operator} {_number(step.threshold)}"
    function = "avg" if rule.aggregate is Aggregate.MEAN else "max"
    return _compared(f"{function}_over_time({name}[{_window(rule.window)}])", rule, step, rule.window, interval)


def _compared(value: str, rule: ThresholdRule, step: ThresholdStep, window: float, interval: float) -> str:
    expected = max(1, round(window / interval))
    samples = math.ceil(round(expected * rule.minimum_coverage, 9))
    enough = f"count_over_time({metric_name(rule.metric)}[{_window(window)}]) >= {samples}"
    return f"{_limited(value, rule, step)} and {enough}"


def _limited(value: str, rule: ThresholdRule, step: ThresholdStep) -> str:
    limit = _number(step.threshold)
    if rule.of_baseline:
        return f"{value} {step.operator} on () group_left () ({limit} * {USUAL_THROUGHPUT})"
    return f"{value} {step.operator} {limit}"


def _signals(rules: list[ThresholdRule], interval: float) -> Iterator[str]:
    """Errors or latency at warning or worse, beside which low throughput wakes somebody."""
    for rule in rules:
        if rule.metric in _SIGNALS and rule.alert:
            yield from (
                f"({_expression(rule, step, interval)})" for step in rule.steps if step.level.rank >= Level.WARNING.rank
            )


def _window(seconds: float) -> str:
    """A range that holds what (now - seconds, now] holds: Prometheus' own includes its first moment."""
    return f"{round(seconds * 1000) - 1}ms"


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def _number(value: float) -> str:
    return f"{value:.12g}"
