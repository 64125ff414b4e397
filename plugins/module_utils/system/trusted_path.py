"""Who else could change what a unit runs or reads: every part of a path, and what lies below it, is looked at.

Whoever may write in one folder of the way can put another program, inventory or policy there, which the unit's user,
often root, then carries out.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator

from .failure import HostSideError

__all__ = ["refuse_foreign_writers"]

_MOST_LINKS = 40
_MOST_ENTRIES = 200_000  # of one tree; a venv of ours has 12,000
_VARIABLES = ("group_vars", "host_vars")  # what Ansible reads beside an inventory's file
_READ_BY_PYTHON = 4096  # bytes of a program in which the line that names its Python is


def refuse_foreign_writers(paths: list[str], user: str) -> None:
    """Raise ``HostSideError`` of kind ``refused`` where others than root and this user may change what is at a path.

    A path that is missing is left to who needs it. A program in a venv stands for the whole venv, a folder for all in
    it, and an inventory's file for the variables beside it.
    """
    try:
        owner = pwd.getpwnam(user)
    except KeyError:
        raise HostSideError(f"There is no user {user} on this machine.", kind="refused", rule="trusted-paths") from None
    trusted = _Trusted(owner)
    for path in paths:
        for part in _parts_of(os.path.abspath(path)):
            problem = trusted.complaint(part)
            if problem:
                raise HostSideError(
                    f"{path} is not safe to be used by {user}: {part} {problem}. Give it to root or {user}, and take"
                    " the right to write from everybody else.",
                    kind="refused",
                    rule="trusted-paths",
                )


class _Trusted:
    """Root, one user, and a group in which nobody else is."""

    def __init__(self, owner: pwd.struct_passwd) -> None:
        self._owner = owner
        self._groups = {0, *([owner.pw_gid] if _alone(owner) else [])}

    def complaint(self, path: str) -> str | None:
        """Who else may change what is there, in words; None where nobody may."""
        status = os.lstat(path)
        if status.st_uid not in (0, self._owner.pw_uid):
            return f"belongs to user {status.st_uid}"
        if stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX):
            return None  # nobody takes away what is another's in a folder such as /tmp
        if status.st_mode & stat.S_IWOTH:
            return "may be written by everybody"
        if status.st_mode & stat.S_IWGRP and status.st_gid not in self._groups:
            return f"may be written by group {status.st_gid}"
        return None


def _alone(owner: pwd.struct_passwd) -> bool:
    """Whether the user's own group has nobody else, as Debian and Red Hat make it."""
    try:
        members = set(grp.getgrgid(owner.pw_gid).gr_mem)
    except KeyError:
        return False
    others = [user.pw_name for user in pwd.getpwall() if user.pw_gid == owner.pw_gid and user.pw_uid != owner.pw_uid]
    return not others and members <= {owner.pw_name}


def _parts_of(path: str) -> Iterator[str]:
    """Every part of the way to a path, and all that is read with it."""
    yield from _way(path, 0)
    if os.path.isdir(path):
        yield from _tree(path)
        return
    for name in _VARIABLES:
        beside = os.path.join(os.path.dirname(path), name)
        if os.path.isdir(beside):
            yield from _way(beside, 0)
            yield from _tree(beside)
    yield from _python_of(path)


def _python_of(path: str) -> Iterator[str]:
    """The Python that a program names in its first line, and the venv that the program is in."""
    real = os.path.realpath(path)
    venv = os.path.dirname(os.path.dirname(real))
    if os.path.isfile(os.path.join(venv, "pyvenv.cfg")):
        yield from _way(venv, 0)
        yield from _tree(venv)
    if os.path.isfile(real) and os.access(real, os.X_OK):
        with open(real, "rb") as source:
            words = source.read(_READ_BY_PYTHON).splitlines()[:1]
        named = words[0][2:].split() if words and words[0].startswith(b"#!/") else []
        for word in named[:1]:
            yield from _way(os.fsdecode(word), 0)


def _tree(folder: str) -> Iterator[str]:
    count = 0
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            count += 1
            if count > _MOST_ENTRIES:
                raise HostSideError(f"{folder} holds too much to be looked at.", kind="refused", rule="trusted-paths")
            yield os.path.join(place, name)


def _way(path: str, links: int) -> Iterator[str]:
    """The parts of a path from the top, those of the links on it too; it ends where something is missing."""
    if links > _MOST_LINKS:
        raise HostSideError(f"{path} leads through too many links.", kind="refused", rule="trusted-paths")
    parts = [part for part in path.split("/") if part]
    reached = "/"
    yield reached
    for part in parts:
        reached = os.path.join(reached, part)
        if not os.path.lexists(reached):
            return
        yield reached
        if os.path.islink(reached):
            target = os.path.join(os.path.dirname(reached), os.readlink(reached))
            yield from _way(os.path.abspath(target), links + 1)
            reached = os.path.realpath(reached)
