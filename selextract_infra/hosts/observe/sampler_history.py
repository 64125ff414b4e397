"""What the sampler on a host has written, as columns."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from selextract_infra.model.figures import MB
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import HostObservation

__all__ = ["host_with_history", "unpack_history"]

_LARGEST = 512 * MB  # bytes of text; a week of 1,000 containers is a fifth of it when it is packed well
_FIELDS = ("at", "name", "project", "service", "cpu", "cpu_peak", "memory", "page_cache", "oom_kills", "restarts",
           "samples", "memory_limit")  # fmt: skip
_NUMBERS = tuple(name for name in _FIELDS if name not in ("name", "project", "service"))
_SHORTEST = len(_FIELDS) - 1


def unpack_history(
    packed: str, *, bucket_seconds: float = 60.0, interval_seconds: float = 15.0
) -> tuple[ContainerHistory, ...]:
    """The buckets by container, oldest first, from what the module ``observe_host`` returns as ``history_packed``.

    ``packed`` is base64 of zlib of lines; each line is a JSON list in the order of the sampler's file, the last field
    (memory limit) optional. Buckets that a restart of the sampler split are joined. Raises ``ValueError`` when it is
    anything else.
    """
    rows = _rows(packed)
    columns = dict(zip(_FIELDS, zip(*rows, strict=True), strict=False)) if rows else {}
    table = {field: np.asarray(columns[field], dtype=np.float64) for field in _NUMBERS if field in columns}
    places: dict[str, list[int]] = {}
    for place, name in enumerate(columns.get("name", ())):
        places.setdefault(name, []).append(place)
    return tuple(
        ContainerHistory(
            name=name,
            project=columns["project"][own[-1]],
            service=columns["service"][own[-1]],
            bucket_seconds=bucket_seconds,
            interval_seconds=interval_seconds,
            **_joined({field: values[own] for field, values in table.items()}),
        )
        for name, own in sorted(places.items())
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


def _rows(packed: str) -> list[list[Any]]:
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(base64.b64decode(packed, validate=True), _LARGEST)
    except zlib.error as problem:
        raise ValueError(f"the history cannot be unpacked: {problem}") from problem
    if unpacking.unconsumed_tail:
        raise ValueError(f"the history is larger than {_LARGEST} bytes")
    rows = json.loads(b"[" + b",".join(text.splitlines()) + b"]")
    if not all(isinstance(row, list) and len(row) >= _SHORTEST and isinstance(row[1], str) for row in rows):
        raise ValueError("the history holds a line that the sampler does not write")
    if len({len(row) for row in rows}) > 1:  # written before the limit was
        return [row[:_SHORTEST] for row in rows]
    return list(rows)


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
