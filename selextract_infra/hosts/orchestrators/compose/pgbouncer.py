"""PgBouncer before the database of a project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.model.act import PlannedAct

__all__ = ["pool_connections"]


def pool_connections(values: Mapping[str, Any]) -> tuple[PlannedAct, ...]:
    """Put PgBouncer up, change it, or take it away; it proves itself by queries."""
    return (
        PlannedAct(
            name="pgbouncer",
            title="Change PgBouncer",
            values={
                "project": values["project"],
                "state": values["state"],
                "wanted": values.get("wanted"),
                "replace": values["replace"],
                "bound_seconds": values["bound_seconds"],
            },
        ),
    )
