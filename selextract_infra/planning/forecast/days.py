"""The days that a forecast may look at: recent, without long gaps or planned events, holes filled for the fit."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from selextract_infra.errors import UsageError
from selextract_infra.model.figures import printable
from selextract_infra.planning.forecast.series import Series

__all__ = ["FitDays", "ForecastEvent", "fit_days", "read_events"]

_WEEK = 7
_COLUMNS = ("first", "last", "factor", "name")
_MOST_EVENTS = 10_000
_LONGEST_LINE = 10_000
_LARGEST_FACTOR = 1000.0


@dataclass(frozen=True, slots=True)
class ForecastEvent:
    """Days, both included, on which use is not as usual. ``factor`` is how many times the usual is expected there."""

    first: date
    last: date
    factor: float | None = None
    name: str = ""


@dataclass(frozen=True)
class FitDays:
    """Values without holes from ``start`` on; ``real`` marks those that were measured on no planned event.

    ``gap_before`` says that older days were given up for a long gap.
    """

    start: date
    values: NDArray[np.float64]
    real: NDArray[np.bool_]
    gap_before: bool


def fit_days(series: Series, events: Sequence[ForecastEvent], *, history: int, longest_gap: int) -> FitDays:
    """The last ``history`` days after the last gap of more than ``longest_gap`` days."""
    bare = series.without(day for event in events for day in _known_days(event, series))
    known = np.flatnonzero(np.isfinite(bare.values))
    if len(known) == 0:
        return FitDays(series.start, np.empty(0), np.empty(0, dtype=bool), gap_before=False)
    gaps = np.flatnonzero(np.diff(known) > longest_gap + 1)
    after_gap = int(known[gaps[-1] + 1]) if len(gaps) else int(known[0])
    first = max(after_gap, len(bare.values) - history)
    values = bare.values[first:]
    real = np.isfinite(values)
    return FitDays(series.start + timedelta(days=first), _filled(values), real, gap_before=bool(len(gaps)))


def _known_days(event: ForecastEvent, series: Series) -> Iterator[date]:
    """The days of an event that the series has."""
    first, last = max(event.first, series.start), min(event.last, series.end)
    for after in range((last - first).days + 1):
        yield first + timedelta(days=after)


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each hole between the same weekday before and after it, so that both the weeks and a trend go on."""
    if np.isfinite(values).all():
        return values
    filled = values.copy()
    indices = np.arange(len(values))
    for weekday in range(min(_WEEK, len(values))):
        mine = indices[weekday::_WEEK]
        known = mine[np.isfinite(values[mine])]
        if len(known):
            filled[mine] = np.interp(mine, known, values[known])
    known = indices[np.isfinite(filled)]
    return np.asarray(np.interp(indices, known, filled[known]))


def read_events(stream: TextIO, *, file: str) -> tuple[ForecastEvent, ...]:
    """Planned events from CSV lines with the columns ``first``, ``last``, and if wanted ``factor`` and ``name``.

    Raises UsageError with the line for anything else.
    """
    lines = _bounded(stream, file)
    try:
        rows = csv.reader(lines)
        header = [name.strip().lower() for name in next(rows, [])]
        unknown = [name for name in header if name not in _COLUMNS]
        if "first" not in header or "last" not in header or unknown or len(set(header)) < len(header):
            raise UsageError(
                f"The header of {file} does not name planned events.", remedy="write: first,last,factor,name"
            )
        return tuple(
            _event(dict(zip(header, fields, strict=False)), f"Line {number} of {file}")
            for number, fields in enumerate(rows, start=2)
            if any(field.strip() for field in fields)
        )
    except UnicodeDecodeError as problem:
        raise UsageError(f"{file} is not text in UTF-8.") from problem
    except csv.Error as problem:
        raise UsageError(f"{file} is no CSV: {problem}.") from problem


def _bounded(stream: TextIO, file: str) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: stream.readline(_LONGEST_LINE), "")):
        if number > _MOST_EVENTS or len(line) >= _LONGEST_LINE:
            raise UsageError(f"{file} is no list of planned events: it is too long after line {number}.")
        yield line


def _event(fields: dict[str, str], where: str) -> ForecastEvent:
    first, last = _day(fields.get("first", ""), where), _day(fields.get("last", ""), where)
    if last < first:
        raise UsageError(f"{where} ends on {last}, before it begins on {first}.")
    return ForecastEvent(first, last, _factor(fields.get("factor", "").strip(), where), fields.get("name", "").strip())


def _day(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        pass
    raise UsageError(
        f'{where} has "{printable(text.strip()[:40])}" where a day should be.', remedy="write days like 2026-11-20"
    )


def _factor(text: str, where: str) -> float | None:
    if not text:
        return None
    try:
        factor = float(text.removesuffix("x"))
    except ValueError:
        factor = float("nan")
    if not 0 < factor <= _LARGEST_FACTOR:
        raise UsageError(f'{where} has "{printable(text[:40])}" as its factor; it is above 0, like 3.0.')
    return factor


def factor_on(events: Iterable[ForecastEvent], day: date) -> float:
    """What is expected on a day, as a multiple of the usual; overlapping events take the largest (X-36)."""
    return max((e.factor for e in events if e.factor is not None and e.first <= day <= e.last), default=1.0)
