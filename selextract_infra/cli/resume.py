"""``resume``: go on with an interrupted run."""

from __future__ import annotations

import typer

from selextract_infra.cli.options import (
    DEFAULT_INVENTORY,
    FormatOption,
    InventoryOption,
    LimitOption,
    NowOption,
    PolicyOption,
    RunArgument,
    StateOption,
)
from selextract_infra.cli.output import Format

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def resume(
        run: RunArgument,
        inventory: InventoryOption = DEFAULT_INVENTORY,
        limit: LimitOption = None,
        policy: PolicyOption = None,
        state: StateOption = None,
        now: NowOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Finish an interrupted run: what is verified is left, the rest is done."""
        from selextract_infra.cli.applying import conclude, follow
        from selextract_infra.cli.cancelling import cancellable
        from selextract_infra.operations.fleet import Fleet
        from selextract_infra.operations.unfinished import resume

        with (
            cancellable() as cancel,
            Fleet(inventory, limit=limit, policy_files=policy or (), state=state, cancel=cancel) as fleet,
        ):
            conclude(follow(fleet, lambda: resume(fleet, run, now_reason=now), None), form)
