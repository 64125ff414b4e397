"""The thresholds of the Policy as rules about metrics, with the operators and windows that the guide leaves open.

Rising metrics meet a threshold at or above it, throughput at or below it, and where the guide itself writes ``>`` the
comparison is strict (X-31). Percentiles are never averaged (X-42). Emergencies look at raw samples (X-43).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from selextract_infra.assess.samples import Aggregate
from selextract_infra.model.assessment import Level
from selextract_infra.policy import Policy
from selextract_infra.policy.condition import Condition

__all__ = ["COMPARISONS", "ThresholdRule", "ThresholdStep", "rules_of"]

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_KPI_METRICS = {
    "concurrent_users": "concurrent_users",
    "api_requests": "requests_per_second",
    "tasks": "tasks_per_hour",
    "data_storage": "data_storage",
}
_SOFT_METRICS = {
    "users": "concurrent_users",
    "api_requests": "requests_per_second",
    "tasks": "tasks_per_hour",
    "database_connections": "database_connections",
}
_APPLICATION_METRICS = {
    "error_rate": "error_rate",
    "throughput": "requests_per_second",
    "queue_length": "pending_tasks",
}
_LATENCIES = {"response_time": Aggregate.P95, "response_time_p95": Aggregate.HIGHEST}
_USAGE_METRICS = ("cpu_usage", "memory_usage", "disk_usage", "network_bandwidth")
_ALL = 1.0


@dataclass(frozen=True, slots=True)
class ThresholdStep:
    """A level and the comparison that reaches it."""

    level: Level
    operator: str
    threshold: float

    def met(self, value: float) -> bool:
        """Whether ``value`` reaches the level."""
        return COMPARISONS[self.operator](value, self.threshold)


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """One line of the Policy about one metric: its steps, worst first, and the window in seconds that it looks at.

    ``holds_for`` seconds every raw sample must breach; without it the window's value is compared. ``of_baseline``: the
    thresholds are shares of the usual value (MON-07). ``coarsest`` is the longest distance of samples in seconds.
    ``effect`` says what happens beyond the threshold. ``alert``: it takes part in the severity of an incident (X-70),
    which the indicators and limits of planning do not.
    """

    metric: str
    item: str
    steps: tuple[ThresholdStep, ...]
    minimum_coverage: float
    window: float = 0.0
    aggregate: Aggregate = Aggregate.LAST
    holds_for: float | None = None
    of_baseline: bool = False
    coarsest: float | None = None
    effect: str = ""
    alert: bool = True


def rules_of(policy: Policy) -> tuple[ThresholdRule, ...]:
    """All rules of a Policy: monitoring, indicators, current capacity, soft limits, and emergencies."""
    builder = _Builder(policy)
    return (
        *builder.monitoring(),
        *builder.latencies(),
        *builder.current_capacity(),
        *builder.indicators(),
        *builder.limits(),
        *builder.emergencies(),
    )


class _Builder:
    """Turns the sections of one Policy into rules."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.coverage = policy.trigger_rules.sustained.minimum_coverage
        self.rising = policy.trigger_rules.operators.rising.value
        self.falling = policy.trigger_rules.operators.falling.value

    def item(self, path: str) -> str:
        return self.policy.origin(path).item_id or path

    def stated(self) -> Iterator[tuple[str, Condition]]:
        """Every condition that the guide writes with an operator of its own, with its path."""
        for name, trigger in self.policy.emergency.triggers.items():
            if trigger.condition is not None:
                yield f"emergency.triggers.{name}", trigger.condition
        for name, condition in self.policy.emergency.conditions.items():
            yield f"emergency.conditions.{name}", condition.condition

    def operator(self, metric: str, threshold: float) -> str:
        """The operator that the guide writes for this threshold elsewhere, else the rising one (X-15, X-31)."""
        same = (c.operator for _, c in self.stated() if c.metric == metric and c.limit == threshold)
        return next(same, self.rising)

    def steps(self, metric: str, warning: float, critical: float) -> tuple[ThresholdStep, ...]:
        return (
            ThresholdStep(Level.CRITICAL, self.operator(metric, critical), critical),
            ThresholdStep(Level.WARNING, self.operator(metric, warning), warning),
        )

    def monitoring(self) -> Iterator[ThresholdRule]:
        """MON-01 to MON-04, MON-06 to MON-08."""
        for name in _USAGE_METRICS:
            alert = getattr(self.policy.monitoring.infrastructure, name)
            aggregate = Aggregate.LAST if alert.window is None else Aggregate.MEAN
            path = f"monitoring.infrastructure.{name}"
            steps = self.steps(name, alert.warning, alert.critical)
            yield ThresholdRule(name, self.item(path), steps, self.coverage, alert.window or 0.0, aggregate)
            full = (ThresholdStep(Level.EMERGENCY, self.rising, _ALL),)
            item = self.item("emergency.triggers.exhausted")
            yield ThresholdRule(
                name, item, full, self.coverage, alert.window or 0.0, aggregate, effect="a hard limit is reached"
            )
        for name, metric in _APPLICATION_METRICS.items():
            alert = getattr(self.policy.monitoring.application, name)
            aggregate = Aggregate.LAST if alert.window is None else Aggregate.MEAN
            falls = name == "throughput"
            steps = self.steps(metric, alert.warning, alert.critical)
            if falls:
                steps = tuple(ThresholdStep(step.level, self.falling, step.threshold) for step in steps)
            path = f"monitoring.application.{name}"
            yield ThresholdRule(
                metric, self.item(path), steps, self.coverage, alert.window or 0.0, aggregate, of_baseline=falls
            )

    def latencies(self) -> Iterator[ThresholdRule]:
        """MON-05, KPI-05, and the target that nothing else alerts on (X-41)."""
        alert, kpi = self.policy.monitoring.application.response_time, self.policy.kpis.response_time
        window = alert.window or self.policy.monitoring.fast_window.value
        slo = (ThresholdStep(Level.NOTICE, ">", self.policy.load_tests.gate.p95),)
        for metric, aggregate in _LATENCIES.items():
            alerts = (("monitoring.application.response_time", self.steps(metric, alert.warning, alert.critical)),)
            indicators = (("kpis.response_time", self.steps(metric, kpi.warning, kpi.critical)),)
            known = indicators if self.policy.holds("kpis.response_time") else ()
            for path, steps in (*alerts, *known, ("load_tests.gate", slo)):
                item = self.item(path)
                yield ThresholdRule(metric, item, steps, self.coverage, window, aggregate)

    def indicators(self) -> Iterator[ThresholdRule]:
        """KPI-01 to KPI-04; their thresholds refer to the target capacity."""
        for name, metric in _KPI_METRICS.items():
            if not self.policy.holds(f"kpis.{name}"):
                continue
            kpi = getattr(self.policy.kpis, name)
            steps = self.steps(metric, kpi.warning, kpi.critical)
            yield ThresholdRule(metric, self.item(f"kpis.{name}"), steps, self.coverage, alert=False)

    def current_capacity(self) -> Iterator[ThresholdRule]:
        """Shares of what the system can do today, where the indicators cannot fire before collapse (X-40).

        Stored data is left out: what is stored today is not what can be stored; the disk's own rule has that.
        """
        alerts = self.policy.capacity_alerts
        for name, metric in _KPI_METRICS.items():
            if name != "data_storage" and self.policy.holds(f"kpis.{name}.current"):
                today = getattr(self.policy.kpis, name).current
                steps = self.steps(metric, _share(today, alerts.warning), _share(today, alerts.critical))
                yield ThresholdRule(metric, "X-40", steps, self.coverage, alert=False)

    def limits(self) -> Iterator[ThresholdRule]:
        """LIM-S1 to LIM-S4, and the connections that Postgres has at all (HDB-03)."""
        for name, metric in _SOFT_METRICS.items():
            if not self.policy.holds(f"limits.soft.{name}.limit"):
                continue
            soft = getattr(self.policy.limits.soft, name)
            steps = (ThresholdStep(Level.WARNING, self.rising, soft.limit),)
            item = self.item(f"limits.soft.{name}")
            yield ThresholdRule(metric, item, steps, self.coverage, effect=soft.effect, alert=False)
        usable = self.policy.scaling.connections.maximum - self.policy.postgres.superuser_reserved
        full = (ThresholdStep(Level.EMERGENCY, self.rising, usable),)
        item = self.item("scaling.connections")
        yield ThresholdRule("database_connections", item, full, self.coverage, effect="further connections are refused")

    def emergencies(self) -> Iterator[ThresholdRule]:
        """EMC-01 to EMC-04 start an emergency; EMT-01 and EMT-02 are critical where they are not the same (X-15)."""
        automatic = {(c.condition.metric, c.condition.limit) for c in self.policy.emergency.conditions.values()}
        for path, condition in self.stated():
            starts = path.startswith("emergency.conditions.")
            if not starts and (condition.metric, condition.limit) in automatic:
                continue
            level = Level.EMERGENCY if starts else Level.CRITICAL
            for metric, aggregate in self._emergency_metrics(condition.metric):
                yield ThresholdRule(
                    metric,
                    self.item(path),
                    (ThresholdStep(level, condition.operator, condition.limit),),
                    self.coverage,
                    window=self.policy.monitoring.fast_window.value,
                    aggregate=aggregate,
                    holds_for=condition.duration,
                    coarsest=self.policy.monitoring.raw_interval,
                )

    def _emergency_metrics(self, metric: str) -> list[tuple[str, Aggregate]]:
        if metric in _LATENCIES:
            return list(_LATENCIES.items())
        return [(metric, Aggregate.MEAN)]


def _share(whole: float, share: float) -> float:
    """The product without the dust of binary fractions: 500 x 90 % is 450."""
    return round(whole * share, 9)
