"""Redis in a container, asked through the ``redis-cli`` that its image has."""

from __future__ import annotations

import re

from ..docker.engine import Engine
from ..system.failure import HostSideError

__all__ = ["Redis"]

_REFUSAL = re.compile(r"(ERR|NOAUTH|NOPERM|WRONGPASS|WRONGTYPE|LOADING|OOM|MISCONF|READONLY|BUSY) |\(error\)")
_LONGEST = 200  # characters of what it complains about


class Redis:
    """One server. Every method raises ``HostSideError`` of kind ``redis`` where it does not answer, or refuses.

    A password is not asked for and not passed on: where Redis wants one, its container says it in ``REDISCLI_AUTH``.
    """

    def __init__(self, engine: Engine, container: str) -> None:
        self._engine = engine
        self._container = container

    def ask(self, *command: str, database: int = 0) -> str:
        """What it answers to one command, without the last line break."""
        words = ["redis-cli", "-n", str(database), *command]
        code, output, complaints = self._engine.run_inside(self._container, words)
        if code or _REFUSAL.match(output):
            reason = " ".join((complaints or output).split())[:_LONGEST]
            raise HostSideError(
                f"Redis does not answer to {command[0]}: {reason or 'no reason was given'}.", kind="redis"
            )
        return output.rstrip("\n")

    def about(self, *sections: str) -> dict[str, str]:
        """What ``INFO`` says, by name."""
        lines = self.ask("INFO", *sections).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))

    def settings(self, *names: str) -> dict[str, str]:
        """The settings of these names that are in force; those that this version does not know are left out."""
        values: dict[str, str] = {}
        for name in names:  # before version 7 it takes one at a time
            answer = self.ask("CONFIG", "GET", name)
            if answer:
                values[name] = answer.partition("\n")[2]
        return values
