"""The operations by name, each put together when it is asked for."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from selextract_infra.errors import UsageError
from selextract_infra.flow.catalogue import OPERATIONS, home, loaded
from selextract_infra.flow.manifest import manifest_named
from selextract_infra.flow.operation import Acts, Operation

if TYPE_CHECKING:
    from selextract_infra.flow.draft import AnyPlanner
    from selextract_infra.model.plan import Plan

__all__ = ["completed", "known_operation", "operation_named", "operation_names"]


def operation_names() -> tuple[str, ...]:
    """The names of all operations."""
    return tuple(OPERATIONS)


@functools.cache
def known_operation(name: str) -> Operation | None:
    """The operation of that name, None for an unknown one. Its planner is ``PLANNER`` in the ``plan`` beside it."""
    if name not in OPERATIONS:
        return None
    manifest = manifest_named(name)
    planner: AnyPlanner = loaded(f"{home(name).replace('.operation', '.plan')}:PLANNER")
    acts: Acts = loaded(manifest.acts) if manifest.acts else Acts()
    return Operation(**vars(manifest), **vars(planner), **vars(acts))


def operation_named(name: str) -> Operation:
    """The operation of that name. Raises ``UsageError`` for an unknown one."""
    operation = known_operation(name)
    if operation is None:
        raise UsageError(f"There is no operation {name}; there are {', '.join(sorted(OPERATIONS))}.")
    return operation


def completed(plan: Plan) -> Plan:
    """A Plan that was read from somewhere, with what version 0.1 did not write."""
    operation = known_operation(plan.operation)
    return operation.completed(plan) if operation and operation.completed else plan
