"""Sentences from the templates of defects.yml: figures written in the unit that their name, or the template, says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from selextract_infra.policy.units import BANDWIDTH, DISK, DURATION, MEMORY

__all__ = ["half_up", "percent", "plural", "render", "spaced", "with_unit"]

_FORMATTER = Formatter()


def render(template: str, names: Mapping[str, Any], subject: str) -> str:
    """The template with its fields filled in: figures and words by name, values of policy and host by their path."""
    parts = []
    for text, field, spec, _ in _FORMATTER.parse(template):
        parts.append(text)
        if field:
            value, _ = _FORMATTER.get_field(field, (), names)
            parts.append(_in_words(field, value, spec or "", subject))
    return "".join(parts)


def with_unit(name: str, value: float, subject: str) -> str | None:
    """The value in the unit that the name ends with, of storage in decimal bytes; None where it ends with none."""
    start, _, unit = name.rpartition("_")
    if not start or unit not in _BY_UNIT:
        return None
    return DISK.about(value) if unit == "bytes" and subject == "storage" else _BY_UNIT[unit](value)


def _in_words(name: str, value: Any, spec: str, subject: str) -> str:
    if spec in _BY_QUANTITY:
        return _BY_QUANTITY[spec](value)
    written = None if spec or isinstance(value, str) else with_unit(name, value, subject)
    return format(value, spec) if written is None else written


def percent(ratio: float) -> str:
    """A ratio for a sentence, with at most one decimal: ``112.5 %``."""
    return f"{half_up(ratio * 100, 1):g} %"


def half_up(value: float, digits: int) -> float:
    """Rounded as a person rounds: 56.25 to one digit is 56.3."""
    scale = 10.0**digits
    return math.floor(round(value * scale, 6) + 0.5) / scale


def plural(count: float, noun: str) -> str:
    """A count with its noun."""
    return f"{count:g} {noun}" if count == 1 else f"{count:g} {noun}s"


def spaced(name: str) -> str:
    """A name of the policy in words: ``black friday`` for ``black_friday``."""
    return name.replace("_", " ")


def _change(ratio: float) -> str:
    return f"{'+' if ratio > 0 else ''}{percent(ratio)}"


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}".removesuffix(".00")


_BY_UNIT: Mapping[str, Callable[[float], str]] = {
    "bytes": MEMORY.about,
    "ratio": percent,
    "change": _change,
    "dollars": _dollars,
}
_BY_QUANTITY: Mapping[str, Callable[[float], str]] = {
    "memory": MEMORY.about,
    "disk": DISK.about,
    "bandwidth": BANDWIDTH.about,
    "duration": DURATION.about,
    "duration exact": DURATION.format,
    "percent": percent,
}
