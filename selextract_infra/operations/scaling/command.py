"""``scale api=4 worker=6``: how many instances services have."""

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
    def scale(
        *,
        counts: Annotated[list[str], typer.Argument(metavar="SERVICE=COUNT...", help="As in api=4 worker=6.")],
        hosts: FleetOptions,
        override: OverrideOption = None,
        observation: ObservationOption = None,
        options: PlanOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Show what it takes to have so many instances, or why they do not fit; --apply adds or removes them."""
        from selextract_infra.cli.frame.applying import offer
        from selextract_infra.flow.planning import plan_operation
        from selextract_infra.operations.scaling.operation import SCALE
        from selextract_infra.operations.scaling.plan import ScaleRequest

        seen = options.recorded(observation)
        wanted = _wanted(counts)
        with hosts.context() as context:
            request = ScaleRequest(wanted=wanted, overrides=tuple(override or ()))
            plan = plan_operation(context, SCALE, request, observation=seen, to_apply=options.apply)
            offer(context, plan, options, form)


def _wanted(counts: list[str]) -> dict[str, int]:
    from selextract_infra.errors import UsageError

    wanted: dict[str, int] = {}
    for text in counts:
        name, _, number = text.partition("=")
        if not name or not number.isdecimal() or len(number) > 4:
            raise UsageError(f"{text!r} is no count of a service.", remedy="write it as api=4")
        if name in wanted:
            raise UsageError(f"{name} is asked for twice.")
        wanted[name] = int(number)
    return wanted
