"""Put ``compose.capacity.yml`` into force beside the app's files, and take it out again without a trace."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from . import dotenv
from .compose import CAPACITY_FILE, Compose, environment_bytes, files_in_force, separator
from .containers import Container
from .failure import HostSideError
from .project import Project, read_project
from .state import StateFolder, sync_folder, write_whole

__all__ = ["CapacityWriter", "known_places"]

_KEY = "COMPOSE_FILE"
_ORIGINALS = "capacity.json"


class CapacityWriter:
    """The capacity file of one project, and the ``COMPOSE_FILE`` entry of its ``.env``.

    What ``.env`` said before our first change is kept in the state folder, so that uninstalling brings it back byte for
    byte. ``containers`` are those of the project: they tell how its team calls Compose.
    """

    def __init__(self, folder: StateFolder, project: str, directory: str, containers: Iterable[Container] = ()) -> None:
        if not os.path.isdir(directory):
            raise HostSideError(f"The folder {directory} of project {project} is missing.", kind="compose")
        self._folder = folder
        self._project = project
        self._directory = directory
        self._path = os.path.join(directory, CAPACITY_FILE)
        self._environment_path = os.path.realpath(os.path.join(directory, ".env"))
        self._containers = [one for one in containers if one.project == project]

    @cached_property
    def files(self) -> list[str]:
        """The Compose files in force before we wrote anything; taking our file away needs none of them."""
        return self._team().named_files

    @property
    def text(self) -> str | None:
        """The capacity file as it is, None when there is none."""
        try:
            with open(self._path, encoding="utf-8") as source:
                return source.read()
        except FileNotFoundError:
            return None

    @property
    def environment(self) -> bytes:
        """``.env`` as it is, empty when there is none."""
        return environment_bytes(self._directory)

    def environment_with_us(self) -> bytes:
        """``.env`` with our file named last in ``COMPOSE_FILE``; unchanged where it is named already."""
        content = self.environment
        if dotenv.resolved(content, _KEY) and CAPACITY_FILE in files_in_force(self._directory):
            return content
        return dotenv.with_entry(content, _KEY, self._entry_with_us(content))

    def environment_without_us(self) -> bytes:
        """``.env`` as it was before us; what the team has changed in it since stays."""
        content = self.environment
        original = self._original()
        entry = dotenv.find_entry(content, _KEY)
        if entry is None:
            return content
        raw = entry.raw.decode("latin-1")
        if original is not None and raw == original["ours"]:
            return _put_back(content, original)
        between = separator(content)
        for ours in (between + self._path, self._path + between):
            if ours in raw:
                return dotenv.with_entry(content, _KEY, raw.replace(ours, "").encode("latin-1"))
        return content

    def inverse(self) -> dict[str, Any]:
        """How the next change is undone."""
        return {
            "project": self._project,
            "directory": self._directory,
            "text": self.text,
            "environment": self._origin(),
        }

    def write(self, text: str, *, used_at_once: bool = False) -> None:
        """Put the file and the entry in place; Compose has accepted both before, and once more after.

        ``used_at_once``: Compose reads them in a moment all the same, so they are not read once more for that.
        Raises ``HostSideError`` when Compose does not accept them or the folder cannot be written; both are as before
        then.
        """
        before, environment, existed = self.text, self.environment, os.path.exists(self._environment_path)
        self._keep_original()
        try:
            self._check_beside(text)
            self._replace(self._path, text.encode(), self._path)
            wanted = self.environment_with_us()
            if wanted != environment:
                self._replace(self._environment_path, wanted, self._environment_path)
            if not used_at_once:
                Compose(self._team()).check()
        except HostSideError:
            self._return_to(before, environment, existed=existed)
            raise
        except OSError as problem:
            self._return_to(before, environment, existed=existed)
            raise HostSideError(
                f"{self._directory} cannot be written ({problem.strerror}); its files are as before.", kind="state"
            ) from problem

    def remove(self) -> None:
        """Take the file and the entry away."""
        environment = self.environment_without_us()
        original = self._original()
        try:
            self._write_environment(environment, existed=original is None or original["existed"])
            _unlink(self._path)
        except OSError as problem:
            raise HostSideError(f"{self._directory} cannot be written ({problem.strerror}).", kind="state") from problem
        self._forget_original()

    def restore(self, inverse: dict[str, Any]) -> bool:
        """Put back what ``inverse`` noted; returns whether anything differed from it."""
        noted = inverse["environment"]
        content = self.environment
        entry = dotenv.find_entry(content, _KEY)
        ours = entry is not None and entry.raw.decode("latin-1") == noted["ours"] and noted["ours"] != noted["raw"]
        wanted = _put_back(content, noted) if ours else content
        differs = wanted != content or inverse["text"] != self.text
        try:
            self._return_to(inverse["text"], wanted, existed=noted["existed"])
        except OSError as problem:
            raise HostSideError(
                f"{self._directory} cannot be written ({problem.strerror}).", kind="restore"
            ) from problem
        if self.text is None:
            self._forget_original()
        return differs

    def _origin(self) -> dict[str, Any]:
        content = self.environment
        entry = dotenv.find_entry(content, _KEY)
        wanted = dotenv.find_entry(self.environment_with_us(), _KEY)
        return {
            "existed": os.path.exists(self._environment_path),
            "raw": None if entry is None else entry.raw.decode("latin-1"),
            "ours": "" if wanted is None else wanted.raw.decode("latin-1"),
            "gap_added": bool(content) and not content.endswith(b"\n"),
        }

    def _original(self) -> dict[str, Any] | None:
        found = (self._folder.read(_ORIGINALS) or {}).get(self._directory)
        return dict(found) if found else None

    def _keep_original(self) -> None:
        if self.environment_with_us() != self.environment:
            originals = self._folder.read(_ORIGINALS) or {}
            self._folder.write(_ORIGINALS, {**originals, self._directory: {"project": self._project, **self._origin()}})

    def _forget_original(self) -> None:
        originals = self._folder.read(_ORIGINALS) or {}
        if originals.pop(self._directory, None) is not None:
            self._folder.write(_ORIGINALS, originals)

    def _entry_with_us(self, content: bytes) -> bytes:
        between = separator(content)
        entry = dotenv.find_entry(content, _KEY)
        if entry is not None and entry.text:
            quote = entry.quote.encode()
            inner = entry.raw[1:-1] if quote else entry.raw
            return quote + inner + f"{between}{self._path}".encode() + quote
        # Compose takes relative names from where it is called, so `--project-directory` would no longer find them.
        others = [name for name in self.files if os.path.basename(name) != CAPACITY_FILE]
        names = [os.path.join(self._directory, name) for name in [*others, CAPACITY_FILE]]
        broken = next((name for name in names if between in name), None)
        if broken is not None:
            raise HostSideError(
                f"The Compose file {broken!r} has {between!r} in its name, so COMPOSE_FILE cannot name it.",
                kind="compose",
            )
        return dotenv.quoted(between.join(names))

    def _check_beside(self, text: str) -> None:
        """Let Compose read the app's files with the new text, before anything is in place."""
        trial = os.path.join(self._directory, f".{CAPACITY_FILE}.trial")
        others = [name for name in self.files if os.path.basename(name) != CAPACITY_FILE]
        try:
            write_whole(trial, text.encode(), mode=0o600)
            Compose(self._team().with_files([*others, trial])).check()
        finally:
            _unlink(trial)

    def _team(self) -> Project:
        """The project as it is called now, with what we have written."""
        return read_project(self._containers, self._project, self._directory)

    def _replace(self, path: str, content: bytes, like: str) -> None:
        """Write a file with its own owner and mode; a new one gets those of the app's first Compose file."""
        model = like if os.path.exists(like) else os.path.join(self._directory, self.files[0])
        known = os.stat(model)
        write_whole(path, content, mode=stat.S_IMODE(known.st_mode), owner=(known.st_uid, known.st_gid))

    def _write_environment(self, content: bytes, *, existed: bool) -> None:
        if content == self.environment:
            return
        if content or existed:
            self._replace(self._environment_path, content, self._environment_path)
        else:
            _unlink(self._environment_path)

    def _return_to(self, text: str | None, environment: bytes, *, existed: bool) -> None:
        self._write_environment(environment, existed=existed)
        if text is None:
            _unlink(self._path)
        elif text != self.text:
            self._replace(self._path, text.encode(), self._path)


def known_places(folder: StateFolder) -> list[tuple[str, str]]:
    """Project and directory of every capacity file that is in force on this host and whose folder is still there."""
    originals = folder.read(_ORIGINALS) or {}
    return [(original["project"], directory) for directory, original in originals.items() if os.path.isdir(directory)]


def _put_back(content: bytes, noted: dict[str, Any]) -> bytes:
    if noted["raw"] is not None:
        return dotenv.with_entry(content, _KEY, noted["raw"].encode("latin-1"))
    return dotenv.without_entry(content, _KEY, noted["ours"].encode("latin-1"), gap_added=noted["gap_added"])


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    sync_folder(os.path.dirname(path))
