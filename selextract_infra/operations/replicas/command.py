"""``replicas`` without a wish: how they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.operations.replicas.observe import look_at_replication
from selextract_infra.operations.replicas.show import show_replication

if TYPE_CHECKING:
    from selextract_infra.flow.context import Context

__all__ = ["status"]


def status(context: Context, form: Format) -> None:
    """The read replicas and what is wrong with them."""
    replication = look_at_replication(context)
    emit(replication, show_replication(replication), form)
