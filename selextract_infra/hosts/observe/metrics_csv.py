"""Recorded metrics from a CSV file, streamed: however large the file is, only its last stretch is kept.

Two shapes are read. Wide: ``at,subject,cpu_usage_percent,error_rate``. Long: ``at,subject,metric,value``. ``subject``
may be left out. An empty cell or NaN is a gap.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TextIO

from selextract_infra.assess.measurements import Measurement, Metric, metric_named, require_metric
from selextract_infra.assess.samples import Samples
from selextract_infra.errors import UsageError
from selextract_infra.hosts.observe.csv_file import GAPS, Clock, CsvFile, opened
from selextract_infra.model.figures import printable

__all__ = ["KEPT_SECONDS", "MetricRow", "MetricRows", "RecordedMetrics", "load_metrics", "metric_rows"]

KEPT_SECONDS = 3600.0
"""How much of each series is kept: far more than the longest window of a threshold."""

_TIMES = ("at", "timestamp", "time", "date", "datetime", "ts")
_SUBJECTS = ("subject", "service", "host", "container", "instance", "name")
_INSTANCES = "instances"
_MOST_INSTANCES = 10_000
_MOST_SERIES = 200_000
_PERCENT = 100.0


@dataclass(slots=True)
class MetricRow:
    """One time of one subject: Unix seconds, metrics in their units, and the instances where they are recorded."""

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


class MetricRows:
    """The rows of a file of metrics; iterate once. ``ignored`` names columns that are no metric.

    ``has_subject``: there is a column that says whose metrics they are. Raises UsageError for a file without a column
    for the time or of a known metric, and for rows that cannot be read.
    """

    def __init__(self, stream: TextIO, name: str, zone: tzinfo | None) -> None:
        self._file = CsvFile(stream, name)
        self._clock = Clock(zone)
        names, lower = self._file.names, [title.lower() for title in self._file.names]
        time = self._file.usual(_TIMES)
        if time is None:
            raise UsageError(f"{name} has no column for the time.", remedy=f"call it {_TIMES[0]}")
        self._time, self._subject = time, self._file.usual(_SUBJECTS)
        self._instances = self._file.usual([_INSTANCES])
        self._metric = lower.index("metric") if "metric" in lower and "value" in lower else None
        self._value = None if self._metric is None else lower.index("value")
        self._wide = [] if self._metric is not None else self._wide_columns(names)
        if self._metric is None and not self._wide:
            raise UsageError(
                f"{name} has no column of a known metric; it has {', '.join(map(printable, names))[:200]}.",
                remedy="name columns like cpu_usage_percent, error_rate, pending_tasks; or use metric and value",
            )
        known = {self._time, self._subject, *(index for index, _ in self._wide)}
        rest = () if self._metric is not None else (index for index in range(len(names)) if index not in known)
        self.ignored = tuple(printable(names[index]) for index in rest)
        self.has_subject = self._subject is not None

    def _wide_columns(self, names: list[str]) -> list[tuple[int, Metric]]:
        metrics = ((index, metric_named(title)) for index, title in enumerate(names))
        taken = {self._time, self._subject}
        return [(index, metric) for index, metric in metrics if metric is not None and index not in taken]

    def __iter__(self) -> Iterator[MetricRow]:
        """The rows in the order of the file, which need not be that of time."""
        subject, time, metric, counts = self._subject, self._time, self._metric, self._instances
        line = self._file.line
        for cells in self._file:
            name = cells[subject].strip() if subject is not None else ""
            series = name if metric is None else f"{name}\0{cells[metric]}"
            at = self._clock.read(cells[time], line, series).timestamp()
            count = None if counts is None else _count(cells[counts], line)
            yield MetricRow(at, name, self._readings(cells), count, line.number, line.file)

    def _readings(self, cells: list[str]) -> list[tuple[str, float]]:
        if self._metric is not None and self._value is not None:
            columns = [(self._value, require_metric(cells[self._metric]))]
        else:
            columns = self._wide
        readings = []
        for index, metric in columns:
            value = _reading(cells[index], metric, self._file.line)
            if value is not None:
                readings.append((metric.name, value))
        return readings


def _reading(text: str, metric: Metric, line: object) -> float | None:
    """A reading in the metric's unit; None for a gap. Raises UsageError for what is no number from zero on."""
    if not text:
        return None
    try:
        number = float(text) / metric.per  # nearly every cell; what is left for the rest is slower
    except ValueError:
        number = -1.0
    if 0.0 <= number < math.inf:
        return number
    text = text.strip()
    if text.lower() in GAPS:
        return None
    percent = metric.unit == "ratio" and text.endswith("%")
    try:
        number = float(text.removesuffix("%")) if percent else float(text)
    except ValueError:
        raise UsageError(f"{line} has {printable(text[:40])!r} where a number should be.") from None
    if not math.isfinite(number) or number < 0:
        raise UsageError(f"{line} has {printable(text[:40])}, which is no reading of {metric.name}.")
    return number / (_PERCENT if percent else metric.per)


def _count(text: str, line: object) -> int | None:
    """The recorded count of instances in a row; None where it has none."""
    if not text.strip():
        return None
    try:
        count = float(text)
    except ValueError:
        count = math.nan
    if not (count.is_integer() and 0 <= count <= _MOST_INSTANCES):
        raise UsageError(f"{line} has {printable(text[:40])!r} instances.")
    return int(count)


@contextmanager
def metric_rows(path: Path, zone: tzinfo | None) -> Iterator[MetricRows]:
    """The rows of a file; ``zone`` is that of times without one, without it they are refused. Raises UsageError."""
    with opened(path) as stream:
        yield MetricRows(stream, printable(str(path)), zone)


@dataclass(frozen=True)
class RecordedMetrics:
    """What a file holds: measurements up to ``at``, how many rows were read, and columns that are no metric."""

    measurements: tuple[Measurement, ...]
    at: datetime
    rows: int
    ignored: tuple[str, ...] = ()


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
    series, rows, newest = dict[tuple[str, str], _Series](), 0, -math.inf
    last = math.inf if until is None else until.timestamp()
    with metric_rows(path, zone) as lines:
        for row in lines:
            if row.at > last:
                continue
            rows, newest = rows + 1, max(newest, row.at)
            for metric, value in row.values:
                key = (metric, row.subject if lines.has_subject else "all")
                if key not in series and len(series) >= _MOST_SERIES:
                    raise UsageError(f"{path} has more than {_MOST_SERIES:,} series.", remedy="split it")
                series.setdefault(key, _Series()).add(row.at, value, row.place)
        if not series:
            raise UsageError(f"{path} has no readings.", remedy="each line after the first is one time with readings")
    measurements = tuple(_measurement(*key, kept, role_of(key[1])) for key, kept in series.items())
    return RecordedMetrics(measurements, until or datetime.fromtimestamp(newest, UTC), rows, lines.ignored)


def _measurement(metric: str, subject: str, series: _Series, role: str | None) -> Measurement:
    at, values = tuple(series.at), tuple(series.values)
    return Measurement(metric, subject, Samples(at, values, Samples(at, values).spacing), role)
