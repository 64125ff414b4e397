"""Conditions such as ``cpu_usage > 95% for 2 minutes`` (PAR-01, EMC, HDB-02)."""

import re
from typing import Any, Final, Literal

from selextract_infra.errors import UnitError
from selextract_infra.policy.section import Section
from selextract_infra.policy.units import COUNT, DURATION, PERCENT, RATE, Quantity

__all__ = ["METRICS", "Condition"]

_SHAPE: Final = re.compile(r"\s*([a-z_0-9]+)\s*(>=|<=|>|<)\s*(.+?)(?:\s+for\s+(.+?))?\s*")

METRICS: Final = {
    "cpu_usage": PERCENT,
    "memory_usage": PERCENT,
    "disk_usage": PERCENT,
    "network_bandwidth": PERCENT,
    "error_rate": PERCENT,
    "response_time_p95": DURATION,
    "requests_per_second": RATE,
    "read_queries_per_second": RATE,
    "pending_tasks": COUNT,
}
"""The metrics conditions are about, each with its quantity."""


class Condition(Section):
    """A metric compared with a limit in its base unit, held for ``duration`` seconds (None: the guide names none)."""

    metric: str
    operator: Literal[">", ">=", "<", "<="]
    limit: float
    duration: float | None = None

    @classmethod
    def read(cls, value: Any) -> Any:
        """The parts of a condition that is written as one text."""
        return _parts(value) if isinstance(value, str) else value

    def holds(self, value: float) -> bool:
        """Whether the comparison is true of ``value``, in the metric's base unit; the duration is not looked at."""
        if self.operator == ">":
            return value > self.limit
        if self.operator == ">=":
            return value >= self.limit
        return value < self.limit if self.operator == "<" else value <= self.limit

    def __str__(self) -> str:
        """The condition as it is written in a policy."""
        limit = _limit_text(METRICS[self.metric], self.metric, self.limit)
        lasting = "" if self.duration is None else f" for {DURATION.format(self.duration)}"
        return f"{self.metric} {self.operator} {limit}{lasting}"


def _parts(text: str) -> dict[str, Any]:
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise UnitError(
            f'"{text[:80]}" is not a condition; accepted: cpu_usage > 95% for 2 minutes, error_rate > 10%, '
            "read_queries_per_second > 500"
        )
    metric, operator, limit, duration = match.groups()
    quantity = METRICS.get(metric)
    if quantity is None:
        raise UnitError(f'"{metric}" is not a metric of conditions; there are {", ".join(METRICS)}')
    if quantity is RATE and limit.replace(",", "").isdigit():
        limit = f"{limit}/second"
    return {
        "metric": metric,
        "operator": operator,
        "limit": quantity.parse(limit),
        "duration": None if duration is None else DURATION.parse(duration),
    }


def _limit_text(quantity: Quantity, metric: str, limit: float) -> str:
    text = quantity.format(limit)
    return text.removesuffix("/second") if metric.endswith("_per_second") else text
