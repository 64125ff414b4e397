"""Put PgBouncer back to what it was before a step."""

from __future__ import annotations

from typing import Any

from ..docker.containers import find_containers
from ..docker.engine import Engine
from ..state.state import StateFolder
from ..state.undoing import Undoing
from .folder import Place, known_projects
from .pooled_instances import led_otherwise
from .pooler import Pooler

__all__ = ["led_astray", "pgbouncer"]

_BOUND = 60.0
_LAST_CLIENT = 15.0  # seconds for connections of instances that were led back


def pgbouncer(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Back to the settings from before; taken down where there was none, unless somebody still needs it."""
    for project, noted in inverse.items():
        before, since = noted["before"], noted["since"]
        with Engine(undoing.socket_path) as engine:
            pooler = Pooler(engine, undoing.socket_path, undoing.folder, project, _BOUND)
            if before is None:
                _take_away(undoing, pooler, since)
            elif not undoing.check and pooler.differences(before):
                pooler.put_up(before, replace=False)
                undoing.done.append("PgBouncer has its settings from before.")


def led_astray(socket_path: str, folder: StateFolder) -> list[str]:
    """After something was put back: the instances that still go another way to their database than the files say."""
    found = []
    for project in known_projects(folder):
        variables = (Place(folder, project).record() or {}).get("variables") or {}
        if not variables:
            continue
        with Engine(socket_path) as engine:
            containers = find_containers(engine, socket_path, project)
            found += led_otherwise(engine, containers, project, variables)
    return [f"{name} finds its database elsewhere than the Compose files say." for name in found]


def _take_away(undoing: Undoing, pooler: Pooler, since: dict[str, Any]) -> None:
    if not pooler.place.exists and pooler.container is None:
        return
    if not undoing.check:
        led_back = pooler.take_down(since, bound=_LAST_CLIENT)
        undoing.done.extend(f"{name} was made again and leads to its database." for name in led_back)
    undoing.done.append("PgBouncer was taken away again.")
