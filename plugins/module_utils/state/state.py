"""The state folder on the host: small JSON files, written whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..system.contained_folder import UNFINISHED
from ..system.failure import HostSideError

__all__ = ["NEEDS_NEWER", "StateFolder", "remove_folder", "sync_folder", "write_whole"]

NEEDS_NEWER = "needs-selextract-infra-0.2-or-newer.json"
"""In ``runs/``: keeps version 0.1 from a folder of today's layout; it is no Run."""

_FOLDERS = ("runs", "definitions")
_WRITTEN_UNDER_THE_LOCK = (*_FOLDERS, "segments", "projects")
_GUARD = ".guard"
_GUARD_BOUND = 20.0  # seconds to wait for another process that is writing


class StateFolder:
    """``/var/lib/selextract-infra``: 0700, owned by root; names are relative to it.

    Whatever cannot be read or written raises ``HostSideError`` of kind ``state``; callers write before they touch
    anything.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def prepare(self) -> None:
        """Make the folder where it is missing, and prove that it can be written."""
        try:
            for name in _FOLDERS:
                os.makedirs(os.path.join(self.path, name), mode=0o700, exist_ok=True)
            os.chmod(self.path, 0o700)
            write_whole(os.path.join(self.path, ".writable"), b"x" * 4096, mode=0o600)
            os.unlink(os.path.join(self.path, ".writable"))
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def read(self, name: str) -> dict[str, Any] | None:
        """The content of a file, None when there is none."""
        try:
            with open(os.path.join(self.path, name), encoding="utf-8") as source:
                content = json.load(source)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as problem:
            raise HostSideError(
                f"{os.path.join(self.path, name)} cannot be read ({_reason(problem)}), so nothing was touched.",
                kind="state",
            ) from problem
        if not isinstance(content, dict):
            raise HostSideError(
                f"{os.path.join(self.path, name)} holds no record, so nothing was touched.", kind="state"
            )
        return content

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Replace a file by ``content``; after a crash there is the old file or the new one."""
        try:
            write_whole(os.path.join(self.path, name), json.dumps(content, indent=1).encode(), mode=0o600)
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def remove(self, name: str) -> None:
        """Remove a file; none there is fine."""
        try:
            os.unlink(os.path.join(self.path, name))
        except FileNotFoundError:
            return
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def names(self, folder: str) -> list[str]:
        """The names of the JSON files in a folder, sorted."""
        try:
            names = os.listdir(os.path.join(self.path, folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as problem:
            raise HostSideError(f"{self.path} cannot be read ({_reason(problem)}).", kind="state") from problem
        return sorted(name for name in names if name.endswith(".json") and name != NEEDS_NEWER)

    def clear_unfinished(self) -> None:
        """Remove what killed processes have left half written; they may hold what is secret. The lock must be ours."""
        for folder, folders, names in os.walk(self.path):
            if folder == self.path:
                folders[:] = [name for name in folders if name in _WRITTEN_UNDER_THE_LOCK]
            for name in names:
                if name.startswith(UNFINISHED):
                    self.remove(os.path.relpath(os.path.join(folder, name), self.path))

    def holds_more_than_the_lock(self) -> bool:
        """Whether anything but the lock and what it needs is there."""
        names = set(os.listdir(self.path)) if os.path.isdir(self.path) else set()
        projects = os.path.join(self.path, "projects")
        empty = os.path.isdir(projects) and not os.listdir(projects)
        layout = {"format.json", "projects"} if empty else {"format.json"}
        return bool(names - {_GUARD, "lock.json", "epoch.json", *layout, *_FOLDERS} or self.names("runs"))

    def remove_all(self) -> None:
        """Remove the folder with everything in it."""
        remove_folder(self.path)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Only one process at a time inside; two that want the lock at once cannot both get it."""
        try:
            handle = os.open(os.path.join(self.path, _GUARD), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise self._unwritable(problem) from problem
        try:
            self._wait_for(handle)
            yield
        finally:
            os.close(handle)

    def _wait_for(self, handle: int) -> None:
        give_up = time.monotonic() + _GUARD_BOUND
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise HostSideError(f"Another process holds {self.path} for too long.", kind="state") from None
                time.sleep(0.02)
            else:
                return

    def _unwritable(self, problem: OSError) -> HostSideError:
        return HostSideError(
            f"The state folder {self.path} cannot be written ({_reason(problem)}), so nothing was touched.",
            kind="state",
        )


def write_whole(path: str, content: bytes, *, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Replace the file at ``path`` atomically and durably; ``owner`` is user and group ID. Raises ``OSError``."""
    folder = os.path.dirname(path) or "."
    handle, temporary = tempfile.mkstemp(prefix=UNFINISHED, dir=folder)
    try:
        with os.fdopen(handle, "wb") as target:
            target.write(content)
            os.fchmod(target.fileno(), mode)
            if owner is not None:
                os.fchown(target.fileno(), *owner)
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    sync_folder(folder)


def remove_folder(path: str) -> bool:
    """Remove a folder with everything in it; whether it was there. Raises ``HostSideError`` of kind ``state``."""
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return False
    except OSError as problem:
        raise HostSideError(f"{path} cannot be removed ({_reason(problem)}).", kind="state") from problem
    return True


def sync_folder(folder: str) -> None:
    """Make a rename or removal in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(problem: Exception) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
