"""``restart``: servers, one after the other."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, PlanOptions, WholeFleetOptions, with_options
from selextract_infra.cli.frame.output import Format

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(help="Restart servers one after the other, behind the poolers and balancers that there are.")

    @group.callback()
    def restart() -> None:
        pass

    @group.command()
    @with_options
    def postgres(
        *,
        hosts: WholeFleetOptions,
        everything: Annotated[
            bool, typer.Option("--all", help="Also those for which nothing waits for a restart.")
        ] = False,
        options: PlanOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Restart the Postgres servers whose settings wait for it: the most lagged replica first, the primary last."""
        from selextract_infra.cli.frame.applying import offer
        from selextract_infra.flow.planning import plan_operation
        from selextract_infra.operations.replicas.operation_restart import RESTART_POSTGRES
        from selextract_infra.operations.replicas.plan_restart import RestartRequest

        with hosts.context() as context:
            request = RestartRequest(everything=everything)
            plan = plan_operation(context, RESTART_POSTGRES, request, to_apply=options.apply)
            offer(context, plan, options, form)

    app.add_typer(group, name="restart")
