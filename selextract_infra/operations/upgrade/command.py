"""``upgrade``: a server gets more memory, cores, disk or bandwidth."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, FormatOption, OverrideOption, PlanOptions, with_options
from selextract_infra.cli.frame.output import Format

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def upgrade(
        *,
        phase: Annotated[str, typer.Argument(metavar="PHASE", help="memory, cpu, storage or network.")],
        hosts: FleetOptions,
        to: Annotated[
            str | None, typer.Option("--to", metavar="SIZE", help="This size in place of the guide's, as in 64GB.")
        ] = None,
        provider: Annotated[
            str | None, typer.Option("--provider", help="Who changes the hardware: docker (the lab) or manual.")
        ] = None,
        mode: Annotated[
            str | None, typer.Option("--mode", help="While the host runs (live), or while it is off (reboot).")
        ] = None,
        override: OverrideOption = None,
        options: PlanOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Show what upgrading a server's hardware takes, costs and brings; --apply takes it through, step by step."""
        from selextract_infra.cli.frame.applying import offer
        from selextract_infra.errors import UsageError
        from selextract_infra.flow.planning import plan_operation
        from selextract_infra.model.upgrade import Mode
        from selextract_infra.operations.upgrade.decide import read_phase
        from selextract_infra.operations.upgrade.operation import UPGRADE
        from selextract_infra.operations.upgrade.plan import UpgradeRequest
        from selextract_infra.policy.units import BANDWIDTH, CORES, DISK, MEMORY

        if mode is not None and mode not in list(Mode):
            raise UsageError(f"--mode takes {' or '.join(Mode)}, not {mode!r}.")
        units = {"memory": MEMORY, "cpu": CORES, "storage": DISK, "network": BANDWIDTH}
        with hosts.context() as context:
            resource = read_phase(phase, context.policy)
            request = UpgradeRequest(
                phase=resource,
                provider=provider,
                target=None if to is None else float(units[resource].parse(to)),
                mode=None if mode is None else Mode(mode),
                overrides=tuple(override or ()),
            )
            plan = plan_operation(context, UPGRADE, request, to_apply=options.apply)
            offer(context, plan, options, form)
