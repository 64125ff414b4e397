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
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def memory(value: float | None) -> str:
    """Bytes in binary megabytes with at most one decimal: ``1,228.8 MB``; None is ``unlimited``."""
    return "unlimited" if value is None else f"{value / MB:z,.1f}".removesuffix(".0") + " MB"


def cores(value: float | None) -> str:
    """Cores with at most two decimals: ``0.35 cores``; None is ``unlimited``."""
    if value is None:
        return "unlimited"
    text = f"{value:z,.2f}".rstrip("0").rstrip(".")
    return f"{text} core" if text == "1" else f"{text} cores"


def _ram(value: float) -> str:
    """Memory of a whole host in binary gigabytes: ``30.5 GB``; less than sixteen as ``memory`` writes it."""
    if value < 16 * GB:
        return memory(value)
    return f"{value / GB:z,.1f}".removesuffix(".0") + " GB"


def disk(value: float) -> str:
    """Bytes of a disk in decimal gigabytes with at most one decimal: ``140 GB``; less than one in megabytes."""
    if 0 < abs(value) < _GIGA:
        return f"{value / _MEGA:z,.0f} MB"
    return f"{value / _GIGA:z,.1f}".removesuffix(".0") + " GB"


def bandwidth(value: float) -> str:
    """Bits a second in gigabits with at most two decimals: ``2.5 Gbps``."""
    return f"{value / _GIGA:z,.2f}".rstrip("0").rstrip(".") + " Gbps"


def latency(seconds: float) -> str:
    """A response time: ``534 ms``, ``2 s``."""
    if seconds < 1:
        return f"{seconds * 1000:z,.0f} ms"
    return f"{seconds:z,.2f}".rstrip("0").rstrip(".") + " s"


def amount(value: float, unit: str) -> str:
    """A value with its unit as readings name it: ``ratio``, ``seconds``, ``per second``, ``cores``, ``users``, ..."""
    written = _WRITTEN.get(unit)
    if written is not None:
        return written(value)
    number = f"{value:z,.2f}".rstrip("0").rstrip(".")
    rate = _RATES.get(unit)
    return f"{number}{rate}" if rate else f"{number} {unit}"


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


def percent(ratio: float) -> str:
    """A ratio in percent with at most one decimal: ``80 %``."""
    return f"{ratio * 100:z,.1f}".removesuffix(".0") + " %"


def change(ratio: float) -> str:
    """A change in percent with its sign: ``+34.8 %``."""
    return f"{'+' if ratio > 0 else ''}{percent(ratio)}"


def dollars(value: float) -> str:
    """An amount of money: ``$2.50``, ``-$100``."""
    amount = f"{abs(value):z,.2f}".removesuffix(".00")
    return f"-${amount}" if value < 0 and amount != "0" else f"${amount}"


def duration(seconds: float) -> str:
    """A length of time in its largest fitting unit: ``45 s``, ``12 min``, ``3.5 h``, ``7 days``."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds / _HOUR:.1f}".removesuffix(".0") + " h"
    days = f"{seconds / _DAY:.1f}".removesuffix(".0")
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
_WRITTEN: dict[str, Callable[[float], str]] = {
    "ratio": percent,
    "seconds": latency,
    "duration": lambda seconds: latency(seconds) if seconds < _MINUTE else duration(seconds),
    "cores": cores,
    "bytes": disk,
    "bytes of RAM": _ram,
    "bits per second": bandwidth,
}
