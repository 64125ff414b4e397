"""What a host is asked for when it is looked at, as the application mapping says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from selextract_infra.decide.tune_postgres_parameters import PARAMETERS

if TYPE_CHECKING:
    from selextract_infra.policy import Policy
    from selextract_infra.policy.chapters.rules import ServiceEnvironment

__all__ = ["wanted_of_hosts"]

_COUNTS = (
    "concurrency", "prefetch", "browsers", "task_memory", "visibility_timeout", "max_requests", "max_requests_jitter",
)  # fmt: skip
"""What the mapping names variables for, without the DSN, which holds a secret."""


def wanted_of_hosts(policy: Policy) -> dict[str, Any]:
    """The options of the module ``observe_host`` that follow from the policy; nothing where nothing is mapped."""
    mapped = policy.application
    if not mapped.project:
        return {"projects": [], "databases": [], "postgres_settings": [], "numbers": {}}
    databases = mapped.services_of("database")
    numbers = {name: _numbers(service.environment) for name, service in mapped.services.items()}
    return {
        "projects": [{"name": mapped.project, **({"directory": mapped.directory} if mapped.directory else {})}],
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
    }


def _numbers(environment: ServiceEnvironment) -> list[str]:
    return sorted(variable for name in _COUNTS if (variable := getattr(environment, name)))
