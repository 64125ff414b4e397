"""``pgbouncer``: on, off, and how it stands."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, FormatOption, OverrideOption, PlanOptions, with_options
from selextract_infra.cli.frame.output import Format, emit

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command ``pgbouncer``."""
    pooler = typer.Typer(help="Pool the connections between the app and its database.", no_args_is_help=True)
    for command in (on, off, status):
        pooler.command()(with_options(command))
    app.add_typer(pooler, name="pgbouncer")


def on(
    *,
    hosts: FleetOptions,
    restart: Annotated[
        bool, typer.Option("--restart", help="Replace PgBouncer's process by a new one; nobody is disconnected.")
    ] = False,
    override: OverrideOption = None,
    options: PlanOptions,
    form: FormatOption = Format.TABLE,
) -> None:
    """Put PgBouncer up, or give it its present settings, and lead the app through it; --apply does it."""
    from selextract_infra.operations.pgbouncer.operation import plan_pgbouncer_on

    with hosts.fleet() as fleet:
        plan = plan_pgbouncer_on(fleet, replace=restart, overrides=override or (), to_apply=options.apply)
        options.offer(fleet, plan, form)


def off(
    *,
    hosts: FleetOptions,
    override: OverrideOption = None,
    options: PlanOptions,
    form: FormatOption = Format.TABLE,
) -> None:
    """Lead the app back to its database, then take PgBouncer away; --apply does it."""
    from selextract_infra.operations.pgbouncer.operation import plan_pgbouncer_off

    with hosts.fleet() as fleet:
        plan = plan_pgbouncer_off(fleet, overrides=override or (), to_apply=options.apply)
        options.offer(fleet, plan, form)


def status(
    *,
    hosts: FleetOptions,
    form: FormatOption = Format.TABLE,
) -> None:
    """Its pools, which clients wait and for how long, and whose transactions are open."""
    from selextract_infra.errors import HostError
    from selextract_infra.operations.pgbouncer.operation import pooler_status
    from selextract_infra.operations.pgbouncer.show import show_pooler

    with hosts.fleet() as fleet:
        seen = pooler_status(fleet)
    emit(seen, show_pooler(seen), form)
    if seen.unreachable:
        raise typer.Exit(HostError.exit_code)
