"""The beginning of an emergency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.model.act import PlannedAct

__all__ = ["begin_emergency"]


def begin_emergency(values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """All of it as one act: seconds count, and what belongs together is done at once."""
    capacity = values["capacity"]
    wanted = {
        "project": values["project"],
        "directory": values["directory"],
        "counts": values["counts"],
        "services": values["services"],
        "capacity": capacity["services"] if capacity else None,
        "urls": values["health"],
        "bound_seconds": values["gate_seconds"],
        "drain_seconds": values["drain_seconds"],
        "switches": values["switches"],
        "edge_folder": values["edge_folder"] or None,
        "expires_at": values["expires_at"],
        "about": values["about"],
    }
    return (PlannedAct(name="emergency_begin", title="Begin the emergency", values=wanted),)
