"""The ``docker`` program, for what needs a stream: a command inside a container, a container that runs to its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from ..system.failure import HostSideError

__all__ = ["Answer", "docker", "docker_environment", "remove_containers"]


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
        done = subprocess.run(
            ["docker", *arguments], input=feed, capture_output=True, timeout=bound, env=docker_environment(),
            check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise HostSideError("The docker program is not installed on this host.", kind="docker") from None
    except subprocess.TimeoutExpired:
        raise HostSideError(f"docker {arguments[0]} did not end within {bound:.0f} s.", kind="docker") from None
    return Answer(done.returncode, done.stdout, done.stderr)


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
