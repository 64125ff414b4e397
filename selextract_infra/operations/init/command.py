"""``init``: look at a host or at Compose files that are not ours, and say what the policy would map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption
from selextract_infra.cli.frame.output import Format, emit

if TYPE_CHECKING:
    from selextract_infra.operations.init.draft import ProjectDraft

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def init(
        compose: Annotated[
            list[str] | None,
            typer.Option(
                "--compose",
                metavar="DIR|FILE",
                help="Preview from a project's files alone, several of one project as in COMPOSE_FILE; repeatable.",
            ),
        ] = None,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Look at a host or a Compose project that is not ours, and say which service is what. Changes nothing there.

        Each line says `seen:` with what it was inferred from, or `choose:` with the options; nothing is guessed.
        """
        from selextract_infra.errors import ComposeFileError, UsageError
        from selextract_infra.operations.init.show import show_drafts

        if not compose:
            raise UsageError("There is nothing to look at.", remedy="selextract-infra init --compose FOLDER")
        drafts = [_drafted(place) for place in compose]
        emit({"projects": [draft.model_dump(mode="json") for draft in drafts]}, show_drafts(drafts), form)
        if any(draft.problem for draft in drafts):
            raise typer.Exit(ComposeFileError.exit_code)


def _drafted(place: str) -> ProjectDraft:
    import os

    from selextract_infra.errors import ComposeFileError
    from selextract_infra.operations.init.compose_files import read_compose_project
    from selextract_infra.operations.init.decide import drafted_services
    from selextract_infra.operations.init.draft import ProjectDraft
    from selextract_infra.operations.init.signs import signs_of_services

    try:
        project = read_compose_project(place, os.environ)
    except ComposeFileError as refused:
        return ProjectDraft(place=place, problem=str(refused))
    return ProjectDraft(
        place=place,
        name=project.name,
        directory=str(project.directory),
        read_by=project.read_by,
        services=drafted_services(signs_of_services(project.services)),
    )
