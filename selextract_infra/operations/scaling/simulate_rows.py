"""The rows of a recording, one after the other, quickly: what is the same in every row is worked out once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TextIO

from selextract_infra.assess.measurements import Metric, require_metric
from selextract_infra.errors import UsageError
from selextract_infra.hosts.observe.metrics_csv import Clock, Columns, columns_of, reading, rows_of
from selextract_infra.model.figures import printable

__all__ = ["Row", "Rows", "opened", "spacing"]

_INSTANCES = "instances"
_MOST_INSTANCES = 10_000
_LOOKED_AT = 50


@dataclass(slots=True)
class Row:
    """One time of one service: Unix seconds, metrics in their units, and the recorded instances where there are any."""

    at: float
    subject: str
    values: list[tuple[str, float]]
    instances: int | None
    number: int
    file: str

    @property
    def place(self) -> str:
        """Where it stands, for a sentence."""
        return f"Line {self.number} of {self.file}"


@dataclass
class Rows:
    """The rows of an open file; iterate once. ``ignored`` names columns that are no metric."""

    name: str
    columns: Columns
    clock: Clock
    ignored: tuple[str, ...]
    _lines: Iterator[tuple[int, list[str]]] = field(repr=False)

    def __iter__(self) -> Iterator[Row]:
        columns, name = self.columns, self.name
        width, time, subject = len(columns.names), columns.time, columns.subject
        counts = next((place for place, title in enumerate(columns.names) if title.lower() == _INSTANCES), None)
        written, at = "", -math.inf
        for number, cells in self._lines:
            if not cells:
                continue
            if len(cells) != width:
                raise UsageError(f"Line {number} of {name} has {len(cells)} columns, but the header has {width}.")
            if cells[time] != written:
                moved = self.clock.read(cells[time], f"Line {number} of {name}").timestamp()
                if moved < at:
                    raise UsageError(f"Line {number} of {name} goes back in time.", remedy="sort the file by time")
                written, at = cells[time], moved
            yield Row(
                at,
                cells[subject].strip() if subject is not None else "",
                self._values(cells, number),
                None if counts is None else _instances(cells[counts], number, name),
                number,
                name,
            )

    def _values(self, cells: list[str], number: int) -> list[tuple[str, float]]:
        columns = self.columns
        if columns.metric is not None and columns.value is not None:
            wanted: list[tuple[int, Metric]] = [(columns.value, require_metric(cells[columns.metric]))]
        else:
            wanted = columns.wide
        found = []
        for column, metric in wanted:
            text = cells[column]
            if not text:
                continue
            try:
                value = float(text) * metric.factor
            except ValueError:
                value = -1.0
            if not 0.0 <= value < math.inf:
                read = reading(text.strip(), metric, f"Line {number} of {self.name}")
                if read is None:
                    continue
                value = read
            found.append((metric.name, value))
        return found


def _instances(text: str, number: int, file: str) -> int | None:
    """The recorded count of a row; None where it has none."""
    if not text.strip():
        return None
    try:
        count = float(text)
    except ValueError:
        count = math.nan
    if not (count.is_integer() and 0 <= count <= _MOST_INSTANCES):
        raise UsageError(f"Line {number} of {file} has {printable(text[:40])!r} instances.")
    return int(count)


@contextmanager
def opened(path: Path, zone: tzinfo | None) -> Iterator[Rows]:
    """The rows of a file. Raises UsageError for one that is missing, empty, no CSV or without a column of services."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield _rows(file, printable(str(path)), zone)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text in UTF-8.", remedy="export it as CSV in UTF-8") from None
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}.") from None


def _rows(file: TextIO, name: str, zone: tzinfo | None) -> Rows:
    lines = rows_of(file, name)
    header = next(lines, None)
    if header is None:
        raise UsageError(f"{name} is empty.", remedy="the first line names the columns, such as at,service,cpu_usage")
    columns = columns_of([text.strip() for text in header[1]], name)
    if columns.subject is None:
        raise UsageError(f"{name} has no column for the service.", remedy="call it service")
    ignored = tuple(title for title in columns.ignored if title.lower() != _INSTANCES)
    return Rows(name, columns, Clock(zone), ignored, lines)


def spacing(path: Path, zone: tzinfo | None) -> float:
    """How far apart the samples are, in seconds, by the first of them. Raises UsageError for one time only."""
    times: list[float] = []
    with opened(path, zone) as rows:
        for row in rows:
            if not times or row.at > times[-1]:
                times.append(row.at)
            if len(times) > _LOOKED_AT:
                break
    if len(times) < 2:
        raise UsageError(
            f"{path} has samples of {'one time' if times else 'no time'} only; nothing can be said of a course.",
            remedy="record at least the longest duration of a trigger",
        )
    return median(later - earlier for earlier, later in pairwise(times))
