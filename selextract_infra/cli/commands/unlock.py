"""``unlock``: a lock that no unfinished run owns."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, with_options
from selextract_infra.cli.frame.output import say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def unlock(
        *,
        reason: Annotated[str, typer.Option("--reason", help="Why; recorded.")],
        hosts: FleetOptions,
    ) -> None:
        """Remove locks that belong to no unfinished run; an unfinished run is resumed or rolled back instead."""
        from selextract_infra.flow.single_playbook import unlock as carry_out

        with hosts.context() as context:
            changed = carry_out(context, reason=reason)
        say(f"Unlocked: {', '.join(changed) or 'nothing was locked'}.")
