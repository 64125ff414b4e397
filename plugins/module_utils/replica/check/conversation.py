"""One long conversation with the replica's own ``psql``: a question costs no login and no new process."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from typing import Any

__all__ = ["Conversation", "SilentError"]

_LONGEST = 1 << 20  # bytes of an answer; ours have less than one KB
_AS_JSON = "SELECT row_to_json(q) FROM ({}) q;\n"


class SilentError(Exception):
    """The replica gave no answer; the text says why, in words that follow its name."""


class Conversation:
    """A ``psql`` inside the container, kept open; a broken one is replaced at the next question."""

    def __init__(self, command: list[str], bound: float) -> None:
        self._command = command
        self._bound = bound
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, query: str) -> dict[str, Any]:
        """The one row of a query. Raises ``SilentError`` when there is no answer within the bound."""
        try:
            return self._asked(query)
        except SilentError:
            self.close()
            raise

    def close(self) -> None:
        """End the conversation."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _asked(self, query: str) -> dict[str, Any]:
        process = self._opened()
        if process.stdin is None or process.stdout is None:
            raise SilentError("cannot be asked")
        try:
            process.stdin.write(_AS_JSON.format(query).encode())
            process.stdin.flush()
        except OSError as problem:
            raise SilentError("is not running") from problem
        line, end = b"", time.monotonic() + self._bound
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise SilentError(f"did not answer within {self._bound:g} s")
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                raise SilentError("is not running")
            line += piece
            if len(line) > _LONGEST:
                raise SilentError(f"answers with more than {_LONGEST} bytes")
        try:
            return dict(json.loads(line.splitlines()[-1]))
        except (ValueError, TypeError, RecursionError) as problem:
            raise SilentError("gives no answer that can be read") from problem

    def _opened(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self._process
