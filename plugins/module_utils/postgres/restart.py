"""Restart a Postgres server in its container: gracefully, and only done when it answers again."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from ..docker.containers import Container
from ..docker.engine import Engine
from ..docker.instances import found_instances
from ..docker.shared_namespaces import join_again
from ..pgbouncer.pausing import transactions_held_back
from ..state.act import Act, Work
from ..state.lock import held_run
from ..state.options import DOCKER, SERVER, STATE, STEP
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..system.failure import HostSideError
from .psql import PostgresServer, server_in

__all__ = ["POSTGRES_RESTART", "answering", "restart_server"]

_FAST_SHUTDOWN = "SIGINT"
_LOOK_AGAIN = 0.1  # seconds
_FEW_STARTS = 2  # ends of a server that was just started, after which it is taken to be broken
_IS = """
SELECT pg_is_in_recovery() AS standby, (SELECT count(*)::int FROM pg_settings WHERE pending_restart
  AND source <> ALL ('{command line,environment variable,override}')) AS waiting
"""


def restart_server(
    engine: Engine, container: Container, *, superuser: str, socket: str | None, bound: float
) -> tuple[PostgresServer, float]:
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
) -> PostgresServer:
    """The server in a container, once it answers a query; ``since`` is when it was started, in Unix seconds.

    What shares its network is restarted then, where it was not since. Raises as ``restart_server`` does.
    """
    give_up = time.monotonic() + bound
    while True:
        details = engine.inspect(container)
        if details is None:
            raise HostSideError("The container of Postgres is gone.", kind="gate")
        container_now = Container.parse(details)
        if container_now.running:
            try:
                server = server_in(container_now, superuser=superuser, socket=socket)
                server.execute("SELECT 1;", bound=5.0)
            except HostSideError as failure:
                complaint = failure.sentence
            else:
                join_again(engine, container)
                return server
        else:
            complaint = "it ran out of memory." if container_now.oom_killed else f"it is {container_now.state}."
        if _broken(details) or time.monotonic() > give_up:
            raise HostSideError(
                f"{container_now.name} does not come up: {_last_words(engine, container, since) or complaint}",
                kind="gate",
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
    _, _, reason = fatal.partition("FATAL:" if "FATAL:" in fatal else "PANIC:")
    return " ".join(reason.split()).rstrip(".")[:300] + "." if reason.strip() else ""


def _restart(work: Work) -> dict[str, Any]:
    given = work.params
    if work.check_mode:
        return {"changed": True, "silent_seconds": 0.0}
    folder = StateFolder(given["state_folder"])
    record = held_run(folder, given["run_id"])
    record.start_step_once(given["step_id"], time.time())
    reached = {"superuser": given["superuser"], "socket": given["socket"], "bound": given["bound_seconds"]}
    with Engine(given["docker_socket"]) as engine:
        own = _only_one(engine, given)
        since = record.began(given["step_id"], time.time())
        if _first_seen(record, given["step_id"], own.started_at) != own.started_at:  # by an attempt that was killed
            server, seconds = answering(engine, own.id, **reached, since=since), 0.0
        else:
            server, seconds = _restart_in_its_role(engine, own, folder, given)
        waiting = server.row(_IS)["waiting"]
    if waiting:
        raise HostSideError(f"{own.name} still has settings that wait for a restart.", kind="gate")
    return {"changed": True, "silent_seconds": round(seconds, 2)}


def _first_seen(record: RunRecord, step_id: str, started_at: str | None) -> str | None:
    """Since when the server ran as this step began, in Docker's words; noted the first time."""
    step = record.step(step_id)
    known = (step.get("seen") or {}).get("server") or {}
    if known.get("step_started") == step["started"]:
        return str(known["started_at"])
    record.note_seen(step_id, {"server": {"step_started": step["started"], "started_at": started_at}})
    return started_at


def _only_one(engine: Engine, given: dict[str, Any]) -> Container:
    own = found_instances(engine, given["docker_socket"], given["project"], given["service"])
    if len(own) != 1:
        raise HostSideError(f"{given['service']} of {given['project']} is no single server.", kind="postgres")
    return own[0]


def _restart_in_its_role(
    engine: Engine, container: Container, folder: StateFolder, given: dict[str, Any]
) -> tuple[PostgresServer, float]:
    """Restart it behind a pause of PgBouncer where there is one; primary or standby, it must be that again."""
    login = {"superuser": given["superuser"], "socket": given["socket"]}
    server = server_in(container, **login) if container.running else None
    standby = server.row(_IS)["standby"] if server else None
    with ExitStack() as pause:
        if given["pooled_project"] and server:
            server.execute("CHECKPOINT;", bound=given["bound_seconds"])  # so that the pause is short
            pause.enter_context(transactions_held_back(folder, given["docker_socket"], given["pooled_project"]))
        server, seconds = restart_server(engine, container, **login, bound=given["bound_seconds"])
    if standby is not None and standby != server.row(_IS)["standby"]:
        raise HostSideError(f"{container.name} came back in another role than before.", kind="gate")
    return server, seconds


POSTGRES_RESTART = Act(
    "postgres_restart",
    {
        **SERVER,
        "pooled_project": {"type": "str"},
        "bound_seconds": {"type": "float", "default": 180},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _restart,
)
