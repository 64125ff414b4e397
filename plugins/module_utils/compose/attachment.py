"""Attachment: how our capacity file takes effect in a team's Project, in the least intrusive way that works.

Measured with Compose 2.26: beside *any* of its main file names, Compose reads the first that exists of
``compose.override.yml``, ``compose.override.yaml``, ``docker-compose.override.yml`` and
``docker-compose.override.yaml``, and only that one. So our content is that file where the team has none of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import dotenv
from .compose import Compose
from .files_in_force import CAPACITY_FILE, files_in_force, usual_files
from .our_file import OVERRIDE_FILE, file_text, is_ours, without_ours
from .project import Project

__all__ = [
    "ENVIRONMENT",
    "NAMED",
    "OVERRIDE",
    "Attachment",
    "attachment_of",
    "environment_file_users",
    "team_files",
]

OVERRIDE = "override"
ENVIRONMENT = "environment"
NAMED = "named"
_REFUSED = "refused"
_KEY = "COMPOSE_FILE"


@dataclass(frozen=True)
class Attachment:
    """``form`` is one of ``override`` (the free slot of Compose's override file), ``environment`` (an entry of
    ``COMPOSE_FILE`` in ``.env`` that we keep), ``named`` (the team itself names our file) and ``refused``.

    ``file`` is our file's name in the Project's folder. ``refusal`` is one sentence, empty unless it is refused;
    ``note`` says what a person should know beforehand.
    """

    form: str
    file: str
    refusal: str = ""
    note: str = ""

    @property
    def refused(self) -> bool:
        """Whether there is no way that leaves the team's environment and commands alone."""
        return self.form == _REFUSED


def team_files(project: Project) -> list[str]:
    """The team's own Compose files in force, in order; an override that ours keeps Compose from reading is one too."""
    return _own_of_team(project.directory, project.named_files)


def attachment_of(project: Project, *, added: bool = False, carriers: Callable[[], list[str]] = list) -> Attachment:
    """How our file is attached there, or would be.

    ``added``: the line ``COMPOSE_FILE`` in ``.env`` is there because of us. ``carriers`` says, when it matters, which
    services have containers with that line in their environment. Raises ``HostSideError`` of kind ``compose`` where
    Compose cannot read the files.
    """
    team, directory = team_files(project), project.directory
    if _paths(directory, team) != _paths(directory, _found_by_compose(project)):
        return _beside_a_command(project, team)
    if dotenv.resolved(project.environment, _KEY):
        return _beside_an_entry(project, team, added=added, carriers=carriers)
    if len(team) == 1:
        return Attachment(OVERRIDE, OVERRIDE_FILE)
    if project.environment_files:
        return _refused(
            f"The app is started with --env-file {_joined(project.environment_files)}, and {team[-1]} has the place of"
            f" Compose's override file: {_advice(directory)}"
        )
    users = environment_file_users(project, team)
    if users:
        return _refused(
            f"{team[-1]} has the place of Compose's override file, and .env is also the env_file of"
            f" {_listed(users)}, whose environment a line in it would change: {_advice(directory)}"
        )
    return Attachment(ENVIRONMENT, CAPACITY_FILE)


def environment_file_users(project: Project, files: Iterable[str]) -> list[str]:
    """The services that have the Project's ``.env`` as an ``env_file``; what cannot be told counts as one.

    Compose is asked only where its files mention ``env_file`` or other files at all.
    """
    names, directory = list(files), project.directory
    text = "\n".join(file_text(os.path.join(directory, name)) for name in names)
    if not any(word in text for word in ("env_file", "include", "extends")):
        return []
    wanted = os.path.realpath(_environment(directory))
    by_service = Compose(project.with_files(names)).environment_files()
    return sorted(
        service
        for service, paths in by_service.items()
        if any("$" in path or os.path.realpath(os.path.join(directory, path)) == wanted for path in paths)
    )


