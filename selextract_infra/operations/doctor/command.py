"""``doctor``: can every host be worked on."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from selextract_infra.cli.frame.options import (
    FormatOption,
    InventoryOption,
    LimitOption,
    PolicyOption,
    StateOption,
)
from selextract_infra.cli.frame.output import Format, emit

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def doctor(
        inventory: InventoryOption = None,
        limit: LimitOption = None,
        policy: PolicyOption = None,
        state: StateOption = None,
        unattended: Annotated[
            bool, typer.Option("--unattended", help="Prove that it works without a person: no agent, no prompt.")
        ] = False,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Reach every host, log in, become root, and look whether everything is there. Changes nothing."""
        from datetime import UTC, datetime

        from selextract_infra.cli.frame.cancellation import LOOK_SECONDS, cancellable
        from selextract_infra.cli.frame.whose_policy import say_whose_policy
        from selextract_infra.errors import HostError
        from selextract_infra.flow.capacity_warnings import looked_ahead_by
        from selextract_infra.hosts.inventory import Inventory
        from selextract_infra.hosts.inventory_location import require_inventory
        from selextract_infra.operations.doctor.checks import doctor as look
        from selextract_infra.operations.doctor.show import show_diagnosis
        from selextract_infra.policy import load_policy

        location = require_inventory(inventory, os.environ)
        hosts = Inventory.load(location.path, limit=limit)
        rules = load_policy(hosts.policy_overrides, files=[*hosts.policy_files, *(policy or ())])
        say_whose_policy(rules, location)
        now = datetime.now(UTC)
        ahead = looked_ahead_by(state, now)
        with cancellable(LOOK_SECONDS) as cancel:
            diagnosis = look(hosts, rules, at=now, unattended=unattended, looked_ahead=ahead, cancel=cancel)
        data = {**diagnosis.model_dump(mode="json"), "healthy": diagnosis.healthy}
        emit(data, show_diagnosis(diagnosis), form)
        if not diagnosis.healthy:
            raise typer.Exit(HostError.exit_code)
