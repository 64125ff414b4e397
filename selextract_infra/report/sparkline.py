"""Small pictures of numbers in a line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["bar", "sparkline"]

_BLOCKS = "▁▂▃▄▅▆▇█"
_FULL, _EMPTY = "█", "░"


def sparkline(values: Sequence[float], width: int) -> str:
    """The course of a series in ``width`` characters: the highest value of each part, from its lowest to its highest.

    A constant series is a line at the bottom; numbers that are none are left out.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite or width < 1:
        return ""
    parts = _parts(finite, min(width, len(finite)))
    low, high = min(parts), max(parts)
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return _BLOCKS[0] * len(parts)
    return "".join(_BLOCKS[min(len(_BLOCKS) - 1, int((value - low) / span * len(_BLOCKS)))] for value in parts)


def _parts(values: Sequence[float], number: int) -> list[float]:
    edges = [round(index * len(values) / number) for index in range(number + 1)]
    return [max(values[start:end]) for start, end in pairwise(edges)]


def bar(share: float, width: int) -> str:
    """A share of a whole as a bar; more than the whole is a full bar, and no number an empty one."""
    filled = round(max(0.0, min(1.0, share)) * width) if math.isfinite(share) else 0
    return _FULL * filled + _EMPTY * (width - filled)
