"""``scale api=4 worker=6``: how many instances services have."""

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
    def scale(
        counts: Annotated[list[str], typer.Argument(metavar="SERVICE=COUNT...", help="As in api=4 worker=6.")],
        inventory: InventoryOption = DEFAULT_INVENTORY,
        limit: LimitOption = None,
        policy: PolicyOption = None,
        state: StateOption = None,
        override: OverrideOption = None,
        observation: ObservationOption = None,
        out: OutOption = None,
        apply: ApplyOption = False,
        yes: YesOption = False,
        now: NowOption = None,
        fail_on: FailOnOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Show what it takes to have so many instances, or why they do not fit; --apply adds or removes them."""
        from selextract_infra.cli.applying import offer
        from selextract_infra.cli.cancelling import cancellable
        from selextract_infra.errors import UsageError
        from selextract_infra.observe.recorded import load_observation
        from selextract_infra.operations.fleet import Fleet
        from selextract_infra.operations.scale import plan_scale

        if apply and observation is not None:
            raise UsageError(
                "A plan from a saved Observation is only looked at.", remedy="leave --observation or --apply"
            )
        wanted = _wanted(counts)
        with (
            cancellable() as cancel,
            Fleet(inventory, limit=limit, policy_files=policy or (), state=state, cancel=cancel) as fleet,
        ):
            plan = plan_scale(
                fleet,
                wanted,
                seen=load_observation(observation) if observation else None,
                overrides=override or (),
                to_apply=apply,
            )
            offer(fleet, plan, form=form, out=out, apply=apply, yes=yes, now_reason=now, fail_on=fail_on)


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
