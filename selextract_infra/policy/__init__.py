"""The guide as one typed policy: units, model, loading, checks, export.

Names are imported when first used: loading a policy is quick, and importing this package is quicker.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selextract_infra.policy.load import default_policy, load_policy
    from selextract_infra.policy.model import Policy, Provenance

__all__ = ["Policy", "Provenance", "default_policy", "load_policy"]

_HOME = {"Policy": "model", "Provenance": "model", "default_policy": "load", "load_policy": "load"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
