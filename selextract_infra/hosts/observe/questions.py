"""What a host is asked for when it is looked at, as the application mapping says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from selextract_infra.assess.postgres.parameters import PARAMETERS
from selextract_infra.hosts.orchestrators import ORCHESTRATOR

if TYPE_CHECKING:
    from selextract_infra.policy import Policy
    from selextract_infra.policy.schema.rules import ApplicationService, ServiceEnvironment

__all__ = ["wanted_of_hosts"]

_COUNTS = (
    "concurrency", "prefetch", "browsers", "task_memory", "visibility_timeout", "max_requests", "max_requests_jitter",
)  # fmt: skip
"""What the mapping names variables for, without the DSN, which holds a secret."""


def wanted_of_hosts(policy: Policy) -> dict[str, Any]:
    """The options of the module ``observe_host`` that follow from the policy; nothing where nothing is mapped."""
    mapped = policy.application
    if not mapped.project:
        return {"projects": [], "databases": [], "postgres_settings": [], "numbers": {}, "services": {}, "traffic": {}}
    databases = mapped.services_of("database")
    roles = {service.role for service in mapped.services.values()}
    numbers = {name: _numbers(service.environment) for name, service in mapped.services.items()}
    return {
        "projects": [ORCHESTRATOR.look(mapped.project, mapped.directory)],
        "databases": [
            {
                "project": mapped.project,
                "service": name,
                "superuser": service.postgres.superuser,
                "socket": service.postgres.socket,
            }
            for name, service in databases.items()
        ],
        "postgres_settings": sorted(PARAMETERS) if databases else [],
        "numbers": {name: variables for name, variables in numbers.items() if variables},
        "services": {role: sorted(mapped.services_of(role)) for role in sorted(roles)},
        "traffic": _traffic(policy, mapped.project),
    }


def _traffic(policy: Policy, project: str) -> dict[str, Any]:
    """The windows of the guide's thresholds, and where Nginx and the broker are."""
    mapped, alerts = policy.application, policy.monitoring.application
    windows = {alerts.response_time.window, alerts.error_rate.window, alerts.throughput.window}
    wanted: dict[str, Any] = {"project": project, "windows": sorted(seconds for seconds in windows if seconds)}
    nginx, api = (next(iter(mapped.services_of(role)), None) for role in ("nginx", "api"))
    if nginx and mapped.edge.nginx_include:
        wanted["nginx"] = {"project": project, "service": nginx, "folder": mapped.edge.nginx_include, "api": api}
    broker = next(iter(mapped.services_of("redis")), None)
    if broker:
        tasks = [_tasks(name, service) for name, service in mapped.services_of("worker").items()]
        wanted["redis"] = {"project": project, "service": broker, "tasks": tasks}
    return wanted


def _tasks(name: str, service: ApplicationService) -> dict[str, Any]:
    """Where the tasks of a worker service are, as far as the mapping says it."""
    where = {"database": service.broker.database, "prefix": service.broker.prefix}
    return {"service": name, "system": service.task_system, "queues": [*service.queues], **where}


def _numbers(environment: ServiceEnvironment) -> list[str]:
    return sorted(variable for name in _COUNTS if (variable := getattr(environment, name)))
