"""``rollback``: put back what a run did."""

from __future__ import annotations

from typing import Annotated

import typer

from selextract_infra.cli.frame.options import FleetOptions, FormatOption, RunArgument, with_options
from selextract_infra.cli.frame.output import Format

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
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Put back what a run did, newest step first; for finished and interrupted runs.

        What later runs or people have changed since is named, and nothing is undone unless each is confirmed.
        """
        from selextract_infra.cli.frame.applying import conclude, follow
        from selextract_infra.flow.unfinished import roll_back

        with hosts.context() as context:
            conclude(follow(context, lambda: roll_back(context, run, also=tuple(also or ())), None), form)
