"""``freeze`` and ``unfreeze``: automatic scaling stops, durably, or may go on."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, with_options
from selextract_infra.cli.frame.output import say

__all__ = ["register"]

_ReasonOption = Annotated[str, typer.Option("--reason", help="Why; recorded, and shown by status.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    @with_options
    def freeze(
        *,
        reason: _ReasonOption,
        hosts: FleetOptions,
    ) -> None:
        """Stop automatic scaling on the hosts until unfreeze; survives reboots, and is no lock."""
        from selextract_infra.flow.single_playbook import freeze as carry_out

        with hosts.context() as context:
            changed = carry_out(context, frozen=True, reason=reason)
        say(f"Frozen: {', '.join(changed) or 'all were frozen already'}.")

    @app.command()
    @with_options
    def unfreeze(
        *,
        reason: _ReasonOption = "unfreeze by hand",
        hosts: FleetOptions,
    ) -> None:
        """Allow automatic scaling on the hosts again."""
        from selextract_infra.flow.single_playbook import freeze as carry_out

        with hosts.context() as context:
            changed = carry_out(context, frozen=False, reason=reason)
        say(f"Scaling is allowed again: {', '.join(changed) or 'none was frozen'}.")
