"""A Series from the lines of a CSV file, read as they stream by; every refusal is one sentence with its line."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TextIO

from selextract_infra.errors import UsageError
from selextract_infra.model.figures import MB, count, printable
from selextract_infra.planning.forecast.series import DailyUse, Days, Series

__all__ = ["read_series", "read_stamp"]

_LONGEST_LINE = MB
_SHOWN = 40
_TIME_NAMES = ("timestamp", "time", "date", "datetime", "at", "day", "ts", "ds")
# A count of seconds since 1970 that is larger than these is one of milli-, micro- or nanoseconds.
_EPOCH_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
_FIRST_EPOCH = 1e8  # 1973; smaller numbers are values, not times


def read_series(
    stream: TextIO,
    column: str,
    *,
    file: str,
    minimum_coverage: float,
    time_column: str | None = None,
    use: DailyUse = DailyUse.MEAN,
    zone: tzinfo | None = None,
) -> Series:
    """The daily use in ``column``; ``stream`` is read once, line by line, so its size does not matter.

    The first line names the columns; comma, semicolon and tab separate them. The time column is ``time_column``, else
    the one with a usual name, else the first that holds a time. Times are ISO 8601 or seconds since 1970; with ``zone``
    they are turned into its days. ``file`` is only for sentences. Raises UsageError with the line for everything else.
    """
    rows = _rows(stream, file)
    header = next(rows, None)
    if header is None:
        raise UsageError(f"{file} is empty.", remedy="name the columns in its first line, one sample in each other")
    names = [name.strip() for name in header[1]]
    if not any(names):
        raise UsageError(f"The first line of {file} names no columns.", remedy="begin it with a line such as time,use")
    value_at = _find(names, column, file)
    time_at = _find(names, time_column, file) if time_column is not None else _usual_time(names)
    days = Days(column, zone=zone)
    place = _Place(file)
    for number, fields in rows:
        place.number = number
        if not fields:
            continue
        if len(fields) != len(names):
            raise UsageError(f"{place} has {count(len(fields), 'column')}, but the header has {len(names)}.")
        if time_at is None:
            time_at = _first_time(fields, names, value_at, place)
        days.add(read_stamp(fields[time_at], place), _number(fields[value_at], column, place), place)
    return days.series(use, minimum_coverage=minimum_coverage)


def read_stamp(text: str, place: object) -> datetime:
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
        f"{place} has {_shown(text)} where a time should be.",
        remedy="write times like 2026-01-31, 2026-01-31 14:30:00+00:00, or as seconds since 1970",
    )


def _since_1970(number: float) -> datetime:
    """The time after so many seconds or fractions of them; ValueError for what is a value rather than a time."""
    if not number >= _FIRST_EPOCH:
        raise ValueError(number)
    if number >= _EPOCH_UNITS[-1][0]:
        number /= next(per_second for least, per_second in _EPOCH_UNITS if number >= least)
    return datetime.fromtimestamp(number, UTC)


@dataclass(slots=True)
class _Place:
    """Where reading has come to; becomes text only for a sentence."""

    file: str
    number: int = 0

    def __str__(self) -> str:
        return f"Line {self.number} of {self.file}"


def _rows(stream: TextIO, file: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its last line."""
    lines = _Lines(stream, file)
    try:
        first = next(lines, None)
        if first is None:
            return
        delimiter = max(",;\t", key=first.count)
        yield 1, next(csv.reader([first], delimiter=delimiter), [])
        for fields in csv.reader(lines, delimiter=delimiter):
            yield lines.number, fields
    except UnicodeDecodeError as problem:
        raise UsageError(
            f"{file} is not text in UTF-8 (after line {lines.number}).", remedy="export it as CSV in UTF-8"
        ) from problem
    except csv.Error as problem:
        raise UsageError(f"Line {lines.number} of {file} is no CSV: {problem}.") from problem


class _Lines:
    """The stream's lines, counted; a line without an end is refused before it fills the memory."""

    def __init__(self, stream: TextIO, file: str) -> None:
        self.number = 0
        self._readline = stream.readline
        self._file = file

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._readline(_LONGEST_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) >= _LONGEST_LINE:
            raise UsageError(
                f"Line {self.number} of {self._file} is longer than a megabyte; this is no CSV of samples."
            )
        return line


def _find(names: list[str], wanted: str, file: str) -> int:
    if names.count(wanted) == 1:
        return names.index(wanted)
    if wanted in names:
        raise UsageError(f"{file} has several columns {_shown(wanted)}.", remedy="give each column a name of its own")
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(wanted.lower(), by_lower, n=1, cutoff=0.5)
    there = ", ".join(printable(name) for name in names)
    raise UsageError(
        f"{file} has no column {_shown(wanted)}; it has {there if len(there) <= 200 else there[:200] + ', ...'}.",
        remedy=f"did you mean {printable(by_lower[near[0]])}?" if near else None,
    )


def _usual_time(names: list[str]) -> int | None:
    lower = [name.lower() for name in names]
    return next((lower.index(name) for name in _TIME_NAMES if name in lower), None)


def _first_time(fields: list[str], names: list[str], value_at: int, place: object) -> int:
    """The first column that holds a time."""
    for at, text in enumerate(fields):
        if at == value_at:
            continue
        try:
            read_stamp(text, place)
        except UsageError:
            continue
        return at
    raise UsageError(
        f"{place} has a time in none of its columns: {', '.join(printable(name) for name in names)}.",
        remedy="name the column of the times with --time-column",
    )


def _number(text: str, column: str, place: object) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    raise UsageError(
        f"{place} has {_shown(text)} in {column}, which is not a number.",
        remedy="write decimals with a point"
        if "," in text
        else "leave such a line out: a missing day is allowed, an invented value is not",
    )


def _shown(text: str) -> str:
    """Text of the file as a sentence can bear it."""
    plain = printable(text.strip())
    return f'"{plain[:_SHOWN]}..."' if len(plain) > _SHOWN else f'"{plain}"'
