"""Which path of a published port answers by HTTP: one that a health check names, else a usual one."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["answering_paths"]

_USUAL = ("/healthz", "/health", "/api/health", "/up", "/ping", "/")
_SECONDS = 2.0
_MOST_PORTS = 40
_AT_ONCE = 8
_WELL = range(200, 300)
_NOWHERE_ELSE = re.compile(r"[1-9a-f]")
"""An address of one interface has such a digit; that of all interfaces, as Docker writes it, has only zeros."""
_NO_HTTP = {"22", "25", "53", "1433", "1883", "3306", "5432", "5672", "6379", "9092", "11211", "27017"}


def answering_paths(containers: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By published port of a container, the first path that answers well, with what its health check names first.

    Nothing but GET is asked, and only of ports that are open on this host already.
    """
    asked = [
        (binding["outside"], binding["address"], _paths(container))
        for container in containers
        for binding in container["published"]
        if binding["inside"] not in _NO_HTTP
    ]
    asked = list({port: (port, address, paths) for port, address, paths in asked}.values())[:_MOST_PORTS]
    if not asked:
        return {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(pool.map(lambda each: _first_that_answers(*each), asked))


def _paths(container: dict[str, Any]) -> list[str]:
    named = ["/" + url.partition("://")[2].partition("/")[2] for url in container["health_urls"]]
    return list(dict.fromkeys([*named, *_USUAL]))


def _first_that_answers(port: str, address: str, paths: list[str]) -> tuple[str, dict[str, Any]]:
    host = address if _NOWHERE_ELSE.search(address) else "127.0.0.1"
    tried: dict[str, int] = {}
    for path in paths:
        status = _status(host, int(port), path)
        if status is None:
            break
        tried[path] = status
        if status in _WELL:
            return port, {"host": host, "path": path, "status": status, "tried": tried}
    return port, {"host": host, "path": None, "status": None, "tried": tried}


def _status(host: str, port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path, headers={"User-Agent": "selextract-infra"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
