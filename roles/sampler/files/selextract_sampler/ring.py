"""Daily files of buckets, bounded in number and size; whole lines only, whatever happens to the process or the disk."""

from __future__ import annotations

import json
import os
import time
from typing import Any

__all__ = ["Ring"]


class Ring:
    """``<folder>/<day>.jsonl``, at most ``days`` files besides today's and at most ``largest`` bytes together.

    The number of files bounds it and not their age, so a clock that jumps ahead costs one file and not all of them.
    """

    def __init__(self, folder: str, days: int, largest: int) -> None:
        self._folder = folder
        self._days = days
        self._largest = largest
        self.dropped = 0
        self.problem: str | None = None
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for name in self._segments()[-2:]:
            _cut_torn_line(os.path.join(folder, name))

    def append(self, at: int, rows: list[list[Any]]) -> None:
        """Write the rows of one bucket. Where the disk refuses them they are dropped and counted in ``dropped``."""
        if not rows:
            return
        path = os.path.join(self._folder, time.strftime("%Y-%m-%d.jsonl", time.gmtime(at)))
        lines = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows).encode("ascii")
        is_new = not os.path.exists(path)
        try:
            _append_whole(path, lines)
        except OSError as problem:
            self.dropped += len(rows)
            self.problem = problem.strerror
        else:
            self.problem = None
        if is_new:
            self._prune()

    def write_status(self, status: dict[str, Any]) -> None:
        """Replace ``status.json``, which tells an observer how samples are spaced; a full disk keeps the old one."""
        path = os.path.join(self._folder, "status.json")
        try:
            with open(path + ".new", "w", encoding="utf-8") as target:
                json.dump(status, target)
            os.replace(path + ".new", path)
        except OSError as problem:
            self.problem = problem.strerror

    def _segments(self) -> list[str]:
        return sorted(name for name in os.listdir(self._folder) if name.endswith(".jsonl"))

    def _prune(self) -> None:
        sizes = {name: os.path.getsize(os.path.join(self._folder, name)) for name in self._segments()}
        oldest_first = list(sizes)
        while len(oldest_first) > self._days + 1 or (
            len(oldest_first) > 1 and sum(sizes[name] for name in oldest_first) > self._largest
        ):
            os.unlink(os.path.join(self._folder, oldest_first.pop(0)))


def _append_whole(path: str, lines: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(handle).st_size
        try:
            while lines:
                lines = lines[os.write(handle, lines) :]
        except OSError:
            os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)


def _cut_torn_line(path: str) -> None:
    """A process that was killed may have left half a line."""
    with open(path, "r+b") as segment:
        content_end = segment.seek(0, os.SEEK_END)
        segment.seek(max(0, content_end - 65_536))
        start = segment.tell()
        tail = segment.read()
        if tail and not tail.endswith(b"\n"):
            segment.truncate(start + tail.rfind(b"\n") + 1)
