"""``pgbouncer status``: how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.errors import HostError

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["status"]


def status(context: Context, form: Format) -> None:
    """Its pools, which clients wait and for how long, and whose transactions are open."""
    from selextract_infra.operations.pgbouncer.observe import pooler_status
    from selextract_infra.operations.pgbouncer.show import show_pooler

    poolers = pooler_status(context)
    emit(poolers, show_pooler(poolers), form)
    if poolers.unreachable:
        raise typer.Exit(HostError.exit_code)
