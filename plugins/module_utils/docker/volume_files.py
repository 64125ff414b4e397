"""Files inside a container's volume, reached from the host and never through a link that leads out of it."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..system.failure import HostSideError

__all__ = ["ContainedFolder", "mount_of"]

_UNFINISHED = ".selextract-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class ContainedFolder:
    """A folder on the host whose content belongs to a container; paths are relative to it.

    Whoever works in the container may have put links there. None is followed, so nothing outside is read or written.
    Raises ``HostSideError`` of kind ``state`` where something cannot be read or written.
    """

    def __init__(self, root: str) -> None:
        self.root = root

    def read(self, path: str) -> bytes | None:
        """The content of a file, None where there is none."""
        try:
            with self._parent(path) as (folder, name):
                handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
                with os.fdopen(handle, "rb") as source:
                    if not stat.S_ISREG(os.fstat(handle).st_mode):
                        raise self._refused(path, "it is no file")
                    return source.read()
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise self._refused(path, _words(problem)) from problem

    def clear_unfinished(self, path: str) -> None:
        """Remove what a killed process has left half written beside that file; no folder there is fine."""
        try:
            with self._parent(path) as (folder, _):
                self._clear(folder)
        except FileNotFoundError:
            return
        except OSError as problem:
            raise self._refused(path, _words(problem)) from problem

    def _clear(self, folder: int) -> None:
        for name in os.listdir(folder):
            if name.startswith(_UNFINISHED):
                os.unlink(name, dir_fd=folder)

    def write(self, path: str, content: bytes, *, like: str) -> None:
        """Replace a file whole and durably; owner and mode are those of the file ``like``."""
        try:
            known = self._status(like)
            with self._parent(path) as (folder, name):
                self._clear(folder)
                self._write(folder, name, content, known)
        except OSError as problem:
            raise self._refused(path, _words(problem)) from problem

    def make_folder(self, path: str, *, like: str) -> None:
        """Make a folder where it is missing, for its owner alone; that is the owner of the file ``like``."""
        try:
            known = self._status(like)
            with self._parent(path) as (folder, name):
                try:
                    os.mkdir(name, 0o700, dir_fd=folder)
                except FileExistsError:
                    return
                os.chown(name, known.st_uid, known.st_gid, dir_fd=folder, follow_symlinks=False)
                os.fsync(folder)
        except OSError as problem:
            raise self._refused(path, _words(problem)) from problem

    def remove(self, path: str) -> None:
        """Remove a file; none there is fine."""
        try:
            with self._parent(path) as (folder, name):
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)
        except FileNotFoundError:
            return
        except OSError as problem:
            raise self._refused(path, _words(problem)) from problem

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The open folder that a path lies in, and its last part."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            raise self._refused(path, "it is no place inside")
        handles = [os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        try:
            for part in parts[:-1]:
                handles.append(os.open(part, _FOLDER, dir_fd=handles[-1]))
            yield handles[-1], parts[-1]
        finally:
            for handle in reversed(handles):
                os.close(handle)

    def _status(self, path: str) -> os.stat_result:
        with self._parent(path) as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def _write(self, folder: int, name: str, content: bytes, known: os.stat_result) -> None:
        temporary = f"{_UNFINISHED}{secrets.token_hex(6)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o600, dir_fd=folder)
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(content)
                os.fchmod(handle, stat.S_IMODE(known.st_mode))
                os.fchown(handle, known.st_uid, known.st_gid)
                target.flush()
                os.fsync(handle)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(temporary, dir_fd=folder)
            raise
        os.fsync(folder)

    def _refused(self, path: str, why: str) -> HostSideError:
        return HostSideError(f"{os.path.join(self.root, path)} cannot be used: {why}.", kind="state")


def _words(problem: OSError) -> str:
    if problem.errno in (errno.ELOOP, errno.ENOTDIR):
        return "there is a link on the way, which is not followed"
    return (problem.strerror or str(problem)).lower()


def mount_of(details: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The container's mount that ``path`` inside it lies on, as Docker describes it; None where it lies on none."""
    over = [
        mount
        for mount in details.get("Mounts") or []
        if path == mount.get("Destination") or path.startswith(str(mount.get("Destination")).rstrip("/") + "/")
    ]
    return max(over, key=lambda mount: len(str(mount["Destination"])), default=None)
