"""``watch``: the autoscaler, as a foreground command and as a service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.cancellation import WORK_SECONDS
from selextract_infra.cli.frame.options import FleetOptions, FormatOption, with_options
from selextract_infra.cli.frame.output import Format, say, write_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from selextract_infra.flow.context import Context
    from selextract_infra.operations.watch.watch import WatchEvent

__all__ = ["register"]

_LONGEST_WORK = 900.0  # seconds that a look with everything that follows from it may take


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def watch(
        *,
        hosts: FleetOptions,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do; change nothing.")] = False,
        once: Annotated[bool, typer.Option("--once", help="Look once, decide, and end.")] = False,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Look, decide and scale, again and again; a P1 begins the emergency. One line for each thing that happens."""
        from selextract_infra.flow.notification import notifier
        from selextract_infra.flow.systemd import Watchdog, tell_systemd
        from selextract_infra.operations.watch.watch import Watcher

        def show(event: WatchEvent) -> None:
            if form is Format.JSON:
                write_out(json.dumps(event.model_dump(mode="json")) + "\n")
            else:
                write_out(f"{event.at:%Y-%m-%d %H:%M:%S}Z  {event.kind:<10} {_plain(event.sentence)}\n")
            tell_systemd(f"STATUS={_plain(event.sentence)[:200]}")

        with hosts.context(within=WORK_SECONDS if once else None) as context, Watchdog(_LONGEST_WORK) as watchdog:
            context.on_event = watchdog.progress
            teller = notifier(context.policy, context.journal, context.clock, dry_run=say if dry_run else None)
            watcher = Watcher(context, say=show, notifier=teller, dry_run=dry_run)
            watcher.run(once=once, progress=_alive(context, watchdog.progress))


def _plain(text: str) -> str:
    from selextract_infra.model.text import displayable

    return displayable(text, limit=1000)


def _alive(context: Context, progress: Callable[[], None]) -> Callable[[], None]:
    """After each look: the watchdog, and at most so often the address elsewhere that notices silence."""
    import os
    import time

    from selextract_infra.flow.notify import visit
    from selextract_infra.hosts.credentials import with_credentials

    schedule = context.policy.schedule
    environment = with_credentials(os.environ, schedule.credentials)
    address = environment.get(schedule.dead_man or "")
    visited = [-schedule.every]

    def alive() -> None:
        progress()
        if address and time.monotonic() - visited[0] >= schedule.every:
            visited[0] = time.monotonic()
            problem = visit(address, schedule.patience)
            if problem:
                say(f"The address that notices silence: {problem}")

    return alive
