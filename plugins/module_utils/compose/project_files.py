"""Files in a Project's folder, written or removed together, each with its own owner and mode."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Optional

from ..state.state import UNFINISHED, sync_folder, write_whole
from ..system.failure import HostSideError

__all__ = ["TRIAL", "Content", "ProjectFiles"]

TRIAL = ".compose.capacity.yml.trial"

Content = Optional[bytes]  # None where there is no file


class ProjectFiles:
    """The files of a folder, by path. A new one gets owner and mode of ``model``, the app's first Compose file.

    Where that is the folder itself, nobody can execute the new one.
    """

    def __init__(self, directory: str, model: str) -> None:
        self._directory = directory
        self._model = os.path.join(directory, model)

    def clear_unfinished(self) -> None:
        """Remove what a process of ours that was killed has left half done; the folder is the team's."""
        for name in os.listdir(self._directory):
            if name == TRIAL or name.startswith(UNFINISHED):
                _unlink(os.path.join(self._directory, name))

    def content(self, path: str) -> Content:
        """What a file holds, None where there is none."""
        try:
            with open(path, "rb") as source:
                return source.read()
        except FileNotFoundError:
            return None

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
        except OSError as problem:
            done = {path: content for path, content in before.items() if self.content(path) != content}
            self._put(dict(reversed(list(done.items()))))
            raise HostSideError(
                f"{self._directory} cannot be written ({problem.strerror}); its files are as before.", kind="state"
            ) from problem

    def _put(self, wanted: Mapping[str, Content]) -> None:
        for path, content in wanted.items():
            if content is None:
                _unlink(path)
            else:
                known = os.stat(path if os.path.exists(path) else self._model)
                mode = stat.S_IMODE(known.st_mode) & (0o666 if stat.S_ISDIR(known.st_mode) else 0o7777)
                write_whole(path, content, mode=mode, owner=(known.st_uid, known.st_gid))


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    sync_folder(os.path.dirname(path))
