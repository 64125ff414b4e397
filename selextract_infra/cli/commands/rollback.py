"""``rollback``: put back what a run did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import (
    DigestOption,
    FleetOptions,
    FormatOption,
    RunArgument,
    TakeOverOption,
    TakeOverReasonOption,
    with_options,
)
from selextract_infra.cli.frame.output import Format

if TYPE_CHECKING:
    from selextract_infra.model.run import Run

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    @with_options
    def rollback(
        *,
        run: RunArgument,
        hosts: FleetOptions,
        also: Annotated[
            list[str] | None,
            typer.Option("--also", metavar="KEY", help="Overwrite this too, though it was changed since; repeatable."),
        ] = None,
        take_over: TakeOverOption = False,
        reason: TakeOverReasonOption = None,
        digest: DigestOption = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Put back what a run did, newest step first; for finished and interrupted runs.

        What later runs or people have changed since is named, and nothing is undone unless each is confirmed. A run
        that somebody is at work on is refused, unless it is taken over: what is under way there comes to its end first,
        and whoever led it changes nothing more. One that this journal does not know is shown, and has to be confirmed.
        """
        from selextract_infra.cli.frame.apply_plan import conclude, take_over_reason, take_up
        from selextract_infra.flow.unfinished import roll_back

        grounds = take_over_reason(reason, take_over=take_over)
        with hosts.context() as context:
            keys = tuple(also or ())

            def work(approved: str) -> Run:
                return roll_back(context, run, also=keys, take_over=grounds, approved=approved)

            conclude(take_up(context, work, digest), form)
