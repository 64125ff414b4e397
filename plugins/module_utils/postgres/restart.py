"""Restart a Postgres server in its container: gracefully, and only done when it answers again."""

from __future__ import annotations

import time
from typing import Any

from ..docker.containers import Container
from ..docker.engine import Engine
from ..system.failure import HostSideError
from .psql import Server, server_in

__all__ = ["answering", "restart_server"]

_FAST_SHUTDOWN = "SIGINT"
_LOOK_AGAIN = 0.1  # seconds
_FEW_STARTS = 2  # ends of a server that was just started, after which it is taken to be broken


def restart_server(
    engine: Engine, container: Container, *, superuser: str, socket: str | None, bound: float
) -> tuple[Server, float]:
    """Restart it, and return it once it answers, with the seconds for which it did not.

    Its changed pages are written beforehand, so that stopping takes no time; clients are disconnected, not waited for.
    Raises ``HostSideError`` of kind ``gate`` with the server's own words where it does not come up within ``bound``
    seconds.
    """
    server_in(container, superuser=superuser, socket=socket).execute("CHECKPOINT;", bound=bound)
    began, since = time.monotonic(), time.time()
    engine.restart(container.id, container.stop_grace, _FAST_SHUTDOWN)
    server = answering(engine, container.id, superuser=superuser, socket=socket, bound=bound, since=since)
    return server, time.monotonic() - began


def answering(
    engine: Engine, container: str, *, superuser: str, socket: str | None, bound: float, since: float
) -> Server:
    """The server in a container, once it answers a query; ``since`` is when it was started, in Unix seconds.

    Raises as ``restart_server`` does.
    """
    give_up = time.monotonic() + bound
    while True:
        details = engine.inspect(container)
        if details is None:
            raise HostSideError("The container of Postgres is gone.", kind="gate")
        found = Container.parse(details)
        if found.running:
            try:
                server = server_in(found, superuser=superuser, socket=socket)
                server.execute("SELECT 1;", bound=5.0)
            except HostSideError as failure:
                complaint = failure.sentence
            else:
                return server
        else:
            complaint = "it ran out of memory." if found.oom_killed else f"it is {found.state}."
        if _broken(details) or time.monotonic() > give_up:
            raise HostSideError(
                f"{found.name} does not come up: {_last_words(engine, container, since) or complaint}", kind="gate"
            )
        time.sleep(_LOOK_AGAIN)


def _broken(details: dict[str, Any]) -> bool:
    ended = details["State"].get("Status") in ("exited", "dead")
    return ended or int(details.get("RestartCount") or 0) >= _FEW_STARTS


def _last_words(engine: Engine, container: str, since: float) -> str:
    """The reason that the server itself gave for its end, on one line."""
    lines = engine.logs(container, since=since).splitlines()
    own = [line for line in lines if "terminating connection" not in line]
    fatal = next((line for line in reversed(own) if "FATAL:" in line or "PANIC:" in line), "")
    _, _, told = fatal.partition("FATAL:" if "FATAL:" in fatal else "PANIC:")
    return " ".join(told.split()).rstrip(".")[:300] + "." if told.strip() else ""
