"""Limits in place, and the capacity file that says them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.hosts.orchestrators.compose.shared import prove, write_capacity
from selextract_infra.model.act import PlannedAct

__all__ = ["set_limits"]


def set_limits(values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """Change limits of running containers, write them down, and prove that all still serve."""
    limits = PlannedAct(
        name="container_limits",
        title="Set limits in place",
        values={
            "project": values["project"],
            "services": values["services"],
            "recreated": values.get("recreated", {}),
            "shrink_margin": values["shrink_margin"],
        },
    )
    return (limits, *write_capacity(values), prove(values, values["services"]))
