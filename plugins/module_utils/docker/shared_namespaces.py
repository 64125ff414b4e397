"""Containers that live in another one's namespaces, and so go down with it."""

from __future__ import annotations

from ..system.failure import HostSideError
from .containers import Container
from .engine import Engine

__all__ = ["refuse_where_shared"]

_SHARED = {"NetworkMode": "network", "PidMode": "processes", "IpcMode": "shared memory"}


def refuse_where_shared(engine: Engine, leaving: Container) -> None:
    """Raise ``HostSideError`` where a running container is in the network or the like of one that is to be replaced.

    Docker joins it to that very container. Measured: with another in its place, the joined one goes on running, its
    network is gone, and nothing says so, neither its state nor its health check.
    """
    for listed in engine.containers([]):
        details = engine.inspect(str(listed["Id"])) or {}
        host, running = details.get("HostConfig") or {}, (details.get("State") or {}).get("Running")
        parts = [what for key, what in _SHARED.items() if str(host.get(key)) == f"container:{leaving.id}"]
        if parts and running:
            name = str(details.get("Name", "")).lstrip("/")
            raise HostSideError(
                f"{name} shares the {parts[0]} of {leaving.name} and would lose it with that; nothing was touched. The"
                " app's own `docker compose up` replaces both.",
                kind="refused",
                rule="compose",
            )
