"""A Postgres server: its settings, and its restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.hosts.orchestrators import Orchestrator
from selextract_infra.hosts.orchestrators.orchestrator import PlannedAct

__all__ = ["restart_primary", "tune_postgres"]

_SERVER = ("project", "service", "superuser", "socket")


def tune_postgres(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    """Put settings into force by a reload or a restart, and prove that all still serve."""
    settings = PlannedAct(
        name="postgres_settings",
        title="Put the settings into force",
        values={
            **{key: values[key] for key in _SERVER if values.get(key)},
            **{key: values[key] for key in ("text", "settings", "memory", "restart")},
            "bound_seconds": values["gate_seconds"],
        },
    )
    return (settings, orchestrator.health(values, {values["service"]: {}}))


def restart_primary(values: Mapping[str, Any], orchestrator: Orchestrator) -> tuple[PlannedAct, ...]:
    """Restart the primary behind a pause of PgBouncer where there is one, and prove that all still serve."""
    server = values["server"]
    restart = PlannedAct(
        name="postgres_restart",
        title="Restart the server",
        values={
            **{key: server[key] for key in _SERVER if server.get(key)},
            "pooled_project": server["project"],
            "bound_seconds": values["gate_seconds"],
        },
    )
    return (restart, orchestrator.health({**values, "project": server["project"]}, {server["service"]: {}}))
