"""``replicas``: how many read replicas there are, and how they are."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, PlanOptions, WholeFleetOptions, with_options
from selextract_infra.cli.frame.output import Format

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def replicas(
        *,
        hosts: WholeFleetOptions,
        count: Annotated[int | None, typer.Option("--count", help="How many there are to be.")] = None,
        on: Annotated[list[str] | None, typer.Option("--on", help="Hosts to choose from first.")] = None,
        again: Annotated[list[str] | None, typer.Option("--again", help="Clone this host's replica anew.")] = None,
        options: PlanOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Show the read replicas and what is wrong with them; --count N plans so many, --apply makes them."""
        from selextract_infra.cli.frame.output import emit
        from selextract_infra.operations.replicas.operation import plan_replicas, see_replicas
        from selextract_infra.operations.replicas.show import show_replication

        with hosts.fleet() as fleet:
            if count is None and not again and not options.apply:
                seen = see_replicas(fleet)
                emit(seen, show_replication(seen), form)
                return
            plan = plan_replicas(fleet, count=count, on=on or (), again=again or (), to_apply=options.apply)
            options.offer(fleet, plan, form)
