"""``run-due``: what is queued and whose window is open, without a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, WholeFleetOptions, with_options
from selextract_infra.cli.frame.output import Format, emit, say
from selextract_infra.report.table import Line

if TYPE_CHECKING:
    from selextract_infra.flow.queue import QueuedPlan

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("run-due")
    @with_options
    def run_due(
        *,
        hosts: WholeFleetOptions,
        print_messages: Annotated[
            bool, typer.Option("--print-messages", help="Print what people would be told; send nothing.")
        ] = False,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Carry out the queued plans whose window is open, each exactly once; tell what was missed or went wrong."""
        from selextract_infra.errors import worst_exit_code
        from selextract_infra.flow.run_due import look_after

        with hosts.context() as context:
            changed = look_after(context, say, print_messages=print_messages)
        if changed is None:
            say("Another run-due is at work; this one leaves everything to it.")
            changed = ()
        emit([entry.model_dump(mode="json") for entry in changed], map(_line, changed), form)
        code = worst_exit_code([entry.exit_code or 0 for entry in changed])
        if code:
            raise typer.Exit(code)


def _line(entry: QueuedPlan) -> Line:
    return Line(f"{entry.id} {entry.operation} on {', '.join(entry.hosts)}: {entry.status}. {entry.message}")
