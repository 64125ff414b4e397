"""Files in a Project's folder, written or removed together, each with its own owner and mode."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Optional

from ..system.contained_folder import UNFINISHED, ContainedFolder
from ..system.failure import HostSideError

__all__ = ["Content", "ProjectFiles"]

_TRIAL = ".compose.capacity.yml.trial"

Content = Optional[bytes]  # None where there is no file


class ProjectFiles:
    """The files of a folder, by path. A new one gets owner and mode of ``model``, the app's first Compose file.

    Where that is the folder itself, nobody can execute the new one. The folder is the team's, who may have made links
    in it, such as a ``.env`` of several releases: only those are followed that ``ContainedFolder`` follows for owners.
    """

    def __init__(self, directory: str, model: str) -> None:
        self._directory = directory
        self._model = os.path.join(directory, model)
        self._files = ContainedFolder("/", owners_links=True)

    def clear_unfinished(self) -> None:
        """Remove what a process of ours that was killed has left half done; the folder is the team's."""
        for name in ContainedFolder(self._directory, owners_links=True).names():
            if name == _TRIAL or name.startswith(UNFINISHED):
                self._files.remove(os.path.join(self._directory, name))

    def content(self, path: str) -> Content:
        """What a file holds, None where there is none."""
        return self._files.read(path)

    @contextmanager
    def trial(self, text: str) -> Iterator[str]:
        """A file of that text beside the others for a while, for Compose to read; its path."""
        path = os.path.join(self._directory, _TRIAL)
        try:
            self._files.write(path, text.encode())
            yield path
        finally:
            self._files.remove(path)

    def differing(self, wanted: Mapping[str, Content]) -> dict[str, Content]:
        """What of ``wanted`` is not so already, in the same order."""
        return {path: content for path, content in wanted.items() if self.content(path) != content}

    def put(self, wanted: Mapping[str, Content]) -> None:
        """Bring the files to what is wanted, in the order of ``wanted``; where one fails, all are as before.

        Raises ``HostSideError`` of kind ``state``.
        """
        before = {path: self.content(path) for path in wanted}
        try:
            self._put(wanted)
        except HostSideError as problem:
            done = {path: content for path, content in before.items() if self.content(path) != content}
            self._put(dict(reversed(list(done.items()))))
            raise HostSideError(f"{problem.sentence} The files of its folder are as before.", kind="state") from problem

    def _put(self, wanted: Mapping[str, Content]) -> None:
        for path, content in wanted.items():
            if content is None:
                self._files.remove(path)
                continue
            known = self._files.status(path) or self._files.status(self._model)
            if known is None:
                raise HostSideError(f"{self._model} is missing.", kind="state")
            mode = stat.S_IMODE(known.st_mode) & (0o666 if stat.S_ISDIR(known.st_mode) else 0o7777)
            self._files.write(path, content, mode=mode, owner=(known.st_uid, known.st_gid))
