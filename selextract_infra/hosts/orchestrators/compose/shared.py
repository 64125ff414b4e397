"""Acts that several steps end with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.model.act import PlannedAct

__all__ = ["prove", "write_capacity"]


def write_capacity(values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """Write the capacity file, where the step has one to write."""
    capacity = values.get("capacity")
    if capacity is None:
        return ()
    wanted = {"project": values["project"], "directory": values["directory"], "services": capacity["services"]}
    return (PlannedAct(name="capacity_file", title="Write the capacity file", values=wanted),)


def prove(values: Mapping[str, Any], services: Mapping[str, Any], **more: Any) -> PlannedAct:
    """Wait until these services have what is asked for and serve; ``services`` has the limits of each.

    Values that Plans of version 0.1 do not have are what held then.
    """
    return PlannedAct(
        name="health_gate",
        title="Check that the services answer",
        values={
            "project": values["project"],
            "services": services,
            "urls": values["health"],
            "answering": values.get("answering", []),
            "bound_seconds": values["gate_seconds"],
            "settling_seconds": values.get("settling_seconds", 0),
            **more,
        },
    )
