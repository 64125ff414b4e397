"""PlannedAct: one thing that a host does for a step, as data; PlannedPart: what one of several hosts does."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from selextract_infra.model.base import Frozen

__all__ = ["PlannedAct", "PlannedPart"]


class PlannedAct(Frozen):
    """``name`` is that of an act of the host's registry, ``values`` its options, ``title`` what it is for."""

    name: str
    title: str
    values: dict[str, Any] = Field(default_factory=dict)


class PlannedPart(Frozen):
    """The acts of one host; ``receives`` names, by act, the options that earlier parts of other hosts hand over."""

    host: str
    acts: tuple[PlannedAct, ...]
    receives: dict[str, tuple[str, ...]] = Field(default_factory=dict)
