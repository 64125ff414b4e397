"""``balancer``: HAProxy before the API instances, on, off, or how it is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from selextract_infra.cli.options import (
    DEFAULT_INVENTORY,
    ApplyOption,
    FormatOption,
    InventoryOption,
    LimitOption,
    NowOption,
    OutOption,
    PolicyOption,
    StateOption,
    YesOption,
)
from selextract_infra.cli.output import Format

__all__ = ["register"]


class Wanted(StrEnum):
    """What is asked for."""

    ON = "on"
    OFF = "off"
    STATUS = "status"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def balancer(
        wanted: Annotated[Wanted, typer.Argument(help="on, off, or status.")],
        inventory: InventoryOption = DEFAULT_INVENTORY,
        limit: LimitOption = None,
        policy: PolicyOption = None,
        state: StateOption = None,
        out: OutOption = None,
        apply: ApplyOption = False,
        yes: YesOption = False,
        now: NowOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Put HAProxy before the API instances, or take it away; --apply does it. status shows who serves."""
        from selextract_infra.cli.applying import offer
        from selextract_infra.cli.cancelling import cancellable
        from selextract_infra.cli.output import emit
        from selextract_infra.operations.balancer import plan_balancer
        from selextract_infra.operations.fleet import Fleet
        from selextract_infra.operations.sight import missing_hosts, refuse_blindness, refuse_missing
        from selextract_infra.report.traffic import print_traffic

        with (
            cancellable() as cancel,
            Fleet(inventory, limit=limit, policy_files=policy or (), state=state, cancel=cancel) as fleet,
        ):
            if wanted is Wanted.STATUS:
                seen = fleet.observe()
                refuse_blindness(seen)
                data = {host.name: host.traffic.model_dump(mode="json") for host in seen.hosts}
                emit(data, lambda screen: print_traffic(screen, seen), form)
                refuse_missing(missing_hosts(seen))
                return
            plan = plan_balancer(fleet, on=wanted is Wanted.ON, to_apply=apply)
            offer(fleet, plan, form=form, out=out, apply=apply, yes=yes, now_reason=now)
