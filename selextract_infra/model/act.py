"""PlannedAct: one thing that a host does for a step, as data."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from selextract_infra.model.base import Frozen

__all__ = ["PlannedAct"]


class PlannedAct(Frozen):
    """``name`` is that of an act of the host's registry, ``values`` its options, ``title`` what it is for."""

    name: str
    title: str
    values: dict[str, Any] = Field(default_factory=dict)
