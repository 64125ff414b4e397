"""Containers that live in another one's namespaces, and so go down with it."""

from __future__ import annotations

from ..system.failure import HostSideError
from .containers import Container
from .engine import Engine

__all__ = ["join_again", "refuse_where_shared"]


def refuse_where_shared(engine: Engine, leaving: Container) -> None:
    """Raise ``HostSideError`` where a running container is in the network or the like of one that is to be replaced.

    Docker joins it to that very container. Measured: with another in its place, the joined one goes on running, its
    network is gone, and nothing says so, neither its state nor its health check.
    """
    for joined in _joined_to(engine, leaving.id):
        raise HostSideError(
            f"{joined.name} shares the network, processes or memory of {leaving.name} and would lose them with it;"
            " nothing was touched. The app's own `docker compose up` replaces both.",
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
    cut_off = [joined for joined in _joined_to(engine, container) if joined.started < started]
    for joined in cut_off:
        engine.restart(joined.id, joined.stop_grace)
    return [joined.name for joined in cut_off]


def _joined_to(engine: Engine, container: str) -> list[Container]:
    """The running containers that live in something of that one."""
    details = [engine.inspect(str(listed["Id"])) for listed in engine.containers()]
    others = [Container.parse(about) for about in details if about]
    return [other for other in others if other.running and container in other.joined]
