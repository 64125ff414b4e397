"""``rightsize``: container limits from what was seen."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.options import (
    DEFAULT_INVENTORY,
    ApplyOption,
    FailOnOption,
    FormatOption,
    InventoryOption,
    LimitOption,
    NowOption,
    ObservationOption,
    OutOption,
    OverrideOption,
    PolicyOption,
    StateOption,
    YesOption,
)
from selextract_infra.cli.output import Format

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def rightsize(
        inventory: InventoryOption = DEFAULT_INVENTORY,
        limit: LimitOption = None,
        policy: PolicyOption = None,
        state: StateOption = None,
        service: Annotated[str | None, typer.Option("--service", help="Only this service.")] = None,
        memory: Annotated[str | None, typer.Option("--memory", help="Ask for this memory limit, as in 1.5GB.")] = None,
        cpus: Annotated[float | None, typer.Option("--cpus", help="Ask for this CPU limit, in cores.")] = None,
        settle: Annotated[
            bool, typer.Option("--settle", help="Recreate, one instance at a time, what cannot be changed in place.")
        ] = False,
        override: OverrideOption = None,
        observation: ObservationOption = None,
        out: OutOption = None,
        apply: ApplyOption = False,
        yes: YesOption = False,
        now: NowOption = None,
        fail_on: FailOnOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Show the right size of every container's limits, and why; --apply sets them in place."""
        from selextract_infra.cli.applying import offer
        from selextract_infra.cli.cancelling import cancellable
        from selextract_infra.errors import UsageError
        from selextract_infra.observe.recorded import load_observation
        from selextract_infra.operations.fleet import Fleet
        from selextract_infra.operations.rightsize import plan_rightsize
        from selextract_infra.policy.units import MEMORY

        if (memory is not None or cpus is not None) and service is None:
            raise UsageError("--memory and --cpus ask for values of one service.", remedy="name it with --service")
        if apply and observation is not None:
            raise UsageError(
                "A plan from a saved Observation is only looked at.", remedy="leave --observation or --apply"
            )
        asked = int(MEMORY.parse(memory)) if memory is not None else None
        with (
            cancellable() as cancel,
            Fleet(inventory, limit=limit, policy_files=policy or (), state=state, cancel=cancel) as fleet,
        ):
            plan = plan_rightsize(
                fleet,
                seen=load_observation(observation) if observation else None,
                service=service,
                memory=asked,
                cpus=cpus,
                settle=settle,
                overrides=override or (),
                to_apply=apply,
            )
            offer(fleet, plan, form=form, out=out, apply=apply, yes=yes, now_reason=now, fail_on=fail_on)
