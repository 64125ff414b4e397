"""Look at the traffic of a host: requests by the balancer's own log, tasks in Redis, Nginx's include folder."""

from __future__ import annotations

import hashlib
import math
import os
import re
import time
from collections.abc import Collection, Iterable
from typing import Any

from ..docker.containers import Container
from ..docker.engine import Engine
from ..nginx.include_files import SWITCHES, Edge, longest_answer
from ..postgres.look import database_container
from ..postgres.psql import server_in
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..tasks.broker import RedisBroker
from ..tasks.look import count_tasks
from .haproxy import Server
from .rotation import Rotation

__all__ = ["look_at_traffic", "present", "window_of"]

_RING = "requests"
_MILLISECOND = 1000.0
_FAILED = 500
_HUNG_UP = "C"
_RING_SIZE = re.compile(r"^ring requests$.*?^\s+size (\d+)$", re.MULTILINE | re.DOTALL)
_FULL = 0.8  # of a ring whose lines carry heads of their own
# Reading statements, where they are counted; and transactions, which Postgres always counts.
_READS = r"""
SELECT (SELECT sum(xact_commit + xact_rollback)::bigint FROM pg_stat_database) AS transactions,
 CASE WHEN to_regclass('pg_stat_statements') IS NULL THEN NULL ELSE (xpath('//n/text()', query_to_xml(
 'SELECT coalesce(sum(calls), 0)::bigint AS n FROM pg_stat_statements WHERE query ~* ''^\s*(select|with)''',
 false, true, '')))[1]::text::bigint END AS reads
"""


def look_at_traffic(
    engine: Engine,
    socket_path: str,
    folder: StateFolder,
    containers: list[Container],
    wanted: dict[str, Any],
    databases: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything as the type TrafficObservation of selextract_infra.

    ``wanted`` has ``project``, ``windows`` (seconds), and where they are mapped ``nginx`` (``project``, ``service``,
    ``folder``, ``api``) and ``redis`` (``project``, ``service``, ``tasks``, see ``count_tasks``). What cannot be looked
    at says so in ``problem``.
    """
    now, project = time.time(), wanted.get("project")
    rotation = Rotation(folder, socket_path, project) if project else None
    return {
        "at": now,
        "balancer": _balancer(rotation, list(wanted.get("windows") or []), now) if rotation else None,
        "redis": _redis(engine, containers, wanted.get("redis")),
        "edge": _edge(engine, folder, rotation, containers, wanted.get("nginx")),
        **_database(containers, databases),
    }


def _balancer(rotation: Rotation, windows: list[float], now: float) -> dict[str, Any] | None:
    if rotation.settings is None:
        return None
    seen: dict[str, Any] = {name: rotation.settings[name] for name in ("project", "service")}
    seen["digest"] = rotation.digest
    try:
        servers = rotation.admin.servers()
        lines = rotation.admin.events(_RING)
        since = _reaches_back_to(lines, now - rotation.admin.uptime(), str(rotation.settings["config"]))
    except HostSideError as failure:
        return {**seen, "running": False, "problem": failure.sentence}
    return {
        **seen,
        "running": True,
        "servers": [
            {"name": one.name, "status": one.status, "sessions": one.sessions, "address": one.address}
            for one in present(servers.values(), rotation.servers)
        ],
        "windows": [window_of(lines, seconds, now, since) for seconds in sorted(windows)],
    }


def present(servers: Iterable[Server], named: Collection[str]) -> list[Server]:
    """The servers that are in the file or do something.

    HAProxy keeps one that left in maintenance until its next reload, where its file named it when it started.
    """
    return [one for one in servers if one.name in named or one.serving or one.sessions > 0]


def _reaches_back_to(lines: list[str], started: float, config: str) -> float:
    """Since when the log holds every request: its start, or its oldest line where it has no room for older ones."""
    size = _RING_SIZE.search(config)
    full = size is not None and sum(map(len, lines)) > _FULL * int(size[1])
    ended = lines[0].split()[0] if lines and lines[0].strip() else ""
    return max(started, int(ended) / _MILLISECOND) if full and ended.isdigit() else started


def window_of(lines: list[str], seconds: float, now: float, since: float) -> dict[str, Any]:
    """The requests of the last ``seconds`` before ``now``; the log may begin at ``since``, or later where it was full.

    A line is the end of a request in milliseconds of Unix time, its status, its milliseconds, who ended it, its method.
    """
    rows = [parts for line in lines if len(parts := line.split()) == 5 and parts[0].isdigit()]
    began = max(now - seconds, since)
    times, failed = [], 0
    for ended, status, took, how, _method in rows:
        if now - seconds < int(ended) / _MILLISECOND <= now:
            hung_up = how.startswith(_HUNG_UP)
            failed += not hung_up and (int(status) >= _FAILED or int(status) < 0)
            times.append(max(0, int(took)) / _MILLISECOND)
    times.sort()
    return {
        "seconds": seconds,
        "covered": round(max(0.0, now - began), 3),
        "requests": len(times),
        "failed": failed,
        **{f"p{share}": _percentile(times, share) for share in (50, 95, 99)},
    }


def _percentile(ordered: list[float], share: int) -> float | None:
    """The smallest value that at least that share of all values does not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)] if ordered else None