def _beside_an_entry(
    project: Project, team: list[str], *, added: bool, carriers: Callable[[], list[str]]
) -> Attachment:
    """``COMPOSE_FILE`` says which files there are, so Compose looks for no override file."""
    directory = project.directory
    ours = next((name for name in project.named_files if is_ours(directory, name)), None)
    if project.environment_files and ours:
        return Attachment(NAMED, ours)
    if project.environment_files:
        where = _joined(project.environment_files)
        return _refused(f"COMPOSE_FILE in {where} would have to name our file: {_by_hand(directory)}.")
    users = environment_file_users(project, team)
    if ours is None:
        if not users:
            return Attachment(ENVIRONMENT, CAPACITY_FILE)
        return _refused(
            f"COMPOSE_FILE in .env would have to name our file, and .env is also the env_file of {_listed(users)},"
            f" whose environment that would change: {_by_hand(directory)}, when they may be recreated."
        )
    if not added:
        return Attachment(NAMED, ours)
    if not users:
        return Attachment(ENVIRONMENT, os.path.basename(ours))
    return _beside_our_line(directory, team, os.path.basename(ours), users, carriers())


def _beside_our_line(directory: str, team: list[str], ours: str, users: list[str], carriers: list[str]) -> Attachment:
    """Our line stands in a file that is the environment of ``users``, as version 0.1 did it."""
    where = f"COMPOSE_FILE in {_environment(directory)}"
    holding = [service for service in carriers if service in users]
    if holding:
        note = (
            f"{where} is also in the environment of {_listed(holding)}; it stays, because without it the next `docker"
            " compose up` recreates them. To be rid of it, take the line out and call `up` when they may restart: the"
            " next run then uses Compose's override file."
        )
        return Attachment(ENVIRONMENT, ours, note=note)
    main, overrides = usual_files(directory)
    if team == main and not overrides:
        note = (
            f"{where}, which is also the env_file of {_listed(users)}, goes out again, else the next `docker compose"
            f" up` recreates them: our values move to {OVERRIDE_FILE}."
        )
        return Attachment(OVERRIDE, OVERRIDE_FILE, note=note)
    note = f"{where} is ours, and .env is also the env_file of {_listed(users)}: the next `up` recreates them."
    return Attachment(ENVIRONMENT, ours, note=note)


def _beside_a_command(project: Project, team: list[str]) -> Attachment:
    """The team names its files with ``-f``: nothing that we write is found unless its command names it."""
    path = os.path.join(project.directory, CAPACITY_FILE)
    if path in project.files or os.path.exists(path):
        return Attachment(NAMED, CAPACITY_FILE)
    return _refused(
        f"The app is started with -f {' -f '.join(team)}, and not from the files that Compose finds by itself:"
        f" {_advice(project.directory)}"
    )


def _found_by_compose(project: Project) -> list[str]:
    """The team's own files that Compose would find by itself."""
    return _own_of_team(project.directory, files_in_force(project.directory, project.environment))


def _own_of_team(directory: str, names: list[str]) -> list[str]:
    main, overrides = usual_files(directory)
    if names == [*main, *overrides[:1]]:
        return [*main, *without_ours(directory, overrides)[:1]]
    return without_ours(directory, names)


def _paths(directory: str, names: Iterable[str]) -> set[str]:
    return {os.path.realpath(os.path.join(directory, name)) for name in names}


def _by_hand(directory: str) -> str:
    return f"put `services: {{}}` into {CAPACITY_FILE} in {directory} and name it last in COMPOSE_FILE yourself"


def _joined(names: Iterable[str]) -> str:
    return " --env-file ".join(names)


def _advice(directory: str) -> str:
    return (
        f"put `services: {{}}` into {CAPACITY_FILE} in {directory} and add `-f {CAPACITY_FILE}` to your own command,"
        " after its other files."
    )


def _refused(sentence: str) -> Attachment:
    return Attachment(_REFUSED, CAPACITY_FILE, refusal=sentence)


def _environment(directory: str) -> str:
    return os.path.join(directory, ".env")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
