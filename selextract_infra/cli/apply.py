"""``apply``: exactly the saved plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from selextract_infra.cli.options import (
    DEFAULT_INVENTORY,
    FormatOption,
    InventoryOption,
    LimitOption,
    NowOption,
    PolicyOption,
    StateOption,
    YesOption,
)
from selextract_infra.cli.output import Format

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def apply(
        plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan saved with --out.")],
        inventory: InventoryOption = DEFAULT_INVENTORY,
        limit: LimitOption = None,
        policy: PolicyOption = None,
        state: StateOption = None,
        yes: YesOption = False,
        now: NowOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Carry a saved plan out; refused when the policy or the hosts changed since."""
        from selextract_infra.cli.applying import offer
        from selextract_infra.cli.cancelling import cancellable
        from selextract_infra.operations.fleet import Fleet
        from selextract_infra.operations.saved import load_plan

        with (
            cancellable() as cancel,
            Fleet(inventory, limit=limit, policy_files=policy or (), state=state, cancel=cancel) as fleet,
        ):
            plan = load_plan(plan_file, fleet.policy)
            offer(fleet, plan, form=form, apply=True, yes=yes, now_reason=now)
