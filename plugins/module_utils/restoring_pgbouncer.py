"""Put PgBouncer back to what it was before a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engine import Engine
from .pgbouncer_pooler import Pooler

if TYPE_CHECKING:
    from .restoring import Restoring

__all__ = ["pgbouncer"]

_BOUND = 60.0


def pgbouncer(restoring: Restoring, inverse: dict[str, Any]) -> None:
    """Back to the settings from before; taken down where there was none, unless somebody is connected by now."""
    for project, noted in inverse.items():
        before, since = noted["before"], noted["since"]
        with Engine(restoring.socket_path) as engine:
            pooler = Pooler(engine, restoring.socket_path, restoring.folder, project, _BOUND)
            if before is None:
                _take_away(restoring, pooler, since)
            elif not restoring.check and pooler.differences(before):
                pooler.put_up(before, replace=False)
                restoring.done.append("PgBouncer has its settings from before.")


def _take_away(restoring: Restoring, pooler: Pooler, since: dict[str, Any]) -> None:
    if not pooler.place.exists and pooler.container is None:
        return
    if pooler.users(since["port"]):
        restoring.notes.append("PgBouncer was left running, because it still has clients.")
        return
    if not restoring.check:
        pooler.take_down(since, bound=0.0)
    restoring.done.append("PgBouncer was taken away again.")
