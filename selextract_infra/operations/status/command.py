"""``status``: one screen."""

from __future__ import annotations

import typer

from selextract_infra.cli.frame.cancellation import LOOK_SECONDS
from selextract_infra.cli.frame.options import FleetOptions, FormatOption, with_options
from selextract_infra.cli.frame.output import Format, emit

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def status(
        *,
        hosts: FleetOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """What runs, what was interrupted, locked or frozen, and what the app's next `up` will recreate."""
        from selextract_infra.errors import HostError
        from selextract_infra.operations.status.show import show_status
        from selextract_infra.operations.status.status import status as look

        with hosts.context(LOOK_SECONDS) as context:
            fleet_status = look(context)
        emit(fleet_status, show_status(fleet_status), form)
        if fleet_status.unreachable or any(host.problem for host in fleet_status.hosts):
            raise typer.Exit(HostError.exit_code)
