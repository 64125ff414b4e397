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
from .capacity import written_by_us
from .compose import CAPACITY_FILE, Compose, environment_bytes, files_in_force, usual_files

__all__ = [
    "ENVIRONMENT",
    "NAMED",
    "OVERRIDE",
    "OVERRIDE_FILE",
    "Attachment",
    "attachment_of",
    "our_file",
    "without_ours",
]

OVERRIDE_FILE = "compose.override.yml"
OVERRIDE = "override"
ENVIRONMENT = "environment"
NAMED = "named"
_REFUSED = "refused"
_KEY = "COMPOSE_FILE"
_LONGEST = 1 << 20  # bytes of a Compose file that are searched for words


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


def our_file(directory: str) -> str:
    """The name of the file in a Project's folder that is ours, or would be: the one place that answers that."""
    in_force = next((name for name in files_in_force(directory) if is_ours(directory, name)), None)
    return in_force or (OVERRIDE_FILE if is_ours(directory, OVERRIDE_FILE) else CAPACITY_FILE)


def is_ours(directory: str, name: str) -> bool:
    """Whether a file of the Project is ours: by its name, or by its first line where it is the team's to name."""
    if os.path.basename(name) == CAPACITY_FILE:
        return True
    return os.path.basename(name) == OVERRIDE_FILE and written_by_us(_words(os.path.join(directory, name)))


def without_ours(directory: str, names: Iterable[str]) -> list[str]:
    """The team's own among these Compose files."""
    return [name for name in names if not is_ours(directory, name)]


def team_files(directory: str, started_from: tuple[str, ...] = ()) -> list[str]:
    """The team's own Compose files in force, in order; an override that ours keeps Compose from reading is one too."""
    in_force = files_in_force(directory, started_from)
    main, overrides = usual_files(directory)
    if in_force == [*main, *overrides[:1]]:
        return [*main, *without_ours(directory, overrides)[:1]]
    return without_ours(directory, in_force)


def attachment_of(
    project: str,
    directory: str,
    started_from: tuple[str, ...] = (),
    *,
    environment_file: str | None = None,
    added: bool = False,
    carriers: Callable[[], list[str]] = list,
) -> Attachment:
    """How our file is attached there, or would be.

    ``started_from`` are the files that the running containers were made from, ``environment_file`` what the team names
    instead of ``.env``. ``added``: the line ``COMPOSE_FILE`` in ``.env`` is there because of us. ``carriers`` says,
    when it matters, which services have containers with that line in their environment. Raises ``HostSideError`` of
    kind ``compose`` where Compose cannot read the files.
    """
    team = team_files(directory)
    past = _past(directory, team, started_from)
    if past:
        return _beside_a_command(directory, past, started_from)
    if dotenv.resolved(environment_bytes(directory), _KEY):
        return _beside_an_entry(project, directory, team, added=added, carriers=carriers)
    if len(team) == 1:
        return Attachment(OVERRIDE, OVERRIDE_FILE)
    other = environment_file and os.path.realpath(environment_file) != os.path.realpath(_environment(directory))
    if other:
        return _refused(
            f"The app is started with --env-file {environment_file}, and {team[-1]} has the place of Compose's override"
            f" file: {_advice(directory)}"
        )
    users = environment_file_users(project, directory, team)
    if users:
        return _refused(
            f"{team[-1]} has the place of Compose's override file, and .env is also the env_file of"
            f" {_listed(users)}, whose environment a line in it would change: {_advice(directory)}"
        )
    return Attachment(ENVIRONMENT, CAPACITY_FILE)


def environment_file_users(project: str, directory: str, files: Iterable[str]) -> list[str]:
    """The services that have the Project's ``.env`` as an ``env_file``; what cannot be told counts as one.

    Compose is asked only where its files mention ``env_file`` or other files at all.
    """
    names = list(files)
    text = "\n".join(_words(os.path.join(directory, name)) for name in names)
    if not any(word in text for word in ("env_file", "include", "extends")):
        return []
    wanted = os.path.realpath(_environment(directory))
    by_service = Compose(project, directory, files=names).environment_files()
    return sorted(
        service
        for service, paths in by_service.items()
        if any("$" in path or os.path.realpath(os.path.join(directory, path)) == wanted for path in paths)
    )


def _beside_an_entry(
    project: str, directory: str, team: list[str], *, added: bool, carriers: Callable[[], list[str]]
) -> Attachment:
    """``COMPOSE_FILE`` says which files there are, so Compose looks for no override file."""
    ours = next((name for name in files_in_force(directory) if is_ours(directory, name)), None)
    users = environment_file_users(project, directory, team)
    if ours is None:
        if not users:
            return Attachment(ENVIRONMENT, CAPACITY_FILE)
        return _refused(
            f"COMPOSE_FILE in .env would have to name our file, and .env is also the env_file of {_listed(users)},"
            f" whose environment that would change: put `services: {{}}` into {CAPACITY_FILE} in {directory} and name"
            " it last in COMPOSE_FILE yourself, when they may be recreated."
        )
    if not added:
        return Attachment(NAMED, ours)
    if not users:
        return Attachment(ENVIRONMENT, os.path.basename(ours))
    where = f"COMPOSE_FILE in {_environment(directory)}"
    holding = [service for service in carriers() if service in users]
    if holding:
        note = (
            f"{where} is also in the environment of {_listed(holding)}; it stays, because without it the next `docker"
            " compose up` recreates them. To be rid of it, take the line out and call `up` when they may restart: the"
            " next run then uses Compose's override file."
        )
        return Attachment(ENVIRONMENT, os.path.basename(ours), note=note)
    main, overrides = usual_files(directory)
    if team == main and not overrides:
        note = (
            f"{where}, which is also the env_file of {_listed(users)}, goes out again, else the next `docker compose"
            f" up` recreates them: our values move to {OVERRIDE_FILE}."
        )
        return Attachment(OVERRIDE, OVERRIDE_FILE, note=note)
    note = f"{where} is ours, and .env is also the env_file of {_listed(users)}: the next `up` recreates them."
    return Attachment(ENVIRONMENT, os.path.basename(ours), note=note)


def _beside_a_command(directory: str, past: list[str], started_from: tuple[str, ...]) -> Attachment:
    """The team names its files with ``-f``: nothing that we write is found unless its command names it."""
    named = any(os.path.basename(name) == CAPACITY_FILE for name in started_from)
    if named or os.path.exists(os.path.join(directory, CAPACITY_FILE)):
        return Attachment(NAMED, CAPACITY_FILE)
    return _refused(
        f"The app is started with -f {' -f '.join(past)}, which Compose does not find: {_advice(directory)}"
    )


def _past(directory: str, team: list[str], started_from: tuple[str, ...]) -> list[str]:
    """The files that the containers were made from and Compose would not find by itself; empty where it finds all."""
    used = [name if os.path.isabs(name) else os.path.join(directory, name) for name in started_from]
    used = [name for name in used if os.path.exists(name) and not is_ours(os.path.dirname(name), name)]
    found = {os.path.realpath(os.path.join(directory, name)) for name in team}
    return used if any(os.path.realpath(name) not in found for name in used) else []


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


def _words(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read(_LONGEST)
    except OSError:
        return ""
