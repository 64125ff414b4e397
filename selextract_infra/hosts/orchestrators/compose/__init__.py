"""Steps where Docker Compose keeps the instances running: by the name of the step's playbook, its acts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from selextract_infra.hosts.orchestrators.compose.instances import scale, settle, tune_workers
from selextract_infra.hosts.orchestrators.compose.limits import set_limits
from selextract_infra.hosts.orchestrators.compose.postgres import restart_primary, tune_postgres
from selextract_infra.model.act import PlannedAct

__all__ = ["CARRIED"]

CARRIED: Mapping[str, Callable[[Mapping[str, Any]], tuple[PlannedAct, ...]]] = {
    "rightsize": set_limits,
    "settle": settle,
    "scale": scale,
    "tune_workers": tune_workers,
    "tune_postgres": tune_postgres,
    "restart_postgres": restart_primary,
}
