"""What the sampler on a host has written, as columns."""

from __future__ import annotations

import base64
import dataclasses
import json
import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from selextract_infra.model.bounded_types import refuse_far_times
from selextract_infra.model.bounds import bounded
from selextract_infra.model.figures import MB
from selextract_infra.model.history import ContainerHistory
from selextract_infra.model.observation import HostObservation

__all__ = ["HistoryWindow", "host_with_history", "unpack_history"]

_LARGEST = 256 * MB  # bytes of text, of which no more than a piece is ever held
_PIECE = 1 << 16
_LONGEST_LINE = 4096
_MOST_ROWS = 2_000_000  # a week of 200 containers; 100 bytes of memory each
_MOST_CONTAINERS = 2000
_LONGEST_NAME = 255
_LARGEST_NUMBER = 2.0**62
_TEXTS = ("name", "project", "service")
_NUMBERS = ("at", "cpu", "cpu_peak", "memory", "page_cache", "oom_kills", "restarts", "samples", "memory_limit")
_FIELDS = ("at", *_TEXTS, *_NUMBERS[1:])
_SHORTEST = len(_FIELDS) - 1


@dataclass(frozen=True)
class HistoryWindow:
    """The times for which a host was asked, in Unix seconds: buckets that start outside of it are not taken."""

    since: float = 0.0
    before: float = 1e11


@dataclass
class _Buckets:
    """The buckets of one container as they come, a column for each number."""

    project: str | None = None
    service: str | None = None
    columns: tuple[array[float], ...] = dataclasses.field(default_factory=lambda: tuple(array("d") for _ in _NUMBERS))
    limits: bool = True

    def add(self, row: list[Any]) -> None:
        self.project, self.service = row[2], row[3]
        self.limits = self.limits and len(row) == len(_FIELDS)
        for column, number in zip(self.columns, (row[0], *row[4:], 0.0), strict=False):
            column.append(number)

    def table(self) -> dict[str, Any]:
        names = _NUMBERS if self.limits else _NUMBERS[:-1]  # the limit was not written before some version
        return {name: np.asarray(column) for name, column in zip(names, self.columns, strict=False)}


def unpack_history(
    packed: str,
    *,
    bucket_seconds: float = 60.0,
    interval_seconds: float = 15.0,
    window: HistoryWindow = HistoryWindow(),
) -> tuple[ContainerHistory, ...]:
    """The buckets by container, oldest first, from what the module ``observe_host`` returns as ``history_packed``.

    ``packed`` is base64 of zlib of lines; each line is a JSON list in the order of the sampler's file, the last field
    (memory limit) optional. Buckets that a restart of the sampler split are joined. It is read as a stream, so that
    what is packed well takes no more memory than the numbers in it. Raises ``ValueError`` when it is anything else, or
    more than a host has.
    """
    buckets: dict[str, _Buckets] = {}
    for number, line in enumerate(_lines(packed)):
        if number >= _MOST_ROWS:
            raise ValueError(f"the history has more than {_MOST_ROWS} buckets")
        row = _row(line)
        if window.since <= row[0] < window.before:
            buckets.setdefault(row[1], _Buckets()).add(row)
            if len(buckets) > _MOST_CONTAINERS:
                raise ValueError(f"the history has more than {_MOST_CONTAINERS} containers")
    return tuple(
        ContainerHistory(
            name=name,
            project=series.project,
            service=series.service,
            bucket_seconds=bucket_seconds,
            interval_seconds=interval_seconds,
            **_joined(series.table()),
        )
        for name, series in sorted(buckets.items())
    )


def host_with_history(name: str, result: Mapping[str, Any], window: HistoryWindow = HistoryWindow()) -> HostObservation:
    """One host from what the module ``observe_host`` returned. Raises ``ValueError`` when that is something else."""
    observation, packed = result["observation"], result.get("history_packed")
    if not isinstance(observation, Mapping) or not isinstance(packed, (str, type(None))):
        raise TypeError("it is no observation")
    host = HostObservation.model_validate({**bounded(observation), "name": name})
    refuse_far_times(host)
    if not packed:
        return host
    spacing = {"bucket_seconds": host.sampler.bucket, "interval_seconds": host.sampler.interval}
    known = {key: value for key, value in spacing.items() if value}
    return host.model_copy(update={"history": unpack_history(packed, window=window, **known)})


def _lines(packed: str) -> Iterator[bytes]:
    """The lines, as far as they are unpacked; what is begun stays until its end comes."""
    unpacking = zlib.decompressobj()
    rest, size = b"", 0
    try:
        waiting = base64.b64decode(packed, validate=True)
        while waiting and not unpacking.eof:
            piece = unpacking.decompress(waiting, _PIECE)
            waiting = unpacking.unconsumed_tail
            size += len(piece)
            if size > _LARGEST:
                raise ValueError(f"the history is larger than {_LARGEST} bytes")
            *lines, rest = (rest + piece).split(b"\n")
            yield from filter(None, lines)
            if len(rest) > _LONGEST_LINE:
                raise ValueError("the history has a line without an end")
    except zlib.error as problem:
        raise ValueError(f"the history cannot be unpacked: {problem}") from problem
    if rest:
        yield rest


def _row(line: bytes) -> list[Any]:
    """One bucket. Raises ``ValueError`` for a line that the sampler does not write."""
    try:
        row = json.loads(line) if len(line) <= _LONGEST_LINE else None
    except RecursionError:
        row = None
    if not isinstance(row, list) or len(row) not in (_SHORTEST, len(_FIELDS)):
        raise ValueError("the history holds a line that the sampler does not write")
    name, *labels = row[1:4]
    texts = isinstance(name, str) and all(label is None or isinstance(label, str) for label in labels)
    if not texts or any(len(text or "") > _LONGEST_NAME for text in row[1:4]):
        raise ValueError("the history holds a name that no container has")
    for number in (row[0], *row[4:]):
        if type(number) not in (int, float) or not 0 <= number <= _LARGEST_NUMBER:
            raise ValueError("the history holds a number that the sampler does not write")
    return row


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
