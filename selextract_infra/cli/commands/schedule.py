"""``schedule``: what waits for its window, and the timer that looks for what is due."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import (
    FleetOptions,
    FormatOption,
    InventoryOption,
    StateOption,
    WholeFleetOptions,
    with_options,
)
from selextract_infra.cli.frame.output import Format, emit, say
from selextract_infra.report.table import Block, Cell, Line, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selextract_infra.flow.queue import QueuedPlan

__all__ = ["register"]

_OnOption = Annotated[
    str | None, typer.Option("--on", metavar="HOST", help="On this host of the inventory (default: this machine).")
]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    schedule = typer.Typer(help="Plans that wait for their window, and the timer that looks.", no_args_is_help=True)
    app.add_typer(schedule, name="schedule")

    @schedule.command()
    def show(
        state: StateOption = None,
        ended: Annotated[bool, typer.Option("--all", help="Those that have ended as well.")] = False,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """What is queued and for when, and what was missed."""
        from selextract_infra.flow.journal.journal import Journal
        from selextract_infra.flow.queue import Queue, QueueStatus

        with Journal(state) as journal:
            entries = Queue(journal.folder).entries()
        over = (QueueStatus.DONE, QueueStatus.CANCELLED)
        shown = tuple(entry for entry in entries if ended or entry.status not in over)
        emit([entry.model_dump(mode="json") for entry in shown], _blocks(shown), form)

    @schedule.command()
    def cancel(
        name: Annotated[str, typer.Argument(metavar="ID", help="Of a queued plan, or a beginning of it.")],
        state: StateOption = None,
    ) -> None:
        """Take a plan out of the queue."""
        from datetime import UTC, datetime

        from selextract_infra.flow.journal.journal import Journal
        from selextract_infra.flow.schedule import cancel_queued

        with Journal(state) as journal:
            cancelled = cancel_queued(journal, name, datetime.now(UTC))
        say(f"{cancelled.id} will not be carried out.")

    @schedule.command()
    @with_options
    def install(
        *,
        hosts: WholeFleetOptions,
        on: _OnOption = None,
        credentials: Annotated[
            Path,
            typer.Option("--credentials", metavar="FOLDER", help="Where systemd finds a file for each credential."),
        ] = Path("/etc/selextract-infra/credentials"),
        program: Annotated[
            Path | None, typer.Option("--program", help="The program on HOST (default: this one).")
        ] = None,
        remote_inventory: Annotated[
            Path | None, typer.Option("--inventory-there", metavar="PATH", help="The inventory on HOST.")
        ] = None,
    ) -> None:
        """Install the timer that starts run-due, with its service, and a service that tells when it fails."""
        from selextract_infra.flow.schedule_install import install_schedule

        with hosts.context() as context:
            changed = install_schedule(
                context, host=on, credentials=credentials, program=program, inventory=remote_inventory
            )
        say("The timer is installed." if changed else "The timer was installed already.")

    @schedule.command()
    def remove(inventory: InventoryOption = None, state: StateOption = None, on: _OnOption = None) -> None:
        """Take the timer and its services away; what is queued stays."""
        from selextract_infra.flow.schedule_install import remove_schedule

        with FleetOptions(inventory, state=state).context() as context:
            changed = remove_schedule(context, host=on)
        say("The timer is gone." if changed else "No timer was installed.")


def _blocks(entries: tuple[QueuedPlan, ...]) -> Iterator[Block]:
    if not entries:
        yield Line("Nothing is queued.")
        return
    yield table(
        ("plan", "status", "operation", "window", prose("message")),
        (
            (
                entry.id,
                Cell.state(entry.status),
                f"{entry.operation} on {', '.join(entry.hosts)}",
                str(entry.opening),
                entry.message,
            )
            for entry in entries
        ),
    )
