"""The operations and their manifests by name, each loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.errors import UsageError
from selextract_infra.flow.registered import OPERATIONS, loaded

if TYPE_CHECKING:
    from selextract_infra.flow.manifest import AnyManifest
    from selextract_infra.flow.operation import AnyOperation
    from selextract_infra.model.plan import Plan

__all__ = ["completed", "known_operation", "manifest_named", "operation_named", "operation_names"]


def operation_names() -> tuple[str, ...]:
    """The names of all operations."""
    return tuple(OPERATIONS)


def known_operation(name: str) -> AnyOperation | None:
    """The operation of that name, None for an unknown one."""
    if name not in OPERATIONS:
        return None
    operation: AnyOperation = loaded(OPERATIONS[name].home)
    return operation


def manifest_named(name: str) -> AnyManifest:
    """What the operation of that name, a known one, says of itself; its work is not loaded."""
    manifest: AnyManifest = loaded(OPERATIONS[name].manifest)
    return manifest


def operation_named(name: str) -> AnyOperation:
    """The operation of that name. Raises ``UsageError`` for an unknown one."""
    operation = known_operation(name)
    if operation is None:
        raise UsageError(f"There is no operation {name}; there are {', '.join(sorted(OPERATIONS))}.")
    return operation


def completed(plan: Plan) -> Plan:
    """A Plan that was read from somewhere, with what version 0.1 did not write."""
    operation = known_operation(plan.operation)
    return operation.completed(plan) if operation and operation.completed else plan
