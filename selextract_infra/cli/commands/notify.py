"""``notify``: try the routes, acknowledge what one was told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, StateOption, WholeFleetOptions, with_options
from selextract_infra.cli.frame.output import Format, emit, say
from selextract_infra.report.table import Line

if TYPE_CHECKING:
    from selextract_infra.flow.notify import Delivery

__all__ = ["register"]

_SeverityOption = Annotated[str, typer.Option("--severity", help="P1, P2, P3 or P4.")]
_PrintOption = Annotated[bool, typer.Option("--print", help="Print what would be sent; send nothing.")]


def register(app: typer.Typer) -> None:
    """Add the command group."""
    notify = typer.Typer(help="Who is told what: try it, acknowledge it.", no_args_is_help=True)
    app.add_typer(notify, name="notify")

    @notify.command()
    @with_options
    def test(
        *,
        severity: _SeverityOption = "P4",
        hosts: WholeFleetOptions,
        only_print: _PrintOption = False,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Send a test message by the routes of a severity; exit code 10 when it did not get everywhere."""
        from selextract_infra.errors import UsageError
        from selextract_infra.flow.notification import acknowledge, notifier
        from selextract_infra.hosts.identity import owner
        from selextract_infra.model.assessment import IncidentSeverity

        if severity not in list(IncidentSeverity):
            raise UsageError(f"{severity!r} is no severity; there are {', '.join(IncidentSeverity)}.")
        with hosts.context() as context:
            routes = notifier(context.policy, context.journal, context.clock, dry_run=say if only_print else None)
            deliveries = routes.tell(
                IncidentSeverity(severity), "test", "test of the routes", "This is a test; nothing has happened."
            )
            if not only_print:
                acknowledge(context.journal, "test", owner(), context.clock())
        _conclude(deliveries, form)

    @notify.command()
    @with_options
    def failed(
        *,
        unit: Annotated[str, typer.Argument(metavar="UNIT", help="The systemd unit that failed.")],
        hosts: WholeFleetOptions,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Tell that a unit of ours failed; systemd calls this."""
        from selextract_infra.flow.notification import notifier
        from selextract_infra.model.assessment import IncidentSeverity

        with hosts.context() as context:
            routes = notifier(context.policy, context.journal, context.clock)
            deliveries = routes.tell(
                IncidentSeverity.P2, unit, f"{unit} failed", f"Look at it with: journalctl --unit {unit}"
            )
        _conclude(deliveries, form)

    @notify.command()
    def ack(
        subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="The run, incident or unit one was told of.")],
        state: StateOption = None,
    ) -> None:
        """Take a subject on, so that nobody else is told of it."""
        from datetime import UTC, datetime

        from selextract_infra.flow.journal.journal import Journal
        from selextract_infra.flow.notification import acknowledge
        from selextract_infra.hosts.identity import owner

        with Journal(state) as journal:
            acknowledge(journal, subject, owner(), datetime.now(UTC))
        say(f"{subject} is yours; it will not be escalated.")


def _conclude(deliveries: tuple[Delivery, ...], form: Format) -> None:
    from dataclasses import asdict

    from selextract_infra.errors import GateError

    lines = [Line(f"{delivery.channel}: {delivery.problem or 'told'}") for delivery in deliveries]
    emit([asdict(delivery) for delivery in deliveries], lines, form)
    if not deliveries or any(delivery.problem for delivery in deliveries):
        raise typer.Exit(GateError.exit_code)
