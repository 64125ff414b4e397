"""Recorded metrics from a CSV file, streamed: however large the file is, only its last stretch is kept.

Two shapes are read. Wide: ``at,subject,cpu_usage_percent,error_rate``. Long: ``at,subject,metric,value``. ``subject``
may be left out. An empty cell or NaN is a gap. What cannot be read is refused with its line; nothing is sorted or
repaired.
"""

from __future__ import annotations

import csv
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TextIO

from selextract_infra.assess.measurements import Measurement, Metric, metric_named, require_metric
from selextract_infra.assess.samples import Samples
from selextract_infra.errors import UsageError
from selextract_infra.model.figures import MB, printable
from selextract_infra.planning.forecast.series_csv import read_stamp

__all__ = ["KEPT_SECONDS", "Clock", "Columns", "RecordedMetrics", "columns_of", "load_metrics", "reading", "rows_of"]

KEPT_SECONDS = 3600.0
"""How much of each series is kept: far more than the longest window of a threshold."""

_TIMES = ("at", "timestamp", "time", "date", "datetime", "ts")
_SUBJECTS = ("subject", "service", "host", "container", "instance", "name")
_LONGEST_LINE = MB
_MOST_SERIES = 200_000
_GAPS = frozenset({"", "nan", "null", "none", "-"})
_PERCENT = 0.01

Key = tuple[str, str]


@dataclass(frozen=True)
class RecordedMetrics:
    """What a file holds: measurements up to ``at``, how many rows were read, and columns that are no metric."""

    measurements: tuple[Measurement, ...]
    at: datetime
    rows: int
    ignored: tuple[str, ...] = ()


@dataclass
class Columns:
    """Where in a row everything stands: indices, and of the metrics of a wide file each index with its metric."""

    names: list[str]
    time: int
    subject: int | None
    metric: int | None
    value: int | None
    wide: list[tuple[int, Metric]]
    ignored: tuple[str, ...]


@dataclass
class _Series:
    """The last stretch of one series while it is read."""

    at: deque[float] = field(default_factory=deque)
    values: deque[float] = field(default_factory=deque)

    def add(self, stamp: float, value: float, place: str) -> None:
        if self.at and stamp < self.at[-1]:
            raise UsageError(f"{place} goes back in time.", remedy="sort the file by time")
        if self.at and stamp == self.at[-1]:
            if value != self.values[-1]:
                raise UsageError(f"{place} has another value for the same time.", remedy="keep one row for each time")
            return
        self.at.append(stamp)
        self.values.append(value)
        while self.at[0] < stamp - KEPT_SECONDS:
            self.at.popleft()
            self.values.popleft()


def load_metrics(
    path: Path,
    *,
    zone: tzinfo | None = None,
    until: datetime | None = None,
    role_of: Callable[[str], str | None] = lambda _: None,
) -> RecordedMetrics:
    """Read a CSV file of metrics up to ``until`` (by default all of it).

    ``zone`` is that of times without one; without it they are refused. ``role_of`` tells the role of a subject. Raises
    UsageError with the line for a file that is missing, empty, no CSV, without metrics, not in order of time, or that
    mixes times with and without a zone.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(file, str(path), zone, until, role_of)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text in UTF-8.", remedy="export it as CSV in UTF-8") from None
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}.") from None


def _read(
    file: TextIO, name: str, zone: tzinfo | None, until: datetime | None, role_of: Callable[[str], str | None]
) -> RecordedMetrics:
    rows = rows_of(file, name)
    header = next(rows, None)
    if header is None:
        raise UsageError(f"{name} is empty.", remedy="the first line names the columns, such as at,service,cpu_usage")
    columns = columns_of([text.strip() for text in header[1]], name)
    clock, series, count, newest = Clock(zone), dict[Key, _Series](), 0, None
    for number, cells in rows:
        place = f"Line {number} of {name}"
        if not cells:
            continue
        if len(cells) != len(columns.names):
            raise UsageError(f"{place} has {len(cells)} columns, but the header has {len(columns.names)}.")
        moment = clock.read(cells[columns.time], place)
        if until is not None and moment > until:
            continue
        count += 1
        newest = moment if newest is None else max(newest, moment)
        for key, value in _values(columns, cells, place):
            if key not in series and len(series) >= _MOST_SERIES:
                raise UsageError(f"{name} has more than {_MOST_SERIES:,} series.", remedy="split it")
            series.setdefault(key, _Series()).add(moment.timestamp(), value, place)
    if newest is None or not series:
        raise UsageError(f"{name} has no readings.", remedy="each line after the first is one time with its readings")
    return RecordedMetrics(
        tuple(_measurement(key, one, role_of) for key, one in series.items()), until or newest, count, columns.ignored
    )


def _measurement(key: Key, series: _Series, role_of: Callable[[str], str | None]) -> Measurement:
    metric, subject = key
    at, values = tuple(series.at), tuple(series.values)
    samples = Samples(at, values)
    return Measurement(metric, subject, Samples(at, values, samples.spacing), role_of(subject))


class Clock:
    """Reads times; all of them have a zone, or none has. ``zone`` is that of times without one, None to refuse them."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._aware: bool | None = None

    def read(self, text: str, place: str) -> datetime:
        """The time in UTC; ``place`` is where it stands. Raises UsageError."""
        moment = read_stamp(text.strip(), place)
        aware = moment.tzinfo is not None
        if self._aware is not None and aware != self._aware:
            raise UsageError(f"{place} mixes times with and without a time zone.", remedy="write a zone at every time")
        self._aware = aware
        if aware:
            return moment.astimezone(UTC)
        if self._zone is None:
            raise UsageError(f"{place} has a time without a time zone.", remedy="say it with --time-zone")
        return moment.replace(tzinfo=self._zone).astimezone(UTC)


