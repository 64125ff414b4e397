"""``restart``: servers, one after the other."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.options import (
    DEFAULT_INVENTORY,
    ApplyOption,
    FormatOption,
    InventoryOption,
    NowOption,
    OutOption,
    PolicyOption,
    StateOption,
    YesOption,
)
from selextract_infra.cli.output import Format

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(help="Restart servers one after the other, behind the poolers and balancers that there are.")

    @group.callback()
    def restart() -> None:
        pass

    @group.command()
    def postgres(
        inventory: InventoryOption = DEFAULT_INVENTORY,
        policy: PolicyOption = None,
        state: StateOption = None,
        everything: Annotated[
            bool, typer.Option("--all", help="Also those for which nothing waits for a restart.")
        ] = False,
        out: OutOption = None,
        apply: ApplyOption = False,
        yes: YesOption = False,
        now: NowOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Restart the Postgres servers whose settings wait for it: the most lagged replica first, the primary last."""
        from selextract_infra.cli.applying import offer
        from selextract_infra.cli.cancelling import cancellable
        from selextract_infra.operations.fleet import Fleet
        from selextract_infra.operations.restart_postgres import plan_restart_postgres

        with (
            cancellable() as cancel,
            Fleet(inventory, policy_files=policy or (), state=state, cancel=cancel) as fleet,
        ):
            plan = plan_restart_postgres(fleet, everything=everything, to_apply=apply)
            offer(fleet, plan, form=form, out=out, apply=apply, yes=yes, now_reason=now)

    app.add_typer(group, name="restart")
