"""What a host answers is bounded where its bytes are read: in size, in number of values, and in time.

Ansible reads an answer whole before anybody may look at it, and waits for one without a limit. Its connection plugins
start a program for each question and read what that prints; here that program is one that is ended, with one sentence
for its host, once it has printed more, or worked longer, than any module does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import selectors
import signal
import subprocess
import threading
import time
import types
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError

__all__ = ["LARGEST_ANSWER", "LARGEST_WIDE_ANSWER", "MOST_VALUES", "UNTIL_FILE", "BoundedProcess", "bound_connections"]

LARGEST_ANSWER = 48 << 20  # bytes; all that a Sampler keeps is less when it is packed, and nothing else is as long
LARGEST_WIDE_ANSWER = 16 << 20  # with characters that take Python two bytes or four, and then every other one does too
# Each value of an answer becomes an object of a hundred bytes and is copied several times on its way. Of an honest
# answer there are some ten thousand.
MOST_VALUES = 400_000
UNTIL_FILE = "SELEXTRACT_INFRA_ANSWERS_UNTIL"
"""Names a file of two numbers: until when answers are waited for, by the monotonic clock, and how many seconds each
question has in any case. Where there is none, a question has twelve hours."""

_LONGEST_SECONDS = 12 * 3600.0  # by hand, where nobody says until when; a large database takes hours to be cloned
_READ_BYTES = 1 << 20  # large, because Ansible puts each piece to a copy of all before it
_LOOK_SECONDS = 1.0
_MIB = 1 << 20
# What begins a value or a line for Python, which takes more characters for the end of a line than there are keys.
_BEGINS = b",[{\n\r\x0b\x0c\x1c\x1d\x1e\x85\xa8\xa9"
_WIDE = re.compile(rb"\\u(?!00)[0-9a-fA-F]{2}")
_TAIL_BYTES = 3
_BOUNDED = ("ssh", "local")


def bound_connections() -> None:
    """Bound what the connection plugins read, in this process and in those that it forks for each task.

    Raises ``AnsibleError`` where a plugin starts its programs in another way.
    """
    for name in _BOUNDED:
        plugin: Any = import_module(f"ansible.plugins.connection.{name}")
        if not hasattr(getattr(plugin, "subprocess", None), "Popen"):
            raise AnsibleError(
                "This version of Ansible reads answers elsewhere, so they cannot be bounded; use another."
            )
        plugin.subprocess = _BoundedSubprocess("subprocess")


class _BoundedSubprocess(types.ModuleType):
    """Python's ``subprocess``, whose programs are bounded."""

    def __getattr__(self, name: str) -> Any:
        return BoundedProcess if name == "Popen" else getattr(subprocess, name)


class BoundedProcess(subprocess.Popen[bytes]):
    """A program that asks a host something; it is ended where it prints too much or does not end.

    Whoever reads from it or waits for it then gets ``AnsibleConnectionFailure``: such a host is not asked again in the
    same play, and the others go on.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._broken = ""
        self._bytes = 0
        self._values = 0
        self._wide = False
        self._tail = b""
        seconds = _seconds_left()
        # Ended by a thread, because whoever waits may be waiting to write, to read or for the end.
        self._deadline = threading.Timer(
            seconds, self._end, [f"it did not answer within {seconds:.0f} s, and is not waited for any longer"]
        )
        super().__init__(*arguments, **options)
        self.stdout: Any = self.stdout and _Counted(self.stdout, self)
        self.stderr: Any = self.stderr and _Counted(self.stderr, self)
        self._deadline.daemon = True
        self._deadline.start()

    def count(self, chunk: bytes) -> None:
        """Count what it printed. Raises ``AnsibleConnectionFailure`` where that is too much."""
        self._bytes += len(chunk)
        self._wide = self._wide or not chunk.isascii() or _WIDE.search(self._tail + chunk) is not None
        self._tail = chunk[-_TAIL_BYTES:]
        self._values += len(chunk) - len(chunk.translate(None, _BEGINS))
        largest = LARGEST_WIDE_ANSWER if self._wide else LARGEST_ANSWER
        if self._bytes > largest:
            self._end(f"it answered more than {largest // _MIB} MiB to one question, so the rest was not read")
        elif self._values > MOST_VALUES:
            self._end(f"it answered more than {MOST_VALUES} values to one question, so the rest was not read")
        self._refuse()

    def poll(self) -> int | None:
        """As in ``subprocess``. Raises ``AnsibleConnectionFailure`` where it had to be ended."""
        self._refuse()
        code = super().poll()
        if code is not None:
            self._deadline.cancel()
        return code

    def wait(self, timeout: float | None = None) -> int:
        """As in ``subprocess``. Raises ``AnsibleConnectionFailure`` where it had to be ended."""
        code = super().wait(timeout)
        self._deadline.cancel()
        self._refuse()
        return code

    def communicate(self, input: Any = None, timeout: float | None = None) -> tuple[bytes, bytes]:  # noqa: A002, ARG002 (Python's names; no plugin gives a timeout)
        """As in ``subprocess``. Raises ``AnsibleConnectionFailure`` where it had to be ended."""
        writer = threading.Thread(target=_write, args=(self.stdin, input), daemon=True)
        writer.start()
        printed: dict[Any, list[bytes]] = {pipe: [] for pipe in (self.stdout, self.stderr) if pipe}
        with selectors.DefaultSelector() as selector:
            for pipe in printed:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                self._refuse()
                for key, _ in selector.select(_LOOK_SECONDS):
                    chunk = key.fileobj.read()  # type: ignore[union-attr]
                    if chunk:
                        printed[key.fileobj].append(chunk)
                    else:
                        selector.unregister(key.fileobj)
        self.wait()
        return b"".join(printed.get(self.stdout, ())), b"".join(printed.get(self.stderr, ()))

    def _end(self, why: str) -> None:
        self._broken = self._broken or why
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(self.pid, signal.SIGKILL)

    def _refuse(self) -> None:
        if self._broken:
            self._deadline.cancel()
            raise AnsibleConnectionFailure(self._broken)


class _Counted:
    """A pipe that is read piece by piece, however fast the other side writes; each piece is counted."""

    def __init__(self, pipe: IO[bytes], process: BoundedProcess) -> None:
        self._pipe = pipe
        self._process = process
        with contextlib.suppress(OSError):  # too many pipes already: then the pieces are small
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _READ_BYTES)

    def read(self) -> bytes:
        """The next piece; nothing at the end. To be called when there is something."""
        chunk = os.read(self._pipe.fileno(), _READ_BYTES)
        self._process.count(chunk)
        return chunk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipe, name)


def _write(pipe: IO[bytes] | None, content: bytes | None) -> None:
    """Hand a program what it is to read; one that does not read it is the reader's to judge."""
    if pipe is None:
        return
    try:
        pipe.write(content or b"")
        pipe.close()
    except (OSError, ValueError):
        return  # it has ended, which shows in what it printed and in its exit code


def _seconds_left() -> float:
    named = os.environ.get(UNTIL_FILE)
    if not named:
        return _LONGEST_SECONDS
    try:
        until, shortest = map(float, Path(named).read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return _LONGEST_SECONDS  # an Ansible that was started before it is known what it is to do
    return max(shortest, until - time.monotonic())
