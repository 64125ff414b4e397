"""CSV files of samples: bounded lines, columns by their names, and times, also those of the night clocks go back.

A file is read once, line by line, so its size does not matter. What cannot be read is refused in one sentence with its
line; nothing is sorted, guessed or repaired.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from stat import S_ISREG
from typing import TextIO

from selextract_infra.errors import UsageError
from selextract_infra.model.figures import MB, count, printable

__all__ = ["GAPS", "TIME_NAMES", "Clock", "CsvFile", "CsvLine", "opened", "quoted", "read_stamp"]

GAPS = frozenset({"", "nan", "null", "none", "-"})
"""Cells in which nothing was measured, as Prometheus, Grafana and databases export them; in lower case."""

TIME_NAMES = ("timestamp", "time", "date", "datetime", "at", "day", "ts", "ds")
"""What the column of the times is usually called."""

_LONGEST_LINE = MB
_SHOWN = 40
_HOUR_SECONDS = 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A count of seconds since 1970 that is larger than these is one of milli-, micro- or nanoseconds.
_EPOCH_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
_FIRST_EPOCH = 1e8  # 1973; smaller numbers are values, not times


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """The text of a file, without a byte order mark. Raises UsageError where it cannot be read as text."""
    try:
        if path.exists() and not S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path} is not a file.")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield stream
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}.") from problem


@dataclass(slots=True)
class CsvLine:
    """Where reading has come to; becomes text only for a sentence."""

    file: str
    number: int = 0

    def __str__(self) -> str:
        return f"Line {self.number} of {self.file}"


class CsvFile:
    """The columns of a file, by ``names``, and its rows; iterate once.

    The first line names the columns; comma, semicolon and tab separate them. ``name`` is the file's, for sentences, and
    ``line`` the one that was read last. Raises UsageError for a file that is empty or no CSV.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self.name = name
        self.line = CsvLine(name)
        self._stream = stream
        self._records = self._read()
        header = next(self._records, None)
        if header is None:
            raise UsageError(f"{name} is empty.", remedy="name the columns in its first line, one sample in each other")
        self.names = [title.strip() for title in header]

    def __iter__(self) -> Iterator[list[str]]:
        """Each row that is not empty, with as many cells as there are columns."""
        width = len(self.names)
        for cells in self._records:
            if len(cells) == width:
                yield cells
            elif cells:
                raise UsageError(f"{self.line} has {count(len(cells), 'column')}, but the header has {width}.")

    def column(self, wanted: str) -> int:
        """The index of a column; UsageError with the nearest name where there is none, or several."""
        if self.names.count(wanted) == 1:
            return self.names.index(wanted)
        if wanted in self.names:
            raise UsageError(
                f"{self.name} has several columns {quoted(wanted)}.", remedy="give each column a name of its own"
            )
        by_lower = {name.lower(): name for name in self.names}
        near = difflib.get_close_matches(wanted.lower(), by_lower, n=1, cutoff=0.5)
        listed = ", ".join(printable(name) for name in self.names)
        raise UsageError(
            f"{self.name} has no column {quoted(wanted)}; it has {listed[:200]}{', ...' * (len(listed) > 200)}.",
            remedy=f"did you mean {printable(by_lower[near[0]])}?" if near else None,
        )

    def usual(self, names: Collection[str]) -> int | None:
        """The index of the first of some usual names that a column has, however it is written; None without one."""
        lower = [name.lower() for name in self.names]
        return next((lower.index(name) for name in names if name in lower), None)

    def _read(self) -> Iterator[list[str]]:
        try:
            lines = self._lines()
            first = next(lines, None)
            if first is None:
                return
            delimiter = max(",;\t", key=first.count)
            yield next(csv.reader([first], delimiter=delimiter), [])
            yield from csv.reader(lines, delimiter=delimiter)
        except UnicodeDecodeError as problem:
            raise UsageError(
                f"{self.name} is not text in UTF-8 (after line {self.line.number}).", remedy="export it as CSV in UTF-8"
            ) from problem
        except csv.Error as problem:
            raise UsageError(f"{self.line} is no CSV: {problem}.") from problem

    def _lines(self) -> Iterator[str]:
        """The lines, counted; one without an end is refused before it fills the memory."""
        while line := self._stream.readline(_LONGEST_LINE):
            self.line.number += 1
            if len(line) >= _LONGEST_LINE:
                raise UsageError(f"{self.line} is longer than a megabyte; this is no CSV of samples.")
            yield line


