"""Files below a folder that others may write, reached part by part and never through a link that one of them made."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, Optional

from .amounts import memory
from .failure import HostSideError

__all__ = ["UNFINISHED", "ContainedFolder"]

UNFINISHED = ".selextract-"
"""How the name of a file begins that is not whole yet; one that was killed leaves it."""

_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC  # such a handle needs no right to read the folder
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in the place of a file holds nobody up
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 20
_LONGEST = 64 * 2**20  # bytes of a file that is read whole

Owner = Optional[tuple[int, int]]  # user and group


class ContainedFolder:
    """A folder in which others may write, such as a container's volume; paths are relative to it.

    Whoever writes there may have put links there. Below the folder none is followed; with ``owners_links``, for a
    folder that a team arranges as it likes, and always on the way to the folder, one is followed that is root's, or
    whose owner also owns the folder that it leads to: who owns a folder needs nobody's help to change what is in it.
    Raises ``HostSideError`` of kind ``state`` where something cannot be read or written.
    """

    def __init__(self, root: str, *, owners_links: bool = False) -> None:
        self.root = root
        self._owners_links = owners_links

    def read(self, path: str) -> bytes | None:
        """The content of a file, None where there is none."""
        try:
            with self.source(path) as source:
                content = source.read(_LONGEST + 1)
        except FileNotFoundError:
            return None
        if len(content) > _LONGEST:
            raise self._refused(path, f"it has more than {memory(_LONGEST)}")
        return content

    @contextmanager
    def source(self, path: str) -> Iterator[BinaryIO]:
        """A file, open to be read from its beginning. Raises ``FileNotFoundError`` where there is none."""
        with self._parent(path) as (folder, name):
            handle = os.open(name, _READ, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise self._refused(path, "it is no file")
        with os.fdopen(handle, "rb") as source:
            yield source

    @contextmanager
    def new_file(self, path: str) -> Iterator[BinaryIO]:
        """A file that was not there, open to be written; only its owner can read it. Durable at the end."""
        with self._parent(path, needed=True) as (folder, name):
            handle = os.open(name, _CREATE, 0o600, dir_fd=folder)
        with os.fdopen(handle, "wb") as target:
            yield target
            target.flush()
            os.fsync(handle)

    def write(
        self, path: str, content: bytes, *, like: str | None = None, mode: int = 0o600, owner: Owner = None
    ) -> None:
        """Replace a file whole and durably; owner and mode are those of the file ``like`` where one is named."""
        with self._parent(path, needed=True) as (folder, name):
            if like is not None:
                known = self._known(like)
                mode, owner = stat.S_IMODE(known.st_mode), (known.st_uid, known.st_gid)
            temporary = f"{UNFINISHED}{secrets.token_hex(6)}"
            handle = os.open(temporary, _CREATE, 0o600, dir_fd=folder)
            try:
                with os.fdopen(handle, "wb") as target:
                    target.write(content)
                    os.fchmod(handle, mode)
                    if owner is not None:
                        os.fchown(handle, *owner)
                    target.flush()
                    os.fsync(handle)
                os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                os.unlink(temporary, dir_fd=folder)
                raise
            _sync(folder)

    def make_folder(self, path: str, *, like: str | None = None, owner: Owner = None) -> None:
        """Make a folder where it is missing, for its owner alone; that is the owner of the file ``like``, if named."""
        with self._parent(path, needed=True) as (folder, name):
            if like is not None:
                known = self._known(like)
                owner = (known.st_uid, known.st_gid)
            try:
                os.mkdir(name, 0o700, dir_fd=folder)
            except FileExistsError:
                return
            if owner is not None:
                os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)
            _sync(folder)

    def remove(self, path: str) -> None:
        """Remove a file; none there is fine."""
        try:
            with self._parent(path) as (folder, name):
                os.unlink(name, dir_fd=folder)
                _sync(folder)
        except FileNotFoundError:
            return

    def clear_unfinished(self, path: str) -> None:
        """Remove what a process that was killed while it wrote has left beside that file; no folder there is fine."""
        try:
            with self._parent(path) as (place, _):
                folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=place)
        except FileNotFoundError:
            return
        try:
            for name in os.listdir(folder):
                if name.startswith(UNFINISHED):
                    os.unlink(name, dir_fd=folder)
        finally:
            os.close(folder)

    def remove_tree(self, path: str) -> None:
        """Remove a folder with everything in it; none there is fine."""
        try:
            with self._parent(path) as (folder, name):
                for _, folders, files, place in os.fwalk(name, topdown=False, follow_symlinks=False, dir_fd=folder):
                    for entry in [*files, *folders]:
                        _remove_entry(entry, place)
                os.rmdir(name, dir_fd=folder)
                _sync(folder)
        except FileNotFoundError:
            return

    def names(self) -> list[str]:
        """What the folder itself holds, sorted; nothing where it is missing."""
        try:
            with self._opened() as folder:
                handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
                try:
                    return sorted(os.listdir(handle))
                finally:
                    os.close(handle)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def status(self, path: str) -> os.stat_result | None:
        """What is at a path, a link by itself; None where nothing is."""
        try:
            return self._known(path)
        except FileNotFoundError:
            return None

    def make(self) -> None:
        """Make the folder itself and those above it where they are missing, for their owner alone."""
        with self._sentences("", needed=True), ExitStack() as opened:
            _OpenWay(opened, self._refused, makes_folders=True).enter(_parts(self.root))

    def refuse_writable(self) -> None:
        """Raise where others than root, or than whoever we are, may write in the folder itself."""
        with self._opened() as folder:
            status = os.fstat(folder)
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise self._refused("", "others than root may write in it")

    def give_to(self, owner: tuple[int, int]) -> None:
        """Give the folder itself to a user and group."""
        with self._opened() as folder:
            os.chown(".", *owner, dir_fd=folder)

    def _known(self, path: str) -> os.stat_result:
        with self._parent(path) as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        with self._sentences(""), ExitStack() as opened:
            yield _OpenWay(opened, self._refused).enter(_parts(self.root))

    @contextmanager
    def _parent(self, path: str, *, needed: bool = False) -> Iterator[tuple[int, str]]:
        """The open folder that a path lies in, and its last part; a folder that is ``needed`` has to be there."""
        parts = _parts(path)
        if not parts or (".." in parts and not self._owners_links):
            raise self._refused(path, "it is no place inside")
        with self._sentences(path, needed=needed), ExitStack() as opened:
            way = _OpenWay(opened, self._refused)
            folder = way.enter(_parts(self.root))
            way.follows_links = self._owners_links
            yield way.last(way.enter(parts[:-1], folder), parts[-1])

    @contextmanager
    def _sentences(self, path: str, *, needed: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            if isinstance(problem, FileNotFoundError) and not needed:
                raise
            raise self._refused(path, _words(problem)) from problem

    def _refused(self, path: str, why: str) -> HostSideError:
        return HostSideError(f"{os.path.join(self.root, path)} cannot be used: {why}.", kind="state")


class _OpenWay:
    """From folder to folder by open handles, which nobody can replace behind us."""

    def __init__(self, opened: ExitStack, refused: Any, *, makes_folders: bool = False) -> None:
        self.follows_links = True
        self._makes_folders = makes_folders
        self._opened = opened
        self._refused = refused
        self._links = 0
        self._top = self._kept(os.open("/", _PLACE))

    def enter(self, parts: Iterable[str], folder: int | None = None) -> int:
        """The folder at the end of these parts, from ``folder`` or from the top."""
        reached = self._top if folder is None else folder
        for part in parts:
            reached = self._step(reached, part)
        return reached

    def last(self, folder: int, name: str) -> tuple[int, str]:
        """Where a file really is: its folder and its name there, after the links that are followed."""
        while self.follows_links and (link := self._link(folder, name)):
            target, owner = link
            parts = _parts(target)
            if not parts:
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            folder = self.enter(parts[:-1], None if target.startswith("/") else folder)
            self._check_owner(folder, name, owner)
            name = parts[-1]
        return folder, name

    def _step(self, folder: int, name: str) -> int:
        try:
            return self._kept(os.open(name, _PLACE, dir_fd=folder))
        except FileNotFoundError:
            if not self._makes_folders:
                raise
            os.mkdir(name, 0o700, dir_fd=folder)
            return self._kept(os.open(name, _PLACE, dir_fd=folder))
        except OSError as problem:
            link = self._link(folder, name) if problem.errno in (errno.ELOOP, errno.ENOTDIR) else None
            if link is None or not self.follows_links:
                raise
        target, owner = link
        reached = self.enter(_parts(target), None if target.startswith("/") else folder)
        self._check_owner(reached, name, owner)
        return reached

    def _link(self, folder: int, name: str) -> tuple[str, int] | None:
        """Where a link leads and whose it is; None for anything else."""
        try:
            handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(handle)
            if not stat.S_ISLNK(status.st_mode):
                return None
            self._links += 1
            if self._links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            return os.readlink("", dir_fd=handle), status.st_uid
        finally:
            os.close(handle)

    def _check_owner(self, reached: int, name: str, owner: int) -> None:
        holds = os.fstat(reached).st_uid
        if owner not in (0, holds):
            raise self._refused(name, f"it is a link of user {owner} into a folder of user {holds}")

    def _kept(self, handle: int) -> int:
        self._opened.callback(os.close, handle)
        return handle


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _remove_entry(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except (IsADirectoryError, PermissionError):
        os.rmdir(name, dir_fd=folder)


def _sync(folder: int) -> None:
    """Make a change in a folder durable; its own handle cannot be used for that."""
    handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _words(problem: OSError) -> str:
    if problem.errno in (errno.ELOOP, errno.ENOTDIR):
        return "there is a link on the way, which is not followed"
    return (problem.strerror or str(problem)).lower()
