"""What the sampler on a host has written, as columns."""

from __future__ import annotations

import base64
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import HostObservation

__all__ = ["host_with_history", "unpack_history"]

_LARGEST = 512 * 2**20  # bytes of text; a week of 1,000 containers is a fifth of it when it is packed well
_FIELDS = ("at", "name", "project", "service", "cpu", "cpu_peak", "memory", "page_cache", "oom_kills", "restarts",
           "samples", "memory_limit")  # fmt: skip
_NUMBERS = tuple(name for name in _FIELDS if name not in ("name", "project", "service"))
_WITHOUT_LIMIT = len(_FIELDS) - 1


def unpack_history(
    packed: str, *, bucket_seconds: float = 60.0, interval_seconds: float = 15.0
) -> tuple[ContainerHistory, ...]:
    """The buckets by container, oldest first, from what the module ``observe_host`` returns as ``history_packed``.

    ``packed`` is base64 of zlib of lines; each line is a JSON list in the order of the sampler's file, the last field
    (memory limit) optional. Buckets that a restart of the sampler split are joined. Raises ``ValueError`` when it is
    anything else.
    """
    rows = defaultdict(list)
    for row in _rows(packed):
        rows[row[1]].append(row)
    return tuple(
        _history(name, found, bucket_seconds, interval_seconds)
        for name, found in sorted(rows.items(), key=lambda one: one[0])
    )


def host_with_history(name: str, result: Mapping[str, Any]) -> HostObservation:
    """One host from what the module ``observe_host`` returned. Raises ``ValueError`` when that is something else."""
    seen = HostObservation.model_validate({**result["observation"], "name": name})
    packed = result.get("history_packed")
    if not packed:
        return seen
    spacing = {"bucket_seconds": seen.sampler.bucket, "interval_seconds": seen.sampler.interval}
    history = unpack_history(packed, **{key: value for key, value in spacing.items() if value})
    return seen.model_copy(update={"history": history})


def _rows(packed: str) -> Iterator[list[Any]]:
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(base64.b64decode(packed, validate=True), _LARGEST)
    except zlib.error as problem:
        raise ValueError(f"the history cannot be unpacked: {problem}") from problem
    if unpacking.unconsumed_tail:
        raise ValueError(f"the history is larger than {_LARGEST} bytes")
    lines = text.decode("utf-8", "replace").splitlines()
    for row in json.loads(f"[{','.join(lines)}]"):
        if not isinstance(row, list) or len(row) not in (_WITHOUT_LIMIT, len(_FIELDS)) or not isinstance(row[1], str):
            raise ValueError("the history holds a line that the sampler does not write")
        yield row


def _history(name: str, rows: list[list[Any]], bucket: float, interval: float) -> ContainerHistory:
    complete = [row if len(row) == len(_FIELDS) else [*row, -1] for row in rows]
    columns = dict(zip(_FIELDS, zip(*complete, strict=True), strict=True))
    table = {field: np.asarray(columns[field], dtype=np.float64) for field in _NUMBERS}
    if (table["memory_limit"] < 0).any():
        del table["memory_limit"]
    return ContainerHistory(
        name=name,
        project=_newest(columns["project"]),
        service=_newest(columns["service"]),
        bucket_seconds=bucket,
        interval_seconds=interval,
        **_joined(table),
    )


def _joined(table: dict[str, Any]) -> dict[str, Any]:
    """Sorted by time, with buckets of the same start made one."""
    order = np.argsort(table["at"], kind="stable")
    table = {field: values[order] for field, values in table.items()}
    starts = np.flatnonzero(np.diff(table["at"], prepend=-1.0))
    if len(starts) == len(order):
        return table
    samples = np.maximum(table["samples"], 1)
    joined = {"at": table["at"][starts], "samples": np.add.reduceat(table["samples"], starts)}
    joined["cpu"] = np.add.reduceat(table["cpu"] * samples, starts) / np.add.reduceat(samples, starts)
    for field in ("cpu_peak", "memory", "memory_limit"):
        if field in table:
            joined[field] = np.maximum.reduceat(table[field], starts)
    joined["page_cache"] = np.minimum.reduceat(table["page_cache"], starts)
    for field in ("oom_kills", "restarts"):
        joined[field] = np.add.reduceat(table[field], starts)
    return joined


def _newest(values: Iterable[Any]) -> str | None:
    last = list(values)[-1]
    return str(last) if last is not None else None
