"""Measurements: recorded samples by metric and subject, the one form that every source of readings is brought into."""

from __future__ import annotations

from dataclasses import dataclass

from selextract_infra.assess.samples import Samples
from selextract_infra.errors import UsageError
from selextract_infra.model.figures import printable

__all__ = ["METRICS", "Measurement", "Metric", "metric_named", "require_metric"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric, its unit, and how many of the recorded unit are one of it.

    Recorded numbers are divided by ``per``: 95 / 100 is 0.95, and 95 * 0.01 is a little more.
    """

    name: str
    unit: str
    per: float = 1.0


_METRICS = (
    Metric("cpu_usage", "ratio"),
    Metric("memory_usage", "ratio"),
    Metric("disk_usage", "ratio"),
    Metric("network_bandwidth", "ratio"),
    Metric("response_time", "seconds"),
    Metric("response_time_p95", "seconds"),
    Metric("error_rate", "ratio"),
    Metric("requests_per_second", "per second"),
    Metric("pending_tasks", "tasks"),
    Metric("concurrent_users", "users"),
    Metric("tasks_per_hour", "per hour"),
    Metric("data_storage", "bytes"),
    Metric("database_connections", "connections"),
    Metric("disk_operations", "per second"),
    Metric("read_queries_per_second", "per second"),
)

METRICS = {metric.name: metric for metric in _METRICS}
"""Every metric that is judged, by name."""

_PERCENT, _MILLISECONDS = 100.0, 1000.0
_SYNONYMS = {"queue_length": "pending_tasks", "throughput": "requests_per_second", "users": "concurrent_users"}
_SUFFIXES = {
    "_percent": ("ratio", _PERCENT),
    "_ms": ("seconds", _MILLISECONDS),
    "_milliseconds": ("seconds", _MILLISECONDS),
}


@dataclass(frozen=True, slots=True)
class Measurement:
    """Samples of one metric of one subject, in the metric's unit.

    ``subject`` is what was measured (``app1``, ``app1/api``); ``role`` is its name in the guide where that is known.
    ``momentary`` marks a single look rather than a series.
    """

    metric: str
    subject: str
    samples: Samples
    role: str | None = None

    @property
    def momentary(self) -> bool:
        """One reading, of which nothing can be said over time."""
        return len(self.samples.at) == 1 and self.samples.interval is None


def metric_named(name: str) -> Metric | None:
    """The metric of a column or series name, None for an unknown one.

    ``cpu_usage`` is a ratio, ``cpu_usage_percent`` the same in percent; ``response_time_p95`` is seconds and
    ``response_time_p95_ms`` milliseconds; ``queue_length``, ``throughput`` and ``users`` are other words.
    """
    plain = name.strip().lower()
    for suffix, (unit, per) in _SUFFIXES.items():
        known = METRICS.get(_SYNONYMS.get(plain.removesuffix(suffix), plain.removesuffix(suffix)))
        if plain.endswith(suffix) and known is not None and known.unit == unit:
            return Metric(known.name, known.unit, per)
    return METRICS.get(_SYNONYMS.get(plain, plain))


def require_metric(name: str) -> Metric:
    """Like ``metric_named``; raises UsageError with the names there are."""
    metric = metric_named(name)
    if metric is None:
        raise UsageError(f"{printable(name[:60])!r} is not a metric.", remedy=f"there are {', '.join(METRICS)}")
    return metric
