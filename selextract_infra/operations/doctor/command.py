"""``doctor``: can every host be worked on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import (
    DEFAULT_INVENTORY,
    FormatOption,
    InventoryOption,
    LimitOption,
    PolicyOption,
)
from selextract_infra.cli.frame.output import Format, emit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from selextract_infra.model.diagnosis import Check, Diagnosis

__all__ = ["register"]

_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red", "skipped": "dim"}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def doctor(
        inventory: InventoryOption = DEFAULT_INVENTORY,
        limit: LimitOption = None,
        policy: PolicyOption = None,
        unattended: Annotated[
            bool, typer.Option("--unattended", help="Prove that it works without a person: no agent, no prompt.")
        ] = False,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Reach every host, log in, become root, and look whether everything is there. Changes nothing."""
        from datetime import UTC, datetime

        from selextract_infra.cli.frame.cancelling import cancellable
        from selextract_infra.errors import HostError
        from selextract_infra.hosts.inventory import Inventory
        from selextract_infra.operations.doctor.checks import doctor as look
        from selextract_infra.policy import load_policy

        hosts = Inventory.load(inventory, limit=limit)
        rules = load_policy(hosts.policy_overrides, files=[*hosts.policy_files, *(policy or ())])
        with cancellable() as cancel:
            found = look(hosts, rules, at=datetime.now(UTC), unattended=unattended, cancel=cancel)
        emit({**found.model_dump(mode="json"), "healthy": found.healthy}, lambda screen: _screen(screen, found), form)
        if not found.healthy:
            raise typer.Exit(HostError.exit_code)


def _screen(screen: Console, found: Diagnosis) -> None:
    from rich.text import Text

    for host in found.hosts:
        where = "this machine" if host.connection == "local" else host.address
        screen.print(Text.assemble((host.name, "bold"), f" ({where})"))
        screen.print(_table(host.checks))
    if found.machine:
        screen.print(Text("for unattended runs from this machine", "bold"))
        screen.print(_table(found.machine))
    ill = [host.name for host in found.hosts if not host.healthy]
    manner = " without a person" if found.unattended else ""
    if ill:
        screen.print(Text(f"{len(ill)} of {_hosts(len(found.hosts))} cannot be worked on{manner}: {', '.join(ill)}."))
    elif not found.healthy:
        screen.print(Text("This machine lacks what unattended runs need."))
    else:
        screen.print(Text(f"{_hosts(len(found.hosts))} can be worked on{manner}."))


def _table(checks: Sequence[Check]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 1), show_header=False, expand=False)
    for check in checks:
        told = Text(check.sentence, overflow="fold")
        if check.remedy:
            told.append(f"\ntry: {check.remedy}", style="dim")
        table.add_row(check.name, Text(check.status, style=_STYLES[check.status]), told)
    return table


def _hosts(count: int) -> str:
    return f"{count} host{'s' if count != 1 else ''}"
