"""The operations by name, each loaded when it is asked for: a new one is a folder and a line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from selextract_infra.errors import UsageError

if TYPE_CHECKING:
    from selextract_infra.flow.operation import AnyOperation
    from selextract_infra.model.plan import Plan

__all__ = ["completed", "known_operation", "operation_named", "operation_names"]

# By dotted name: the flow carries every operation out and imports none.
_FOLDER = "selextract_infra.operations"
_HOMES = {
    "balancer": "balancer.operation:BALANCER",
    "emergency": "emergency.operation:EMERGENCY",
    "pgbouncer": "pgbouncer.operation:PGBOUNCER",
    "replicas": "replicas.operation:REPLICAS",
    "restart postgres": "replicas.operation_restart:RESTART_POSTGRES",
    "rightsize": "rightsize.operation:RIGHTSIZE",
    "scale": "scaling.operation:SCALE",
    "tune postgres": "tune.operation_postgres:TUNE_POSTGRES",
    "tune workers": "tune.operation_workers:TUNE_WORKERS",
    "upgrade": "upgrade.operation:UPGRADE",
}


def operation_names() -> tuple[str, ...]:
    """The names of all operations."""
    return tuple(_HOMES)


def known_operation(name: str) -> AnyOperation | None:
    """The operation of that name, None for an unknown one."""
    home = _HOMES.get(name)
    if home is None:
        return None
    module, _, constant = home.partition(":")
    operation: AnyOperation = getattr(importlib.import_module(f"{_FOLDER}.{module}"), constant)
    return operation


def operation_named(name: str) -> AnyOperation:
    """The operation of that name. Raises ``UsageError`` for an unknown one."""
    operation = known_operation(name)
    if operation is None:
        raise UsageError(f"There is no operation {name}; there are {', '.join(sorted(_HOMES))}.")
    return operation


def completed(plan: Plan) -> Plan:
    """A Plan that was read from somewhere, with what version 0.1 did not write."""
    operation = known_operation(plan.operation)
    return operation.completed(plan) if operation and operation.completed else plan
