"""The ``docker`` program, for what needs a stream: a command inside a container, a container that runs to its end."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..system.failure import HostSideError

_LARGEST = 64 << 20  # bytes that a program may print; the largest answer of ours, all settings of a server, is 200 KB
_PIECE = 1 << 16
_PIPE = 4096  # bytes that a pipe takes without waiting

__all__ = ["Answer", "bounded_answer", "docker", "docker_environment", "remove_containers"]


class Answer:
    """What a command said and how it ended."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def text(self) -> str:
        """Its answer as text."""
        return self.out.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """The last thing it complained about, on one line."""
        lines = [line.strip() for line in self.err.decode("utf-8", "replace").splitlines()]
        return " ".join(next((line for line in reversed(lines) if line), "no reason was given").split())[:400]


def docker(arguments: Sequence[str], *, feed: bytes = b"", bound: float = 30.0) -> Answer:
    """Run ``docker`` with these arguments to its end, which has to come within ``bound`` seconds.

    What is secret goes into ``feed``, its standard input, and never into the arguments. Raises ``HostSideError`` of
    kind ``docker`` when it does not end or is missing.
    """
    try:
        return bounded_answer(["docker", *arguments], feed=feed, bound=bound, environment=docker_environment())
    except FileNotFoundError:
        raise HostSideError("The docker program is not installed on this host.", kind="docker") from None
    except subprocess.TimeoutExpired:
        raise HostSideError(f"docker {arguments[0]} did not end within {bound:.0f} s.", kind="docker") from None


def bounded_answer(command: Sequence[str], *, feed: bytes, bound: float, environment: Mapping[str, str]) -> Answer:
    """Run a program to its end; what it prints is read as it comes, and no more of it is held than an answer may be.

    A container's own ``cat`` or ``psql`` may print without end, and this process is root's: the program is killed then.
    Raises ``HostSideError`` of kind ``docker`` for more, ``TimeoutExpired``, ``FileNotFoundError``.
    """
    pipe = subprocess.PIPE
    give_up = time.monotonic() + bound
    with subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=pipe, env=environment) as process:
        try:
            out, err = _read(process, feed, give_up, bound)
            code = process.wait(max(0.01, give_up - time.monotonic()))
        except BaseException:
            process.kill()
            raise
    return Answer(code, out, err)


def _read(process: subprocess.Popen[bytes], feed: bytes, give_up: float, bound: float) -> tuple[bytes, bytes]:
    """Hand ``feed`` over and read both streams side by side, until both end."""
    waiting = memoryview(feed)
    told: dict[Any, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as ready:
        for readable in told:
            ready.register(readable, selectors.EVENT_READ)
        taking: Any = process.stdin
        ready.register(taking, selectors.EVENT_WRITE)
        while ready.get_map():
            left = give_up - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(process.args, bound)
            for key, _ in ready.select(left):
                stream: Any = key.fileobj
                if key.events & selectors.EVENT_WRITE:
                    waiting = _written(stream, waiting)
                    if not waiting:
                        ready.unregister(stream)
                        stream.close()
                    continue
                piece = os.read(stream.fileno(), _PIECE)
                told[stream] += piece
                if not piece:
                    ready.unregister(stream)
                if len(told[stream]) > _LARGEST:
                    raise HostSideError(f"A program printed more than {_LARGEST} bytes.", kind="docker")
    return bytes(told[process.stdout]), bytes(told[process.stderr])


def _written(stream: Any, waiting: memoryview) -> memoryview:
    """What is left to hand over; nothing where nobody reads it any more."""
    try:
        return waiting[os.write(stream.fileno(), waiting[:_PIPE]) :]
    except BrokenPipeError:
        return waiting[:0]


def remove_containers(*names: str) -> None:
    """Remove containers, running ones too, with the volumes that have no name; those that are gone are no failure.

    Raises ``HostSideError`` of kind ``docker`` when one stays.
    """
    answer = docker(["rm", "--force", "--volumes", *names], bound=60)
    complaints = [line for line in answer.err.decode("utf-8", "replace").splitlines() if line.strip()]
    if answer.code and not all("no such container" in line.lower() for line in complaints):
        raise HostSideError(f"A container cannot be removed: {answer.complaint}.", kind="docker")


def docker_environment() -> Mapping[str, str]:
    """A plain environment: what a login happens to carry must not change what Docker does."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST") if name in os.environ}
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", **kept}
