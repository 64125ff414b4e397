"""Plain data that somebody else wrote, held to bounds before anything is made of it.

A host, a file or a container may say anything: a million levels of lists, numbers that no arithmetic bears, times at
the end of the calendar. What is within these bounds can be parsed, added up, written and shown by all of our code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from selextract_infra.model.figures import MB

__all__ = [
    "FIRST_TIME",
    "LAST_TIME",
    "RUN_ID",
    "bounded",
    "parsed_json",
    "refuse_unbounded",
    "refuse_unbounded_word",
    "run_id_in_command",
]

_MOST_LEVELS = 64
_MOST_VALUES = 2_000_000
_LONGEST_TEXT = MB  # characters of one text; a file that a module of ours is sent is a tenth of it
_LARGEST = 2**63  # of a number: bytes, nanoseconds and counts of any machine are below it
FIRST_TIME, LAST_TIME = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


_LONGEST_WORD = 4096  # the longest path of Linux
_DIGITS = re.compile(r"(?<![\w./:-])[+-]?\d[\d_,]{18,}")
# Only what is a number as a whole: 2 in 100 IDs of a Run end in something like -93e420.
_EXPONENT = re.compile(r"(?:^|(?<=[=,\s]))[+-]?\d+(?:\.\d+)?[eE][+-]?\d+(?=[A-Za-z%]{0,3}(?:$|[,\s]))")
_NO_NUMBER = re.compile(r"(?:^|[=+\s])[+-]?(?:nan|inf(?:inity)?)(?:$|[%+\s])", re.IGNORECASE)
_DAY = re.compile(r"(?<![\w.])-?(\d{4,})-\d\d-\d\d")


def refuse_unbounded_word(word: str) -> None:
    """Raise ``ValueError`` where a word that somebody typed has a number or a day with which nothing can be done."""
    if len(word) > _LONGEST_WORD:
        raise ValueError(f"that is {len(word)} characters")
    if "\x00" in word or any("\ud800" <= character <= "\udfff" for character in word):
        raise ValueError("that is no text")
    far = any(abs(float(number[0])) > _LARGEST for number in _EXPONENT.finditer(word))
    if far or _DIGITS.search(word) or _NO_NUMBER.search(word):
        raise ValueError("that is a number beyond the range of any machine")
    years = [int(match[1][:6]) for match in _DAY.finditer(word)]
    if any(not FIRST_TIME.year <= year <= LAST_TIME.year for year in years):
        raise ValueError(f"days are between {FIRST_TIME.year} and {LAST_TIME.year}")


RUN_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""The form of the ID of a Run that may stand in a command."""


def run_id_in_command(value: Any) -> str:
    """What somebody says is the ID of a Run, where it may stand in a command that people paste; empty where not."""
    return value if isinstance(value, str) and re.fullmatch(RUN_ID, value) else ""


def refuse_unbounded(data: Any, *, longest_text: int = _LONGEST_TEXT) -> None:
    """Raise ``ValueError`` where plain data is deeper, larger or has other numbers than anything of ours."""
    waiting: list[tuple[Any, int]] = [(data, 0)]
    values = 0
    while waiting:
        value, level = waiting.pop()
        if isinstance(value, (Mapping, list, tuple)):
            if level >= _MOST_LEVELS:
                raise ValueError(f"it is nested more than {_MOST_LEVELS} levels deep")
            parts = _parts(value)
            values += len(parts)
            if values > _MOST_VALUES:
                raise ValueError(f"it has more than {_MOST_VALUES} values")
            waiting.extend((part, level + 1) for part in parts)
        else:
            try:
                _refuse_value(value, longest_text)
            except ValueError as problem:
                raise ValueError(f"{problem}{_place_of(value, data)}") from None


def _place_of(value: Any, data: Any) -> str:
    """Where in the data this very value stands, in words."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(data, ())]
    while waiting:
        part, path = waiting.pop()
        if part is value and path:
            return f" ({'.'.join(name[:40] for name in path[:8])})"
        if isinstance(part, Mapping):
            waiting.extend((child, (*path, str(name))) for name, child in part.items())
        elif isinstance(part, (list, tuple)):
            waiting.extend((child, (*path, str(number))) for number, child in enumerate(part))
    return ""


def bounded(data: Any) -> Any:
    """Plain data within the bounds, without negative zeros. Raises ``ValueError`` as ``refuse_unbounded`` does."""
    refuse_unbounded(data)
    return _with_plain_zeros(data)


def _with_plain_zeros(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _with_plain_zeros(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_plain_zeros(part) for part in value]
    return 0.0 if isinstance(value, float) and value == 0 else value


def _parts(value: Any) -> list[Any]:
    return [*value.keys(), *value.values()] if isinstance(value, Mapping) else list(value)


def _refuse_value(value: Any, longest_text: int) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("it has a number that is not finite")
    if isinstance(value, (int, float)) and not -_LARGEST <= value <= _LARGEST:
        raise ValueError("it has a number beyond the range of any machine")
    if isinstance(value, str) and len(value) > longest_text:
        raise ValueError(f"it has a text of {len(value)} characters")


def parsed_json(text: str | bytes) -> Any:
    """JSON as plain data within the bounds. Raises ``ValueError`` where it is not, or is no JSON."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError(f"it is nested more than {_MOST_LEVELS} levels deep") from None
    return bounded(data)
