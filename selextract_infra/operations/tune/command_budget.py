"""``budget``: the arithmetic of connections to Postgres."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, OverrideOption, PolicyOption
from selextract_infra.cli.frame.output import Format, emit
from selextract_infra.cli.frame.planning import PlainInventoryOption
from selextract_infra.model.postgres import Pooling

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command ``budget``."""
    budget = typer.Typer(help="What is there and what all instances together want of it.", no_args_is_help=True)
    budget.command()(connections)
    app.add_typer(budget, name="budget")


def connections(
    api: Annotated[int, typer.Option("--api", help="API instances.")],
    workers: Annotated[int, typer.Option("--workers", help="Worker instances.")],
    pooled: Annotated[
        bool, typer.Option("--pooled/--direct", help="With a pooler in between, or each client by itself.")
    ] = False,
    surge: Annotated[
        int | None,
        typer.Option("--surge", help="More instances of one service while it is replaced; default: 1, as in scale."),
    ] = None,
    per_process: Annotated[
        bool, typer.Option("--per-process", help="Each process of an API instance has a pool of its own.")
    ] = False,
    max_connections: Annotated[
        int | None, typer.Option("--max-connections", help="Postgres' max_connections; default: the guide's.")
    ] = None,
    poolers: Annotated[int, typer.Option("--poolers", help="Pooler processes.")] = 1,
    databases: Annotated[int, typer.Option("--databases", help="Databases that each pooler serves, with aliases.")] = 1,
    override: OverrideOption = None,
    inventory: PlainInventoryOption = None,
    policy: PolicyOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Whether all connections fit into Postgres; exit 3 where they do not."""
    from selextract_infra.assess.pooling import SURGE, Clients, plan_connections, refuse_overdrawn
    from selextract_infra.cli.frame.planning import policy_of
    from selextract_infra.operations.tune.show import show_connection_plan

    surge = SURGE if surge is None else surge
    plan = plan_connections(
        Clients(
            api,
            workers,
            surge=surge,
            per_process=per_process,
            poolers=poolers,
            databases=databases,
        ),
        policy_of(inventory, policy),
        pooling=Pooling.POOLED if pooled else Pooling.DIRECT,
        maximum=max_connections,
    )
    emit(plan, show_connection_plan(plan), form)
    refuse_overdrawn(plan, override or ())
