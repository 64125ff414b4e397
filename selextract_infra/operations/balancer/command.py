"""``balancer``: HAProxy before the API instances, on, off, or how it is."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, FormatOption, PlanOptions, with_options
from selextract_infra.cli.frame.output import Format

__all__ = ["register"]


class Wanted(StrEnum):
    """What is asked for."""

    ON = "on"
    OFF = "off"
    STATUS = "status"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def balancer(
        *,
        wanted: Annotated[Wanted, typer.Argument(help="on, off, or status.")],
        hosts: FleetOptions,
        options: PlanOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Put HAProxy before the API instances, or take it away; --apply does it. status shows who serves."""
        from selextract_infra.cli.frame.applying import offer
        from selextract_infra.cli.frame.output import emit
        from selextract_infra.flow.planning import plan_operation
        from selextract_infra.flow.reachability import missing_hosts, refuse_blindness, refuse_missing
        from selextract_infra.operations.balancer.operation import BALANCER
        from selextract_infra.operations.balancer.plan import BalancerRequest
        from selextract_infra.operations.balancer.show import show_traffic

        with hosts.context() as context:
            if wanted is Wanted.STATUS:
                seen = context.observe()
                refuse_blindness(seen)
                data = {host.name: host.traffic.model_dump(mode="json") for host in seen.hosts}
                emit(data, show_traffic(seen), form)
                refuse_missing(missing_hosts(seen))
                return
            request = BalancerRequest(on=wanted is Wanted.ON)
            plan = plan_operation(context, BALANCER, request, to_apply=options.apply)
            offer(context, plan, options, form)
