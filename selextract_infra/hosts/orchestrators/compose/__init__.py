"""Steps where Docker Compose keeps the instances running: by the name of the step's playbook, its acts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from selextract_infra.hosts.orchestrators.compose.balancer import turn_balancer
from selextract_infra.hosts.orchestrators.compose.emergency import begin_emergency
from selextract_infra.hosts.orchestrators.compose.instances import carry, scale
from selextract_infra.hosts.orchestrators.compose.limits import set_limits
from selextract_infra.hosts.orchestrators.compose.pgbouncer import pool_connections
from selextract_infra.hosts.orchestrators.compose.postgres import restart_primary, tune_postgres
from selextract_infra.model.act import PlannedAct

__all__ = ["CARRIED"]

CARRIED: Mapping[str, Callable[[Mapping[str, Any]], tuple[PlannedAct, ...]]] = {
    "balancer": turn_balancer,
    "carry": carry,
    "emergency": begin_emergency,
    "pgbouncer": pool_connections,
    "restart_postgres": restart_primary,
    "rightsize": set_limits,
    "scale": scale,
    "settle": carry,
    "tune_postgres": tune_postgres,
    "tune_workers": carry,
}
