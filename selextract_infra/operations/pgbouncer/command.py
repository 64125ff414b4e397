"""``pgbouncer``: on, off, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, FormatOption, OverrideOption, PlanOptions, with_options
from selextract_infra.cli.frame.output import Format, emit

if TYPE_CHECKING:
    from selextract_infra.operations.pgbouncer.plan import PgbouncerRequest

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
    from selextract_infra.operations.pgbouncer.plan import PgbouncerRequest

    _plan(hosts, PgbouncerRequest(switch="on", replace=restart, overrides=tuple(override or ())), options, form)


def off(
    *,
    hosts: FleetOptions,
    override: OverrideOption = None,
    options: PlanOptions,
    form: FormatOption = Format.TABLE,
) -> None:
    """Lead the app back to its database, then take PgBouncer away; --apply does it."""
    from selextract_infra.operations.pgbouncer.plan import PgbouncerRequest

    _plan(hosts, PgbouncerRequest(switch="off", overrides=tuple(override or ())), options, form)


def _plan(hosts: FleetOptions, request: PgbouncerRequest, options: PlanOptions, form: Format) -> None:
    from selextract_infra.cli.frame.applying import offer
    from selextract_infra.flow.planning import plan_operation
    from selextract_infra.operations.pgbouncer.operation import PGBOUNCER

    with hosts.context() as context:
        offer(context, plan_operation(context, PGBOUNCER, request, to_apply=options.apply), options, form)


def status(
    *,
    hosts: FleetOptions,
    form: FormatOption = Format.TABLE,
) -> None:
    """Its pools, which clients wait and for how long, and whose transactions are open."""
    from selextract_infra.errors import HostError
    from selextract_infra.operations.pgbouncer.operation import pooler_status
    from selextract_infra.operations.pgbouncer.show import show_pooler

    with hosts.context() as context:
        seen = pooler_status(context)
    emit(seen, show_pooler(seen), form)
    if seen.unreachable:
        raise typer.Exit(HostError.exit_code)