def rows_of(file: TextIO, name: str) -> Iterator[tuple[int, list[str]]]:
    """The header and then each row, with the numbers of their lines. Raises UsageError for what is no CSV."""
    lines, number = _lines(file, name), 0
    try:
        first = next(lines, None)
        if first is None:
            return
        delimiter = max(",;\t", key=first.count)
        yield 1, next(csv.reader([first], delimiter=delimiter), [])
        reader = csv.reader(lines, delimiter=delimiter)
        for cells in reader:
            number = reader.line_num + 1
            yield number, cells
    except csv.Error as problem:
        raise UsageError(f"{name} is no CSV after line {number}: {problem}.") from None


def _lines(file: TextIO, name: str) -> Iterator[str]:
    """The lines; one without an end is refused before it fills the memory."""
    while line := file.readline(_LONGEST_LINE):
        if len(line) >= _LONGEST_LINE:
            raise UsageError(f"{name} has a line of more than a megabyte; this is no CSV of metrics.")
        yield line


def columns_of(names: list[str], file: str) -> Columns:
    """Where everything stands in the rows below this header. Raises UsageError without a time or a known metric."""
    lower = [name.lower() for name in names]
    time = next((lower.index(name) for name in _TIMES if name in lower), None)
    if time is None:
        raise UsageError(f"{file} has no column for the time.", remedy=f"call it {_TIMES[0]}")
    subject = next((lower.index(name) for name in _SUBJECTS if name in lower), None)
    long = "metric" in lower and "value" in lower
    taken = {time, subject}
    wide = [
        (place, metric)
        for place, name in enumerate(names)
        if place not in taken and not long and (metric := metric_named(name)) is not None
    ]
    if not long and not wide:
        raise UsageError(
            f"{file} has no column of a known metric; it has {', '.join(printable(name) for name in names)[:200]}.",
            remedy="name columns like cpu_usage_percent, error_rate, pending_tasks; or use metric and value",
        )
    known = taken | {place for place, _ in wide}
    ignored = () if long else tuple(printable(name) for place, name in enumerate(names) if place not in known)
    return Columns(
        names,
        time,
        subject,
        lower.index("metric") if long else None,
        lower.index("value") if long else None,
        wide,
        ignored,
    )


def _values(columns: Columns, cells: list[str], place: str) -> Iterator[tuple[Key, float]]:
    subject = cells[columns.subject].strip() if columns.subject is not None else "all"
    if columns.metric is not None and columns.value is not None:
        pairs = [(columns.value, require_metric(cells[columns.metric]))]
    else:
        pairs = columns.wide
    for column, metric in pairs:
        value = reading(cells[column].strip(), metric, place)
        if value is not None:
            yield (metric.name, subject), value


def reading(text: str, metric: Metric, place: str) -> float | None:
    """A reading in the metric's unit; None for a gap. Raises UsageError for what is no number from zero on."""
    if text.lower() in _GAPS:
        return None
    percent = metric.unit == "ratio" and text.endswith("%")
    try:
        number = float(text.removesuffix("%")) if percent else float(text)
    except ValueError:
        raise UsageError(f"{place} has {printable(text[:40])!r} where a number should be.") from None
    if not math.isfinite(number) or number < 0:
        raise UsageError(f"{place} has {printable(text[:40])}, which is no reading of {metric.name}.")
    return number * (_PERCENT if percent else metric.factor)
