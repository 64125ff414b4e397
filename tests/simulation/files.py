"""Calls that change a file below the root of a simulated host: each is a boundary, the files are real ones."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

from tests.simulation.boundaries import Boundaries, LostAnswerError

__all__ = ["SimulatedFiles"]

_UNFINISHED = (".selextract-", ".writable")  # what is written under such a name counts when it gets its own


class SimulatedFiles:
    """In place of some functions of ``os``; everything outside of the root goes to the real ones.

    A file is written place under another name first, so what counts is the rename: before it a crash leaves the old
    content, and the other file beside it.
    """

    def __init__(self, root: str, boundaries: Callable[[], Boundaries]) -> None:
        self._root = root
        self._boundaries = boundaries
        self._real = {name: getattr(os, name) for name in ("replace", "unlink", "mkdir", "open")}
        self._make_temporary = tempfile.mkstemp

    @property
    def calls(self) -> dict[str, Callable[..., Any]]:
        """What replaces which function of ``os``; memory needs no ``fsync``."""
        return {
            "replace": self.replace,
            "unlink": self.unlink,
            "mkdir": self.mkdir,
            "open": self.open,
            "fsync": lambda _handle: None,
            "chown": lambda *_words, **_more: None,
            "fchown": lambda *_words, **_more: None,
        }

    def replace(self, source: str, target: str, **more: Any) -> Any:
        """As ``os.replace``."""
        place = _place(target, more.get("dst_dir_fd"))
        if not self._below(place):
            return self._real["replace"](source, target, **more)
        return self._touch("write", place, lambda: self._real["replace"](source, target, **more))

    def unlink(self, path: str, **more: Any) -> Any:
        """As ``os.unlink``."""
        place = _place(path, more.get("dir_fd"))
        if self._below(place):
            self._refuse_the_dead()
        if not self._below(place) or not os.path.lexists(place) or os.path.basename(place).startswith(_UNFINISHED):
            return self._real["unlink"](path, **more)
        return self._touch("remove", place, lambda: self._real["unlink"](path, **more))

    def mkdir(self, path: str, *words: Any, **more: Any) -> Any:
        """As ``os.mkdir``."""
        place = _place(path, more.get("dir_fd"))
        if not self._below(place) or os.path.isdir(place):
            return self._real["mkdir"](path, *words, **more)
        return self._touch("make folder", place, lambda: self._real["mkdir"](path, *words, **more))

    def open(self, path: str, flags: int, *words: Any, **more: Any) -> int:
        """As ``os.open``; a line that is appended is written by one call."""
        if flags & os.O_EXCL and self._below(_place(path, more.get("dir_fd"))):
            self._refuse_the_dead()
        if not flags & os.O_APPEND or not self._below(path):
            return int(self._real["open"](path, flags, *words, **more))
        return int(self._touch("append", str(path), lambda: self._real["open"](path, flags, *words, **more)))

    def make_temporary(self, *words: Any, **more: Any) -> tuple[int, str]:
        """As ``tempfile.mkstemp``."""
        if self._below(str(more.get("dir"))):
            self._refuse_the_dead()
        return self._make_temporary(*words, **more)

    def _below(self, path: object) -> bool:
        return str(path).startswith(self._root)

    def _refuse_the_dead(self) -> None:
        """A process that is gone cleans nothing up, though its blocks are still left one by one here."""
        dead = self._boundaries().dead
        if dead is not None:
            raise dead

    def _touch(self, name: str, path: str, effect: Callable[[], Any]) -> Any:
        try:
            return self._boundaries().come_to("file", f"{name} {self._named(path)}", effect, effect)
        except LostAnswerError as lost:
            raise OSError(28, "No space left on device", path) from lost

    def _named(self, path: str) -> str:
        words = path[len(self._root) + 1 :].split("/")
        return "/".join("RUN" if word[:4].isdigit() else word for word in words)


def _place(path: object, folder: int | None) -> str:
    """Where a path is that is given by itself, or by the handle of an open folder and a name in it."""
    return str(path) if folder is None else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), str(path))
