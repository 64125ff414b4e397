"""Rows of the Journal's bucket table to and from ContainerHistory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import groupby

from selextract_infra.model.history import ContainerHistory

__all__ = ["read_history", "write_history"]

_COLUMNS = ("at", "cpu", "cpu_peak", "memory", "page_cache", "oom_kills", "restarts", "samples")


def write_history(database: sqlite3.Connection, machine_id: str, histories: Iterable[ContainerHistory]) -> None:
    """Append the buckets; one that is held already is replaced, since the newest may have been unfinished."""
    for history in histories:
        columns = [getattr(history, name).tolist() for name in _COLUMNS]
        columns.append(history.memory_limit.tolist() or [None] * len(history.at))
        database.executemany(
            "INSERT OR REPLACE INTO buckets (machine_id, container, project, service, at, cpu, cpu_peak, memory,"
            " page_cache, oom_kills, restarts, samples, memory_limit) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (machine_id, history.name, history.project, history.service, *values)
                for values in zip(*columns, strict=True)
            ),
        )


def read_history(
    database: sqlite3.Connection, machine_id: str, since: int, before: int
) -> tuple[ContainerHistory, ...]:
    """Buckets of one machine that start in ``[since, before)`` (Unix seconds), by container."""
    rows = database.execute(
        "SELECT container, project, service, at, cpu, cpu_peak, memory, page_cache, oom_kills, restarts, samples,"
        " memory_limit"
        " FROM buckets WHERE machine_id = ? AND at >= ? AND at < ? ORDER BY container, at",
        (machine_id, since, before),
    )
    history = []
    for name, group in groupby(rows, key=lambda row: row[0]):
        buckets = list(group)
        *columns, limits = zip(*(bucket[3:] for bucket in buckets), strict=True)
        history.append(
            ContainerHistory(
                name=name,
                project=buckets[-1][1],
                service=buckets[-1][2],
                memory_limit=() if None in limits else limits,
                **dict(zip(_COLUMNS, columns, strict=True)),
            )
        )
    return tuple(history)
