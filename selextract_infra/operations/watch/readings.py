"""The readings that start an emergency, as one Observation has them: raw, and of the last minute (X-43).

Of a service with several containers the highest counts, because one of them at its end is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from selextract_infra.assess.scaling_inputs import host_usage
from selextract_infra.assess.service import app_services
from selextract_infra.assess.tasks import pending_of, tasks_on
from selextract_infra.model.observation import HostObservation
from selextract_infra.model.traffic import TrafficWindow

if TYPE_CHECKING:
    from selextract_infra.policy import Policy

__all__ = ["readings_of"]

_WHOLE = 0.5  # the share of a window that the log must reach back


def readings_of(host: HostObservation, policy: Policy) -> Iterator[tuple[str, str, float]]:
    """Service (empty for the host), metric and value of everything that was measured; what was not is missing."""
    for metric, value in host_usage(host).items():
        yield "", metric, value
    for service in app_services(host, policy):
        for metric, resource in (("cpu_usage", "cpus"), ("memory_usage", "memory")):
            shares = [use / limit for use, limit in service.shares(resource, of_host=True)]
            if shares:
                yield service.name, metric, max(shares)
    yield from _of_traffic(host, policy)


def _of_traffic(host: HostObservation, policy: Policy) -> Iterator[tuple[str, str, float]]:
    balancer = host.traffic.balancer
    window = balancer.window(policy.monitoring.fast_window.value) if balancer and balancer.running else None
    if balancer is not None and window is not None:
        yield from _of_window(balancer.service, window)
    for tasks in tasks_on(host, policy):
        pending = pending_of(tasks, policy)
        if pending is not None:
            yield tasks.service, "pending_tasks", float(pending)
    if host.postgres is not None and host.postgres.problem is None:
        yield host.postgres.service, "database_connections", float(host.postgres.connections.open)


def _of_window(service: str, window: TrafficWindow) -> Iterator[tuple[str, str, float]]:
    """Where nothing was asked, nothing failed and nothing was slow."""
    if window.rate is None or window.covered < _WHOLE * window.seconds:
        return
    yield service, "requests_per_second", window.rate
    yield service, "error_rate", window.error_rate or 0.0
    yield service, "response_time_p95", window.p95 or 0.0
