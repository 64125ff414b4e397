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
        from selextract_infra.cli.frame.applying import offer
        from selextract_infra.cli.frame.output import emit
        from selextract_infra.flow.planning import plan_operation
        from selextract_infra.operations.replicas.observe import look_at_replication
        from selextract_infra.operations.replicas.operation import REPLICAS
        from selextract_infra.operations.replicas.show import show_replication
        from selextract_infra.operations.replicas.steps import ReplicaRequest

        with hosts.context() as context:
            if count is None and not again and not options.apply:
                seen = look_at_replication(context)
                emit(seen, show_replication(seen), form)
                return
            request = ReplicaRequest(count=count, on=tuple(on or ()), again=tuple(again or ()))
            plan = plan_operation(context, REPLICAS, request, to_apply=options.apply)
            offer(context, plan, options, form)
