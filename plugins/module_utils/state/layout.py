"""How the state folder is laid out: what belongs to the host, what to one Project, and the number of this format.

``format.json`` has the number. Format 2 keeps what belongs to one Project in ``projects/<name>/``; version 0.1 kept all
Projects in the same files, which is format 1 and has no such file.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from ..system.failure import HostSideError
from .state import NEEDS_NEWER, StateFolder, write_whole

__all__ = [
    "BALANCER",
    "COMPONENTS",
    "FORMAT",
    "PGBOUNCER",
    "PROJECTS",
    "READ_BALANCER",
    "REPLICA",
    "OwnProject",
    "format_of",
    "own_project_of",
    "project_folder",
    "stamp",
]

FORMAT = 2
PROJECTS = "projects"
BALANCER, READ_BALANCER, PGBOUNCER, REPLICA = "balancer", "balancer-ro", "pgbouncer", "replica"
COMPONENTS = (BALANCER, READ_BALANCER, PGBOUNCER, REPLICA)
_FILE = "format.json"
_LONGEST = 40  # characters of a folder: the path of a socket below it may have 107 bytes
_MARK = 8


@dataclass(frozen=True)
class OwnProject:
    """A Compose project of ours beside an app: its ``name``, and the ``folder`` of its files in the state folder."""

    name: str
    folder: str


def project_folder(project: str) -> str:
    """The folder of a Project in the state folder; a long name is cut and told apart by a digest."""
    name = project
    if len(project) > _LONGEST:
        digest = hashlib.sha256(project.encode()).hexdigest()[:_MARK]
        name = f"{project[: _LONGEST - _MARK - 1]}-{digest}"
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise HostSideError(f"{project[:60]!r} is not the name of a Compose project.", kind="usage")
    return os.path.join(PROJECTS, name)


def own_project_of(project: str, component: str) -> OwnProject:
    """Where a component goes beside a Project, unless it is there under other names already."""
    return OwnProject(f"{project}-{component}", os.path.join(project_folder(project), component))


def format_of(folder: StateFolder) -> int:
    """The format of the folder; 1 where nothing says so. Raises ``HostSideError`` for one of a newer version."""
    number = (folder.read(_FILE) or {}).get("format", 1)
    if not isinstance(number, int) or number > FORMAT:
        raise HostSideError(
            f"{folder.path} was written by a newer version of selextract-infra (format {number}, this version knows"
            f" {FORMAT}); work with that version, or let it uninstall first.",
            kind="state",
        )
    return number


def stamp(folder: StateFolder) -> None:
    """Say that the folder has this format, and keep version 0.1 from working with it.

    Version 0.1 knows no format. It reads every file of ``runs/`` before it takes the lock, and stops at one that is no
    record with a sentence that has the file's name in it.
    """
    for name in ("", "runs", PROJECTS):
        os.makedirs(os.path.join(folder.path, name), mode=0o700, exist_ok=True)
    write_whole(os.path.join(folder.path, "runs", NEEDS_NEWER), b'"This host needs a newer version."\n', mode=0o600)
    folder.write(_FILE, {"format": FORMAT})
