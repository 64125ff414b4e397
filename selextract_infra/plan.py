"""Plans, one function per operation: ``plan.rightsize(observation, policy, service="api")``. Pure.

Every operation of the registry is here by its name, with an underscore for each space: ``tune_postgres``. What it can
be asked are the fields of its request, as keywords or in their order. An operation that reads more than an Observation
is given that as ``look``.
"""

from __future__ import annotations

import importlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selextract_infra.errors import UsageError
from selextract_infra.flow.planning import plan_from, request_for
from selextract_infra.flow.registry import operation_named, operation_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from selextract_infra.flow.operation import Operation
    from selextract_infra.model.observation import Observation
    from selextract_infra.model.plan import Plan
    from selextract_infra.policy import Policy

importlib.import_module("selextract_infra.report.plan")  # makes print(plan) readable, however this module was reached


def __getattr__(name: str) -> Callable[..., Plan]:
    """The function that plans the operation of that name."""
    named = {operation.replace(" ", "_"): operation for operation in operation_names()}
    if name not in named:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _planner(operation_named(named[name]))


def __dir__() -> list[str]:
    return sorted(operation.replace(" ", "_") for operation in operation_names())


def _planner(operation: Operation) -> Callable[..., Plan]:
    def plan(
        observation: Observation,
        policy: Policy,
        *values: Any,
        at: datetime | None = None,
        made_by: str = "",
        look: Any = None,
        **named: Any,
    ) -> Plan:
        if operation.look is not None and look is None:
            raise UsageError(f"To plan {operation.noun}, what it looks at itself is needed.", remedy="give it as look")
        asked = dict(zip(operation.request.model_fields, values, strict=False)) | named
        request = request_for(operation, asked)
        return plan_from(operation, observation, request, policy, look=look, at=at, made_by=made_by)

    plan.__name__ = operation.name.replace(" ", "_")
    plan.__doc__ = f"{operation.summary} Pure; raises as the operation does."
    return plan
