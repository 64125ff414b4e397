"""Inputs that nobody would write, drawn with a seed: words, numbers, times, and whole structures bent a little."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

Draw = random.Random

NUMBERS = (
    "0", "-0", "-0.0", "1", "-1", "2", "3.5", "1e308", "-1e308", "1e400", "NaN", "nan", "inf", "-inf", "Infinity",
    "1" + "0" * 120, "1" * 5000, "0x10", "1_000", "٣", "9223372036854775808", "1e-320", "0.1", "7", "12", "100",
)  # fmt: skip
SIZES = (
    "2GB",
    "2GiB",
    "0GB",
    "-2GB",
    "1e308GB",
    "99999999999999999999TB",
    "2 gb",
    "GB",
    "2GB2",
    "½GB",
    "1.5GB",
    "nanGB",
)
DAYS = (
    "2026-03-01", "9999-12-31", "0001-01-01", "10000-01-01", "2026-02-30", "-1-01-01", "2026-03-01T25:00", "today",
    "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-03-01T02:00:00+00:00",
)  # fmt: skip
WORDS = (
    "", " ", "a", "api", "app1/api", "\x1b]0;owned\x07", "--", "-", "=", "a=b=c", "\n", "\x00", "{{ 7*7 }}", "ü",
    "\ud800", "../..", "web", "json", "x" * 3000, "8c/32GB/1TB/1Gbps", "8c/0GB", "0c/1GB/1TB/1Gbps", "api=4", "api=-1",
    "1e9c/1GB/1TB/1Gbps",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, -(2**63) - 1, 10**30, 10**300, 1e308, -1e308, 5e-324, -0.0, float("nan"),
    float("inf"), "", "x", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "\x1b[2J", [], {}, [[]], [None],
    {"a": 1}, ["a", 1], "2026-03-01T02:00:00+00:00", "{{ x }}", "x" * 10_000,
)  # fmt: skip


def word(draw: Draw) -> str:
    """One argument of a command line."""
    kind = draw.random()
    pool = NUMBERS if kind < 0.4 else SIZES if kind < 0.55 else DAYS if kind < 0.7 else WORDS
    chosen = draw.choice(pool)
    return chosen + draw.choice((*SIZES[:1], "%", "+", ":", "%%")) if draw.random() < 0.05 else chosen


def deep(draw: Draw) -> Any:
    """A structure of many levels."""
    value: Any = []
    for _ in range(draw.choice((50, 200, 3000))):
        value = [value] if draw.random() < 0.5 else {"a": value}
    return value


def bent(data: Any, draw: Draw) -> Any:
    """Plain data with one to three values replaced, removed or added somewhere in it."""
    result = copy.deepcopy(data)
    for _ in range(draw.randint(1, 3)):
        _bend(result, draw)
    return result


def _bend(data: Any, draw: Draw) -> None:
    place = data
    while isinstance(place, (dict, list)) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw.choice(keys)
        below = place[key]
        if not isinstance(below, (dict, list)) or not below or draw.random() < 0.15:
            _replace(place, key, draw)
            return
        place = below


def _replace(place: Any, key: Any, draw: Draw) -> None:
    act = draw.random()
    if act < 0.12:
        del place[key]
    elif act < 0.18 and isinstance(place, dict):
        place[draw.choice(("nobody", "", "a" * 300, "\x1b[2J"))] = copy.deepcopy(draw.choice(VALUES))
    elif act < 0.22:
        place[key] = deep(draw)
    elif act < 0.4 and isinstance(place[key], (int, float)) and not isinstance(place[key], bool):
        place[key] = place[key] * draw.choice((-1, 0, 1e6, 1e-9, 10**15))
    else:
        place[key] = copy.deepcopy(draw.choice(VALUES))


def text_of(data: Any, draw: Draw) -> str:
    """JSON of it, sometimes cut or with other bytes in it; NaN and Infinity as Python writes them."""
    try:
        text = json.dumps(data)
    except RecursionError:
        text = "[" * 10_000
    if draw.random() < 0.1:
        at = draw.randrange(len(text) + 1)
        text = (
            text[:at] + draw.choice(("", "\x00", "[" * 10_000, "1e999", "NaN", '"')) + text[at + draw.randint(0, 3) :]
        )
    return text
