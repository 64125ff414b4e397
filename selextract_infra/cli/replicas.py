"""``replicas``: how many read replicas there are, and how they are."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.options import (
    DEFAULT_INVENTORY,
    ApplyOption,
    FailOnOption,
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

    @app.command()
    def replicas(
        inventory: InventoryOption = DEFAULT_INVENTORY,
        policy: PolicyOption = None,
        state: StateOption = None,
        count: Annotated[int | None, typer.Option("--count", help="How many there are to be.")] = None,
        on: Annotated[list[str] | None, typer.Option("--on", help="Hosts to choose from first.")] = None,
        again: Annotated[list[str] | None, typer.Option("--again", help="Clone this host's replica anew.")] = None,
        out: OutOption = None,
        apply: ApplyOption = False,
        yes: YesOption = False,
        now: NowOption = None,
        fail_on: FailOnOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Show the read replicas and what is wrong with them; --count N plans so many, --apply makes them."""
        from selextract_infra.cli.applying import offer
        from selextract_infra.cli.cancelling import cancellable
        from selextract_infra.cli.output import emit
        from selextract_infra.operations.fleet import Fleet
        from selextract_infra.operations.replicas import plan_replicas, see_replicas
        from selextract_infra.report.replication import print_replication

        with (
            cancellable() as cancel,
            Fleet(inventory, policy_files=policy or (), state=state, cancel=cancel) as fleet,
        ):
            if count is None and not again and not apply:
                seen = see_replicas(fleet)
                emit(seen, lambda screen: print_replication(screen, seen), form)
                return
            plan = plan_replicas(fleet, count=count, on=on or (), again=again or (), to_apply=apply)
            offer(fleet, plan, form=form, out=out, apply=apply, yes=yes, now_reason=now, fail_on=fail_on)