def read_stamp(text: str, line: object) -> datetime:
    """A time in ISO 8601, or as seconds (or milli-, micro-, nanoseconds) since 1970. Raises UsageError."""
    try:
        return datetime.fromisoformat(text) if "-" in text else _since_1970(float(text))
    except (ValueError, OverflowError, OSError):
        pass
    try:
        return datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        pass
    raise UsageError(
        f"{line} has {quoted(text)} where a time should be.",
        remedy="write times like 2026-01-31, 2026-01-31 14:30:00+00:00, or as seconds since 1970",
    )


def _since_1970(number: float) -> datetime:
    """The time after so many seconds or fractions of them; ValueError for what is a value rather than a time."""
    if not number >= _FIRST_EPOCH:
        raise ValueError(number)
    if number >= _EPOCH_UNITS[-1][0]:
        number /= next(per_second for least, per_second in _EPOCH_UNITS if number >= least)
    return datetime.fromtimestamp(number, UTC)


class Clock:
    """Times in UTC; all of a file have a zone, or none has.

    ``zone`` is that of times without one, None to refuse them. Where clocks go back, an hour of local times comes
    twice; the order of a series' lines says which of the two is meant: what does not move on is an hour later. Lines
    that have this hour only once, or a time of it three times, are refused: nothing says then which it is.
    """

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._aware: bool | None = None
        self._text, self._moment = "", _EPOCH
        self._before: dict[str, datetime] = {}
        self._first_pass: set[str] = set()

    def read(self, text: str, line: object, series: str = "") -> datetime:
        """The time of a row of some series. Raises UsageError."""
        if text == self._text and self._aware:
            return self._moment
        stamp = read_stamp(text, line)
        aware = stamp.tzinfo is not None
        if self._aware is not None and aware != self._aware:
            raise UsageError(f"{line} mixes times with and without a time zone.", remedy="write a zone at every time")
        self._aware = aware
        self._text, self._moment = text, stamp.astimezone(UTC) if aware else self._placed(stamp, line, series)
        return self._moment

    def _placed(self, local: datetime, line: object, series: str) -> datetime:
        if self._zone is None:
            raise UsageError(f"{line} has a time without a time zone.", remedy="say it with --time-zone")
        try:
            early, late = (local.replace(tzinfo=self._zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        except OverflowError as problem:
            raise UsageError(f"{line} has {local.isoformat(sep=' ')}, which no time zone has.") from problem
        before = self._before.get(series)
        if late <= early:  # once, or in an hour that clocks leave out
            if series in self._first_pass and before is not None and early > before:
                raise _twice(line, "the hour in which clocks went back stands before it once only")
            self._first_pass.discard(series)
            moment = early
        elif before is None or early > before:
            if before is not None and (early - before).total_seconds() < _HOUR_SECONDS:
                self._first_pass.add(series)  # lines less than an hour apart: they must come to this hour twice
            moment = early
        elif late > before:
            self._first_pass.discard(series)
            moment = late
        else:
            raise _twice(line, f"{local.isoformat(sep=' ')} came twice that night, and the lines before it say neither")
        self._before[series] = moment
        return moment


def _twice(line: object, why: str) -> UsageError:
    return UsageError(f"{line} is in a time that cannot be told: {why}.", remedy="export the times in UTC")


def quoted(text: str) -> str:
    """Text of the file as a sentence can bear it."""
    plain = printable(text.strip())
    return f'"{plain[:_SHOWN]}..."' if len(plain) > _SHOWN else f'"{plain}"'
