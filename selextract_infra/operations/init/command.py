"""``init``: look at a host or at Compose files that are not ours, and say what the policy would map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from selextract_infra.cli.frame.options import FormatOption, YesOption
from selextract_infra.cli.frame.output import Format, emit

if TYPE_CHECKING:
    from selextract_infra.operations.init.draft import ProjectDraft

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def init(
        hosts: Annotated[
            list[str] | None,
            typer.Argument(metavar="[USER@]HOST", help="Hosts to look at, named as for ssh; [ADDRESS]:PORT for IPv6."),
        ] = None,
        compose: Annotated[
            list[str] | None,
            typer.Option(
                "--compose",
                metavar="DIR|FILE",
                help="Preview from a project's files alone, several of one project as in COMPOSE_FILE; repeatable.",
            ),
        ] = None,
        name: Annotated[
            str | None, typer.Option("--name", help="Name of the inventory (default: that of the first host).")
        ] = None,
        into: Annotated[Path, typer.Option("--into", help="Folder in which the inventory is written.")] = Path(
            "inventories"
        ),
        yes: YesOption = False,
        form: FormatOption = Format.TABLE,
    ) -> None:
        """Look at hosts or a Compose project that are not ours, and say which service is what. Changes nothing there.

        Writes an inventory with a commented policy, where each line says `seen:` with what it was inferred from, or
        `choose:` with the options; nothing is guessed. One that is there is compared and never written over. --yes asks
        nothing, and takes none of what is doubtful.
        """
        from selextract_infra.errors import UsageError

        if bool(compose) == bool(hosts):
            raise UsageError(
                "Either hosts or Compose files are looked at.",
                remedy="selextract-infra init USER@HOST, or selextract-infra init --compose FOLDER",
            )
        if compose:
            _preview(compose, form)
        else:
            _initialise(hosts or [], name, into, form, attended=not yes)


def _preview(places: list[str], form: Format) -> None:
    from selextract_infra.errors import ComposeFileError
    from selextract_infra.operations.init.show import show_drafts

    drafts = [_drafted(place) for place in places]
    emit({"projects": [draft.model_dump(mode="json") for draft in drafts]}, show_drafts(drafts), form)
    if any(draft.problem for draft in drafts):
        raise typer.Exit(ComposeFileError.exit_code)


def _initialise(hosts: list[str], name: str | None, into: Path, form: Format, *, attended: bool) -> None:
    from selextract_infra.cli.frame.cancellation import cancellable
    from selextract_infra.operations.init.follow_up import follow_up
    from selextract_infra.operations.init.hosts import initialise
    from selextract_infra.operations.init.show import show_initialised
    from selextract_infra.operations.init.target import read_target

    targets = [read_target(host) for host in hosts]
    folder = into / (name or targets[0].name)
    with cancellable() as cancel:
        result = initialise(targets, folder, cancel=cancel, attended=attended)
    data = {
        "inventory": str(result.folder),
        "written": result.written,
        "differs": list(result.differs),
        "projects": [project.model_dump(mode="json") for project in result.projects],
        "left_out": list(result.loose),
    }
    emit(data, show_initialised(result), form)
    if form is Format.TABLE:
        follow_up(result.folder)


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
