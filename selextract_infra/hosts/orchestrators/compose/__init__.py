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
from selextract_infra.hosts.orchestrators.compose.replicas import (
    balance_reads,
    make_replica,
    remove_replica,
    restart_replica,
)
from selextract_infra.hosts.orchestrators.compose.upgrade import LED, upgrade_host
from selextract_infra.model.act import PlannedAct, PlannedPart

__all__ = ["CARRIED", "IN_PARTS", "LED"]

CARRIED: Mapping[str, Callable[[Mapping[str, Any]], tuple[PlannedAct, ...]]] = {
    "balancer": turn_balancer,
    "carry": carry,
    "emergency": begin_emergency,
    "pgbouncer": pool_connections,
    "read_balancer": balance_reads,
    "restart_postgres": restart_primary,
    "rightsize": set_limits,
    "scale": scale,
    "settle": carry,
    "tune_postgres": tune_postgres,
    "tune_workers": carry,
    "upgrade": upgrade_host,
}

IN_PARTS: Mapping[str, Callable[[Mapping[str, Mapping[str, Any]]], tuple[PlannedPart, ...]]] = {
    "replica": make_replica,
    "replica_remove": remove_replica,
    "restart_postgres": restart_replica,
}
"""Steps of several hosts, by the values of each; a step that is carried out by one host alone is in ``CARRIED``."""