def _redis(engine: Engine, containers: list[Container], wanted: dict[str, Any] | None) -> dict[str, Any] | None:
    container = _running(containers, wanted)
    if wanted is None or container is None:
        return None
    seen: dict[str, Any] = {name: wanted[name] for name in ("project", "service")}
    broker = RedisBroker(engine, container.id)
    try:
        about = broker.about("memory")
        seen["eviction"] = about.get("maxmemory_policy")
        seen["maxmemory"], seen["used"] = int(about.get("maxmemory", 0)), int(about.get("used_memory", 0))
        return {**seen, **count_tasks(broker, list(wanted.get("tasks") or []))}
    except (ValueError, TypeError, IndexError, KeyError):
        return {**seen, "problem": "What Redis answers is not understood."}
    except HostSideError as failure:
        return {**seen, "problem": failure.sentence}


def _edge(
    engine: Engine,
    state: StateFolder,
    rotation: Rotation | None,
    containers: list[Container],
    wanted: dict[str, Any] | None,
) -> dict[str, Any] | None:
    nginx = _running(containers, wanted)
    if wanted is None or nginx is None or rotation is None:
        return None
    folder, edge = str(wanted["folder"]), Edge(state, "", wanted["project"])
    details = engine.inspect(nginx.id) or {}
    own = [one for one in containers if one.running and one.project == wanted["project"]]
    api = next((one for one in own if one.service == wanted.get("api")), None)
    shared = _networks(details) & _networks(engine.inspect(api.id) or {}) if api else set()
    files = edge.files(folder)
    return {
        "project": wanted["project"],
        "service": wanted["service"],
        "folder": folder,
        "inside": _inside(details, folder),
        "networks": sorted(shared),
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()},
        "read": bool(files) and not edge.differs(folder, files),
        "switches": [name for name in SWITCHES if edge.is_on(folder, name)],
        "balancer_name": rotation.own.name,
        "balancer_folder": rotation.place,
        "answer": longest_answer(engine, nginx),
        "problem": None if os.path.isdir(folder) else f"The include folder {folder} is missing on this host.",
    }


def _running(containers: list[Container], wanted: dict[str, Any] | None) -> Container | None:
    if wanted is None:
        return None
    key = wanted["project"], wanted["service"]
    return next((one for one in containers if one.running and (one.project, one.service) == key), None)


def _networks(details: dict[str, Any]) -> set[str]:
    return set((details.get("NetworkSettings") or {}).get("Networks") or {})


def _inside(details: dict[str, Any], folder: str) -> str | None:
    """Where a folder of the host is inside the container, None where it is not mounted there."""
    for mount in details.get("Mounts") or []:
        source = str(mount.get("Source") or "").rstrip("/")
        if source and (folder == source or folder.startswith(source + "/")):
            return str(mount["Destination"]).rstrip("/") + folder[len(source) :]
    return None


def _database(containers: list[Container], databases: list[dict[str, Any]]) -> dict[str, int]:
    """The statements that read and the transactions that the first mapped database has counted; none unless it says."""
    for mapped in databases:
        container = database_container(containers, mapped["project"], mapped["service"])
        if container is None:
            continue
        try:
            server = server_in(container, superuser=mapped["superuser"], socket=mapped.get("socket"))
            counted = server.row(_READS)
            return {name: int(counted[name]) for name in ("reads", "transactions") if counted[name] is not None}
        except (HostSideError, ValueError, LookupError):
            return {}
    return {}
