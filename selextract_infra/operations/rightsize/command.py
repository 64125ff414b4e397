"""``rightsize``: container limits from what was seen."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import (
    FleetOptions,
    FormatOption,
    ObservationOption,
    OverrideOption,
    PlanOptions,
    with_options,
)
from selextract_infra.cli.frame.output import Format

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def rightsize(
        *,
        hosts: FleetOptions,
        service: Annotated[str | None, typer.Option("--service", help="Only this service.")] = None,
        memory: Annotated[str | None, typer.Option("--memory", help="Ask for this memory limit, as in 1.5GB.")] = None,
        cpus: Annotated[float | None, typer.Option("--cpus", help="Ask for this CPU limit, in cores.")] = None,
        settle: Annotated[
            bool, typer.Option("--settle", help="Recreate, one instance at a time, what cannot be changed in place.")
        ] = False,
        override: OverrideOption = None,
        observation: ObservationOption = None,
        options: PlanOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Show the right size of every container's limits, and why; --apply sets them in place."""
        from selextract_infra.cli.frame.applying import offer
        from selextract_infra.errors import UsageError
        from selextract_infra.flow.planning import plan_operation
        from selextract_infra.operations.rightsize.operation import RIGHTSIZE
        from selextract_infra.operations.rightsize.plan import RightsizeRequest
        from selextract_infra.policy.units import MEMORY

        if (memory is not None or cpus is not None) and service is None:
            raise UsageError("--memory and --cpus ask for values of one service.", remedy="name it with --service")
        seen = options.recorded(observation)
        asked = int(MEMORY.parse(memory)) if memory is not None else None
        with hosts.context() as context:
            request = RightsizeRequest(
                service=service, memory=asked, cpus=cpus, settle=settle, overrides=tuple(override or ())
            )
            plan = plan_operation(context, RIGHTSIZE, request, observation=seen, to_apply=options.apply)
            offer(context, plan, options, form)
