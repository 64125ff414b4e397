"""Services with recorded samples, and a host that has room, for the tests of scaling."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from selextract_infra.assess.calendar import Calendar
from selextract_infra.assess.hardware import read_hardware
from selextract_infra.assess.room import DatabaseSide, HostSize
from selextract_infra.assess.scaled_service import ScaledService
from selextract_infra.model.postgres import Pooling
from selextract_infra.model.scaling import ScalingDecision
from selextract_infra.operations.scaling.autoscaler import Autoscaler
from selextract_infra.policy import Policy, default_policy

GB = 1 << 30
INTERVAL = 15.0
WEDNESDAY = datetime(2025, 3, 5, 12, tzinfo=UTC).timestamp()
LARGE, GUIDE = "64c/256GB/1TB/1Gbps", "8c/32GB/1TB/1Gbps"
POOLED = DatabaseSide(pooling=Pooling.POOLED)
_LIMITS = {"api": (2.0, 2 * GB), "worker": (2.0, 3 * GB), "database": (2.0, 2 * GB)}
CALM: dict[str, dict[str, float]] = {
    "api": {"cpu_usage": 0.2, "memory_usage": 0.5, "response_time_p95": 0.3, "requests_per_second": 60},
    "worker": {"cpu_usage": 0.2, "memory_usage": 0.5, "pending_tasks": 4},
    "database": {"read_queries_per_second": 100},
}


def service(role: str = "api", count: int = 2, **values: Any) -> ScaledService:
    """A service of that role without samples, with the guide's limits."""
    cpus, memory = _LIMITS[role]
    return ScaledService(role, role, count, "app1", cpus=cpus, memory=float(memory), interval=INTERVAL, **values)


def feed(
    one: ScaledService, seconds: float = 1800, *, until: float = WEDNESDAY, without: Any = "", **metrics: float
) -> ScaledService:
    """Calm samples up to ``until``, with other values for some metrics."""
    for metric, value in (CALM[one.role] | metrics).items():
        if metric != without:
            for step in range(int(seconds / INTERVAL) - 1, -1, -1):
                one.record(metric, until - step * INTERVAL, value)
    return one


def autoscaler(policy: Policy | None = None, host: str = LARGE, **options: Any) -> Autoscaler:
    """The autoscaler of a policy for one host with the guide's other containers on it, behind a pooler."""
    policy = policy or default_policy()
    calendar = options.pop("calendar", None) or Calendar.of(policy, zone=ZoneInfo("UTC"))
    options.setdefault("database", POOLED)
    return Autoscaler(policy, [HostSize.of_hardware("app1", read_hardware(host), policy)], calendar, **options)


def decided(one: ScaledService, at: float = WEDNESDAY, **options: Any) -> ScalingDecision:
    """The Decision about a single service."""
    return autoscaler(**options).decide([one], at)[0]
