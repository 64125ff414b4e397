"""A Compose project as its team deploys it on this host: every call of Compose is made from one of these."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..docker.containers import Container
from ..system.failure import HostSideError
from . import dotenv
from .capacity import written_by_us
from .files_in_force import CAPACITY_FILE, files_in_force, has_usual_name
from .our_file import file_text, is_ours

__all__ = ["Project", "own_project", "read_project"]


@dataclass(frozen=True)
class Project:
    """One application of a team, or one of ours.

    ``files`` are the Compose files in force, in order, and ``environment_files`` those that are read in place of
    ``.env``; all with their whole paths. ``profiles`` are the active ones. Compose is given all of them by name, so a
    login's environment and the folder it is called from change nothing.
    """

    name: str
    directory: str
    files: tuple[str, ...] = ()
    environment_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()

    @property
    def options(self) -> list[str]:
        """What every call of Compose for this project begins with."""
        return [
            *("--project-name", self.name),
            *("--project-directory", self.directory),
            *(word for name in self.files for word in ("--file", name)),
            *(word for name in self.environment_files for word in ("--env-file", name)),
            *(word for profile in self.profiles for word in ("--profile", profile)),
        ]

    @property
    def named_files(self) -> list[str]:
        """The Compose files in force, by their names in the project's folder where they are in it."""
        inside = [(path, os.path.relpath(path, self.directory)) for path in self.files]
        return [path if name.startswith("..") else name for path, name in inside]

    @property
    def environment(self) -> bytes:
        """What its environment files say; it may hold secrets."""
        return _content(self.environment_files or (os.path.join(self.directory, ".env"),))

    def with_files(self, files: Iterable[str]) -> Project:
        """The same project from other Compose files; relative names count from its folder."""
        return replace(self, files=tuple(os.path.join(self.directory, name) for name in files))

    def with_profiles_of(self, containers: Iterable[Container], services: Mapping[str, Any]) -> Project:
        """The same project with the profiles that its containers' services need.

        Which ones a team names with ``--profile`` stands in no label, and without them Compose rejects a service that
        depends on one of theirs. ``services`` are those of Compose's configuration with all profiles.
        """
        profiles = list(self.profiles)
        for name in sorted(
            {str(container.service) for container in containers if container.project == self.name and container.service}
        ):
            asked = (services.get(name) or {}).get("profiles") or []
            if asked and not {"*", *asked}.intersection(profiles):
                profiles.append(str(asked[0]))
        return replace(self, profiles=tuple(profiles))


def own_project(name: str, directory: str) -> Project:
    """A project of ours: one file with a name that Compose knows, in a folder of ours."""
    return Project(name, directory)


def read_project(containers: Iterable[Container], name: str, directory: str | None = None) -> Project:
    """The project of that name as its containers' labels and its ``.env`` say.

    The newest container counts, since it was made by the team's latest way of calling Compose. ``directory`` is the
    folder that the policy names; it counts where there is no container, or where the folder of the containers is gone.
    Raises ``HostSideError`` of kind ``compose`` for what is named there and does not exist any more.
    """
    own = [container for container in containers if container.project == name and container.working_directory]
    newest = max(
        (container for container in own if container.service),
        key=lambda container: container.created_at,
        default=next(iter(own), None),
    )
    folder = _folder(name, newest, directory)
    environment_files = () if newest is None else _environment_files(newest, folder)
    environment = _content(environment_files or (os.path.join(folder, ".env"),))
    return Project(
        name,
        folder,
        _files(newest, folder, environment),
        environment_files,
        tuple(filter(None, (dotenv.resolved(environment, "COMPOSE_PROFILES") or "").split(","))),
    )


def _folder(name: str, newest: Container | None, mapped: str | None) -> str:
    labelled = newest.working_directory if newest else None
    folder = next((folder for folder in (labelled, mapped) if folder and os.path.isdir(folder)), labelled or mapped)
    if folder is None:
        raise HostSideError(f"No folder of project {name} is known here.", kind="compose")
    if not os.path.isdir(folder):
        raise HostSideError(f"The folder {folder} of project {name} is missing.", kind="compose")
    return os.path.abspath(folder)


def _environment_files(newest: Container, folder: str) -> tuple[str, ...]:
    """What the team names with ``--env-file``; none where Compose itself finds ``.env``.

    Compose writes the whole paths into one label, with commas between them.
    """
    label = newest.environment_file or ""
    names = [label] if os.path.exists(label) else [name for name in label.split(",") if name]
    paths = tuple(os.path.join(folder, name) for name in names)
    if paths == (os.path.join(folder, ".env"),):
        return ()
    _refuse_missing(paths)
    return paths


def _files(newest: Container | None, folder: str, environment: bytes) -> tuple[str, ...]:
    """The Compose files in force.

    Compose itself reads those of ``COMPOSE_FILE``, else those with its own names. A container tells that the team names
    others with ``-f``: it was made from a file that is not among them, or past one that was there already.
    """
    named = dotenv.resolved(environment, "COMPOSE_FILE")
    files = [os.path.join(folder, name) for name in files_in_force(folder, environment)]
    made_from = [os.path.join(folder, name) for name in newest.config_files] if newest else []
    labelled = [name for name in made_from if not is_ours(folder, name)]
    used = [name for name in labelled if not _replaced(name, files, named)]
    past = [name for name in files if name not in used and not is_ours(folder, name)]
    if newest and used and (set(used).difference(files) or any(_older(name, newest) for name in past)):
        beside = os.path.join(folder, CAPACITY_FILE)  # what we have put there, its team's command is to name
        likely = dict.fromkeys([*made_from, *files, *([beside] if written_by_us(file_text(beside)) else [])])
        ours = [name for name in likely if is_ours(folder, name) and os.path.exists(name)]
        files = [*used, *ours]
    if not files:
        raise HostSideError(f"No Compose file was found in {folder}.", kind="compose")
    _refuse_missing(files)
    return tuple(files)


def _replaced(name: str, files: list[str], named: str | None) -> bool:
    """Whether a file is gone that Compose found by itself, and the team has put others into force since."""
    return bool(files) and not os.path.exists(name) and (named is not None or has_usual_name(name))


def _older(name: str, container: Container) -> bool:
    """Whether a file was there before the container was made, which was made past it.

    By its ``ctime``: a checkout or a copy may give a new file an old ``mtime``.
    """
    return os.path.exists(name) and os.stat(name).st_ctime < container.created_at


def _refuse_missing(names: Sequence[str]) -> None:
    """Compose would say so too, but in other words for each kind of file, and only once something is under way."""
    missing = next((name for name in names if not os.path.isfile(name)), None)
    if missing is not None:
        raise HostSideError(
            f"The app is started with {missing}, which does not exist any more; nothing was touched. Its team's own"
            " `docker compose up` with the files of today tells where they are.",
            kind="compose",
        )


def _content(names: Sequence[str]) -> bytes:
    """What these environment files say, the last one first in rank as for Compose; a missing one says nothing."""
    parts = []
    for name in names:
        try:
            with open(name, "rb") as source:
                parts.append(source.read())
        except FileNotFoundError:
            continue
    return b"\n".join(parts)
