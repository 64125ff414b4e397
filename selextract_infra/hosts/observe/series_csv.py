"""A Series of daily use from a CSV file."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo
from typing import TextIO

from selextract_infra.errors import UnitError, UsageError
from selextract_infra.hosts.observe.csv_file import GAPS, TIME_NAMES, Clock, CsvFile, quoted, read_stamp
from selextract_infra.model.figures import printable
from selextract_infra.planning.forecast.series import DailyUse, Days, Series
from selextract_infra.policy.units import DISK

__all__ = ["read_series", "read_use"]


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
    """The daily use in ``column``.

    The time column is ``time_column``, else the one with a usual name, else the first that holds a time. With ``zone``
    times are turned into its days; without one, times that have none are local days. ``file`` is only for sentences.
    Raises UsageError with the line for everything else.
    """
    rows = CsvFile(stream, file)
    if not any(rows.names):
        raise UsageError(f"The first line of {file} names no columns.", remedy="begin it with a line such as time,use")
    value_at = rows.column(column)
    time_at = rows.usual(TIME_NAMES) if time_column is None else rows.column(time_column)
    days, clock, line = Days(column, zone=zone), Clock(zone), rows.line
    unit, empty = None, 0
    for cells in rows:
        if time_at is None:
            time_at = _first_time(cells, rows, value_at)
        text = cells[time_at]
        stamp = read_stamp(text, line) if zone is None else clock.read(text, line)
        if cells[value_at].strip().lower() in GAPS:
            empty += 1
            continue
        value, written = _number(cells[value_at], column, line)
        if unit is not None and written != unit:
            raise UsageError(f"{line} has {quoted(cells[value_at])} in {column}, in another unit than before it.")
        unit = written
        days.add(stamp, value, line)
    series = days.series(use, minimum_coverage=minimum_coverage)
    return replace(series, unit=unit or "", empty=empty)


def _first_time(cells: list[str], rows: CsvFile, value_at: int) -> int:
    """The first column that holds a time."""
    for index, text in enumerate(cells):
        try:
            if index != value_at and read_stamp(text, rows.line):
                return index
        except UsageError:
            continue
    raise UsageError(
        f"{rows.line} has a time in none of its columns: {', '.join(printable(name) for name in rows.names)}.",
        remedy="name the column of the times with --time-column",
    )


def _number(text: str, column: str, line: object) -> tuple[float, str]:
    """A cell and the unit that is written in it: a plain number, a percentage, or a size in bytes."""
    try:
        return read_use(text)
    except ValueError:
        pass
    raise UsageError(
        f"{line} has {quoted(text)} in {column}, which is not a number.",
        remedy="write decimals with a point"
        if "," in text
        else "leave such a line out: a missing day is allowed, an invented value is not",
    )


def read_use(text: str) -> tuple[float, str]:
    """An amount of use as a person writes it, and its unit: ``40``, ``40%``, ``400GB``. ValueError for the rest."""
    plain = text.strip()
    if plain.endswith("%"):
        return float(plain.removesuffix("%")), "%"
    if plain[-1:] in ("B", "b"):
        try:
            return float(DISK.parse(plain)), "bytes"
        except UnitError as problem:
            raise ValueError(text) from problem
    return float(plain), ""
