"""``pgbouncer``: on, off, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.options import (
    DEFAULT_INVENTORY,
    ApplyOption,
    FormatOption,
    InventoryOption,
    LimitOption,
    NowOption,
    OutOption,
    OverrideOption,
    PolicyOption,
    StateOption,
    YesOption,
)
from selextract_infra.cli.output import Format, emit

if TYPE_CHECKING:
    from rich.console import Console

    from selextract_infra.operations.pgbouncer import PoolerStatus

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command ``pgbouncer``."""
    pooler = typer.Typer(help="Pool the connections between the app and its database.", no_args_is_help=True)
    pooler.command()(on)
    pooler.command()(off)
    pooler.command()(status)
    app.add_typer(pooler, name="pgbouncer")


def on(
    inventory: InventoryOption = DEFAULT_INVENTORY,
    limit: LimitOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Replace PgBouncer's process by a new one; nobody is disconnected.")
    ] = False,
    override: OverrideOption = None,
    out: OutOption = None,
    apply: ApplyOption = False,
    yes: YesOption = False,
    now: NowOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Put PgBouncer up, or give it its present settings, and lead the app through it; --apply does it."""
    from selextract_infra.cli.applying import offer
    from selextract_infra.cli.cancelling import cancellable
    from selextract_infra.operations.fleet import Fleet
    from selextract_infra.operations.pgbouncer import plan_pgbouncer_on

    with (
        cancellable() as cancel,
        Fleet(inventory, limit=limit, policy_files=policy or (), state=state, cancel=cancel) as fleet,
    ):
        plan = plan_pgbouncer_on(fleet, replace=restart, overrides=override or (), to_apply=apply)
        offer(fleet, plan, form=form, out=out, apply=apply, yes=yes, now_reason=now)


def off(
    inventory: InventoryOption = DEFAULT_INVENTORY,
    limit: LimitOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    override: OverrideOption = None,
    out: OutOption = None,
    apply: ApplyOption = False,
    yes: YesOption = False,
    now: NowOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Lead the app back to its database, then take PgBouncer away; --apply does it."""
    from selextract_infra.cli.applying import offer
    from selextract_infra.cli.cancelling import cancellable
    from selextract_infra.operations.fleet import Fleet
    from selextract_infra.operations.pgbouncer import plan_pgbouncer_off

    with (
        cancellable() as cancel,
        Fleet(inventory, limit=limit, policy_files=policy or (), state=state, cancel=cancel) as fleet,
    ):
        plan = plan_pgbouncer_off(fleet, overrides=override or (), to_apply=apply)
        offer(fleet, plan, form=form, out=out, apply=apply, yes=yes, now_reason=now)


def status(
    inventory: InventoryOption = DEFAULT_INVENTORY,
    limit: LimitOption = None,
    policy: PolicyOption = None,
    state: StateOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Its pools, which clients wait and for how long, and whose transactions are open."""
    from selextract_infra.errors import HostError
    from selextract_infra.operations.fleet import Fleet
    from selextract_infra.operations.pgbouncer import pooler_status

    with Fleet(inventory, limit=limit, policy_files=policy or (), state=state) as fleet:
        seen = pooler_status(fleet)
    emit(seen, lambda screen: _screen(screen, seen), form)
    if seen.unreachable:
        raise typer.Exit(HostError.exit_code)


def _screen(screen: Console, seen: PoolerStatus) -> None:
    from selextract_infra.report.pooler import print_pooler

    for name, look in sorted(seen.hosts.items()):
        print_pooler(screen, name, look)
    for name, reason in sorted(seen.unreachable.items()):
        screen.print(f"{name}: {reason}", style="bold red", soft_wrap=True)
