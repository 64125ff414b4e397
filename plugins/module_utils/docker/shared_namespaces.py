"""Containers that live in another one's namespaces, and so go down with it."""

from __future__ import annotations

from ..system.failure import HostSideError
from .containers import Container
from .engine import Engine

__all__ = ["join_again", "refuse_where_shared"]

_SHARED = {"NetworkMode": "network", "PidMode": "processes", "IpcMode": "shared memory"}


def refuse_where_shared(engine: Engine, leaving: Container) -> None:
    """Raise ``HostSideError`` where a running container is in the network or the like of one that is to be replaced.

    Docker joins it to that very container. Measured: with another in its place, the joined one goes on running, its
    network is gone, and nothing says so, neither its state nor its health check.
    """
    for joined, parts in _joined_to(engine, leaving.id):
        raise HostSideError(
            f"{joined.name} shares the {parts[0]} of {leaving.name} and would lose it with that; nothing was touched."
            " The app's own `docker compose up` replaces both.",
            kind="refused",
            rule="compose",
        )


def join_again(engine: Engine, container: str) -> list[str]:
    """Restart those that lost their network when this container was restarted; their names.

    Measured: the container has a new network after its own restart, and what shared the old one has none until it is
    restarted too. Done again after a crash, it restarts none twice.
    """
    details = engine.inspect(container)
    started = Container.parse(details).started if details else 0.0
    cut_off = [joined for joined, _ in _joined_to(engine, container) if joined.started < started]
    for joined in cut_off:
        engine.restart(joined.id, joined.stop_grace)
    return [joined.name for joined in cut_off]


def _joined_to(engine: Engine, container: str) -> list[tuple[Container, list[str]]]:
    """The running containers that share something of that one, and what."""
    joined = []
    for listed in engine.containers():
        details = engine.inspect(str(listed["Id"])) or {}
        host = details.get("HostConfig") or {}
        parts = [what for key, what in _SHARED.items() if str(host.get(key)) == f"container:{container}"]
        if parts and Container.parse(details).running:
            joined.append((Container.parse(details), parts))
    return joined
