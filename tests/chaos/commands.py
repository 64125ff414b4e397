"""An operation as its user types it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.grammar import Draw, Operation

__all__ = ["Command", "commands"]

_DO = ["--apply", "--yes", "--now", "chaos"]


@dataclass(frozen=True)
class Command:
    """Words for the program; the last of a draw is the one under load, which the fault strikes.

    ``@1`` stands for the run of the first command. ``team`` is SQL that the team itself does before.
    """

    words: tuple[str, ...] = ()
    team: str = ""


def commands(draw: Draw) -> list[Command]:
    """What is typed, in order."""
    shape, operation = draw.shape, draw.operation
    name = operation.name
    resize = _resize(operation, settle=shape.limits == "none")
    other = shape.worker if operation.service == shape.api else shape.api
    table: dict[str, list[list[str]]] = {
        "rightsize": [_resize(operation)],
        "settle": [_resize(operation, settle=True)],
        "scale up": [["scale", f"{operation.service}={operation.count}", *_DO]],
        "scale down": [
            ["scale", f"{operation.service}={count}", *_DO] for count in (operation.count, operation.count - 1)
        ],
        "tune workers": [["tune", "workers", "--task", "2s", "--longest-task", "5s", *_DO]],
        "tune postgres": [["tune", "postgres", *_DO]],
        "restart": [["restart", "postgres", *_DO]],
        "balancer on": [["balancer", "on", *_DO]],
        "balancer off": [["balancer", "on", *_DO], ["balancer", "off", *_DO]],
        "pgbouncer on": [["pgbouncer", "on", *_DO]],
        "pgbouncer off": [["pgbouncer", "on", *_DO], ["pgbouncer", "off", *_DO]],
        "emergency run": [["emergency", "run", "--yes", "--reason", "chaos"]],
        "emergency revert": [["emergency", "run", "--yes", "--reason", "chaos"], ["emergency", "revert"]],
        "rollback": [resize, ["rollback", "@1"]],
        "rollback older": [
            resize,
            _resize(Operation("", other, 272), settle=shape.limits == "none"),
            ["rollback", "@1"],
        ],
        "uninstall": [resize, ["uninstall", "--yes"]],
    }
    typed = [Command(tuple(words)) for words in table[name]]
    return [Command(team="ALTER SYSTEM SET wal_buffers = '1MB'"), *typed] if name == "restart" else typed


def _resize(operation: Operation, *, settle: bool = False) -> list[str]:
    words = ["rightsize", "--service", operation.service, "--memory", f"{operation.memory}MB"]
    words += ["--cpus", operation.cpus] if operation.cpus else []
    return [*words, *(["--settle"] if settle else []), *_DO]
