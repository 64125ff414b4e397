"""The machine's Docker engine, spoken to through its command line."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import IO, Any

from selextract_infra.errors import LabUnavailableError, SelextractError

__all__ = ["EngineError", "LabEngine"]

QUICK = 60.0
LONG = 900.0
SHOWN = 400


class EngineError(SelextractError):
    """A command of the Docker engine failed; the sentence has the command and the end of what it printed."""


@dataclass(frozen=True)
class LabEngine:
    """A Docker engine. ``prefix`` is the command that reaches it: ``docker``, or ``sudo -n docker``."""

    prefix: tuple[str, ...] = ("docker",)

    def run(
        self, *arguments: str, timeout: float = QUICK, feed: IO[bytes] | bytes | None = None, check: bool = True
    ) -> str:
        """Run one command and return what it printed.

        ``timeout`` is in seconds; ``feed`` is given to it on standard input.
        Raises EngineError when it fails or takes too long (only the latter with ``check`` off).
        """
        command = [*self.prefix, *arguments]
        given: dict[str, Any] = {"input": feed} if isinstance(feed, bytes) else {"stdin": feed or subprocess.DEVNULL}
        try:
            done: subprocess.CompletedProcess[bytes] = subprocess.run(
                command, capture_output=True, check=False, timeout=timeout, **given
            )
        except subprocess.TimeoutExpired as late:
            raise EngineError(f"{_shown(command)} did not end within {timeout:g} seconds.") from late
        except FileNotFoundError as missing:
            raise LabUnavailableError(
                f"The lab needs the program {command[0]}, and it is not installed.", remedy="scripts/machine"
            ) from missing
        if check and done.returncode != 0:
            output = " ".join((done.stderr or done.stdout).decode(errors="replace").split())
            raise EngineError(f"{_shown(command)} failed: {output[-SHOWN:] or f'exit code {done.returncode}'}")
        return done.stdout.decode(errors="replace")

    def execute(
        self,
        container: str,
        *command: str,
        timeout: float = QUICK,
        feed: IO[bytes] | bytes | None = None,
        check: bool = True,
    ) -> str:
        """Run a command inside a container, bounded there as well: leaving ``docker exec`` ends nothing inside."""
        options = ["--interactive"] if feed is not None else []
        return self.run(
            "exec",
            *options,
            container,
            "timeout",
            f"{timeout:g}",
            *command,
            timeout=timeout + 5,
            feed=feed,
            check=check,
        )

    def inspect(self, kind: str, *names: str) -> list[dict[str, Any]]:
        """What the engine knows of containers, networks, volumes or images; unknown names are left out."""
        if not names:
            return []
        details: list[dict[str, Any]] = json.loads(self.run(kind, "inspect", *names, check=False) or "[]")
        return details

    def labelled(self, kind: str, label: str) -> list[str]:
        """Names of the containers, networks or volumes that carry a label (``key`` or ``key=value``)."""
        listing = {
            "container": ("container", "ls", "--all", "--format", "{{.Names}}"),
            "network": ("network", "ls", "--format", "{{.Name}}"),
            "volume": ("volume", "ls", "--format", "{{.Name}}"),
        }[kind]
        return sorted(self.run(*listing, "--filter", f"label={label}").split())


def _shown(command: list[str]) -> str:
    words = " ".join(command[:6])
    return f"“{words}{' …' if len(command) > 6 else ''}”"
