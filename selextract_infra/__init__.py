"""Capacity guide as a program: observe, assess, decide, plan, apply, record.

The public API and nothing else. Names are imported when first used, so that ``selextract-infra --help`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selextract_infra import errors, plan
    from selextract_infra.flow.circuit_breaker import CircuitBreaker
    from selextract_infra.flow.fleet import Fleet
    from selextract_infra.model.decision import Decision
    from selextract_infra.model.finding import Finding, Severity
    from selextract_infra.model.observation import Observation
    from selextract_infra.model.plan import Plan
    from selextract_infra.model.run import Run
    from selextract_infra.policy import Policy, default_policy, load_policy

__version__ = "0.1.0"

__all__ = [
    "CircuitBreaker",
    "Decision",
    "Finding",
    "Fleet",
    "Observation",
    "Plan",
    "Policy",
    "Run",
    "Severity",
    "__version__",
    "default_policy",
    "errors",
    "load_policy",
    "plan",
]

_HOME = {
    "CircuitBreaker": "flow.circuit_breaker",
    "Decision": "model.decision",
    "Finding": "model.finding",
    "Fleet": "flow.fleet",
    "Observation": "model.observation",
    "Plan": "model.plan",
    "Policy": "policy",
    "Run": "model.run",
    "Severity": "model.finding",
    "default_policy": "policy",
    "load_policy": "policy",
}


_GIVES_PLANS = ("Fleet", "Plan")


def __getattr__(name: str) -> Any:
    if name in _GIVES_PLANS:  # importing it makes print(plan) readable
        importlib.import_module(f"{__name__}.report.plan")
    if name in ("errors", "plan"):
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
