"""``unlock``: a lock that no unfinished run owns."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.options import DEFAULT_INVENTORY, InventoryOption, LimitOption, PolicyOption, StateOption
from selextract_infra.cli.output import say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def unlock(
        reason: Annotated[str, typer.Option("--reason", help="Why; recorded.")],
        inventory: InventoryOption = DEFAULT_INVENTORY,
        limit: LimitOption = None,
        policy: PolicyOption = None,
        state: StateOption = None,
    ) -> None:
        """Remove locks that belong to no unfinished run; an unfinished run is resumed or rolled back instead."""
        from selextract_infra.operations.fleet import Fleet
        from selextract_infra.operations.single_playbook import unlock as carry_out

        with Fleet(inventory, limit=limit, policy_files=policy or (), state=state) as fleet:
            changed = carry_out(fleet, reason=reason)
        say(f"Unlocked: {', '.join(changed) or 'nothing was locked'}.")
