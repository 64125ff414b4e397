"""How amounts and foreign text are written for a person, the same in sentences, plans and tables. Nothing else does it.

Memory is binary (1 MB is 1,048,576 bytes), as RAM, Docker and Postgres count it; disk and network are decimal (X-46).
What a settings file or the policy is given (``1.5GB``) is no amount for a person: `policy.units` reads and writes it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

__all__ = [
    "GB",
    "KB",
    "MB",
    "amount",
    "bandwidth",
    "change",
    "compared",
    "cores",
    "count",
    "disk",
    "dollars",
    "duration",
    "latency",
    "memory",
    "percent",
    "printable",
    "resource_name",
    "resource_value",
]

KB, MB, GB = 1 << 10, 1 << 20, 1 << 30
"""Binary sizes in bytes."""

_MEGA, _GIGA = 10**6, 10**9
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MOST_DECIMALS = 10  # more than is usual; beyond that a double says nothing
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def memory(value: float | None, more: int = 0) -> str:
    """Bytes in binary megabytes with at most one decimal: ``1,228.8 MB``; None is ``unlimited``."""
    return "unlimited" if value is None else f"{_decimals(value / MB, 1 + more)} MB"


def cores(value: float | None, more: int = 0) -> str:
    """Cores with at most two decimals: ``0.35 cores``; None is ``unlimited``."""
    if value is None:
        return "unlimited"
    text = _decimals(value, 2 + more)
    return f"{text} core" if text == "1" else f"{text} cores"


def _ram(value: float, more: int = 0) -> str:
    """Memory of a whole host in binary gigabytes: ``30.5 GB``; less than sixteen as ``memory`` writes it."""
    if round(value / GB, 1 + more) < 16:
        return memory(value, more)
    return f"{_decimals(value / GB, 1 + more)} GB"


def disk(value: float, more: int = 0) -> str:
    """Bytes of a disk in decimal gigabytes with at most one decimal: ``140 GB``; less than one in megabytes."""
    if value and round(abs(value) / _MEGA, more) < _GIGA / _MEGA:
        return f"{_decimals(value / _MEGA, more)} MB"
    return f"{_decimals(value / _GIGA, 1 + more)} GB"


def bandwidth(value: float, more: int = 0) -> str:
    """Bits a second in gigabits with at most two decimals: ``2.5 Gbps``."""
    return f"{_decimals(value / _GIGA, 2 + more)} Gbps"


def latency(seconds: float, more: int = 0) -> str:
    """A response time: ``534 ms``, ``2 s``."""
    if round(seconds * 1000, more) < 1000:
        return f"{_decimals(seconds * 1000, more)} ms"
    return f"{_decimals(seconds, 2 + more)} s"


def amount(value: float, unit: str, more: int = 0) -> str:
    """A value with its unit as readings name it: ``ratio``, ``seconds``, ``per second``, ``cores``, ``users``, ...

    ``more`` is how many decimals more than usual are written, where they say anything.
    """
    written = _WRITTEN.get(unit)
    if written is not None:
        return written(value, more)
    rate = _RATES.get(unit)
    number = _decimals(value, 2 + more)
    return f"{number}{rate}" if rate else f"{number} {unit}"


def compared(value: float, other: float, unit: str) -> tuple[str, str]:
    """Two amounts as a sentence sets them against each other, with the decimals that tell them apart.

    5.001 s and 5 s are not both ``5 s``: "5 s > 5 s" contradicts itself.
    """
    for more in range(_MOST_DECIMALS):
        written, against = amount(value, unit, more), amount(other, unit, more)
        if written != against or value == other:
            break
    return written, against


def _decimals(value: float, most: int) -> str:
    """A number with at most so many decimals, and none that are zero at its end."""
    text = f"{value:z,.{most}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def resource_name(resource: str) -> str:
    """What a person calls the resource of a Decision."""
    return "CPU" if resource == "cpus" else resource


def resource_value(resource: str, value: float | None) -> str:
    """A value of a Decision: memory and cores with their unit, a switch in words, everything else as a number."""
    if resource in _SWITCHES and value is not None:
        return _SWITCHES[resource][bool(value)]
    written = {"memory": memory, "cpus": cores}.get(resource)
    if written is not None:
        return written(value)
    return "none" if value is None else f"{value:z,g}"


def percent(ratio: float, more: int = 0) -> str:
    """A ratio in percent with at most one decimal: ``80 %``."""
    return f"{_decimals(ratio * 100, 1 + more)} %"


def change(ratio: float) -> str:
    """A change in percent with its sign: ``+34.8 %``."""
    return f"{'+' if ratio > 0 else ''}{percent(ratio)}"


def dollars(value: float) -> str:
    """An amount of money: ``$2.50``, ``-$100``."""
    amount = f"{abs(value):z,.2f}".removesuffix(".00")
    return f"-${amount}" if value < 0 and amount != "0" else f"${amount}"


def duration(seconds: float, more: int = 0) -> str:
    """A length of time in its largest fitting unit: ``45 s``, ``12 min``, ``3.5 h``, ``7 days``."""
    if seconds < _MINUTE:
        return f"{_decimals(seconds, more)} s"
    if seconds < _HOUR:
        return f"{_decimals(seconds / _MINUTE, more)} min"
    if seconds < _DAY:
        return f"{_decimals(seconds / _HOUR, 1 + more)} h"
    days = _decimals(seconds / _DAY, 1 + more)
    return f"{days} day" if days == "1" else f"{days} days"


def count(number: int, singular: str, many: str | None = None) -> str:
    """A number with its noun: ``1 container``, ``3 containers``."""
    return f"{number:,} {singular if number == 1 else many or singular + 's'}"


def printable(text: object) -> str:
    """Text from a host as one harmless line: control, escape and direction-changing characters become ``�``."""
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join("�" if unicodedata.category(letter) in _INVISIBLE else letter for letter in plain)


_SWITCHES = {"caching": ("off", "on"), "throttling": ("off", "on"), "restart": ("no", "yes")}
_RATES = {"per second": "/s", "per hour": "/h"}
_WRITTEN: dict[str, Callable[[float, int], str]] = {
    "ratio": percent,
    "seconds": latency,
    "duration": lambda seconds, more: latency(seconds, more) if seconds < _MINUTE else duration(seconds, more),
    "cores": cores,
    "bytes": disk,
    "bytes of RAM": _ram,
    "bits per second": bandwidth,
}
