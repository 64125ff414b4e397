"""Quantities with units, read strictly (PAR-01): an unknown unit is an error, never a silent number.

Each `Quantity` turns text such as ``5 minutes`` into one number in a base unit and back. RAM, Postgres and Docker sizes
are binary, disk and network sizes decimal (X-46); the two are different quantities, so they cannot be confused.
A quantity is also the annotation of a policy field: ``Annotated[float, DURATION]``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator
from pydantic_core import core_schema

from selextract_infra.errors import UnitError
from selextract_infra.model import figures

__all__ = [
    "BANDWIDTH",
    "BASELINE_PERCENT",
    "CHANGE",
    "CORES",
    "COUNT",
    "DISK",
    "DURATION",
    "FACTOR",
    "HOURLY",
    "MAXIMUM",
    "MEMORY",
    "MONEY",
    "MONTHS",
    "P95_DURATION",
    "PERCENT",
    "RATE",
    "SHARE",
    "BaselineRatio",
    "BitsPerSecond",
    "Change",
    "Cores",
    "Count",
    "DiskBytes",
    "Dollars",
    "Factor",
    "Maximum",
    "MemoryBytes",
    "Months",
    "P95Seconds",
    "PerHour",
    "PerSecond",
    "Positive",
    "Quantity",
    "Ratio",
    "Seconds",
    "Share",
    "quantities",
]

_NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SHAPE = re.compile(rf"\s*(?P<before>\$?)(?P<number>{_NUMBER})\s*(?P<unit>.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """One kind of quantity: its units, its base unit, and how it is read and written.

    ``units`` maps each accepted suffix to its size in the base unit; the suffix is matched exactly, so ``Gb`` is not
    ``GB``. ``shown`` lists the suffixes used for writing, largest first. ``whole``: the base unit cannot be divided
    (bytes, counts). ``signed``: values below zero make sense (a growth); everything else refuses them.
    ``bare``: a plain number is itself a clear statement (a count, a factor). ``tail`` must follow the value
    (``of baseline``, ``(P95)``), ``before`` must stand in front of it (``$``).
    ``most``: more makes no sense. ``figure`` is its unit in `figures`.
    """

    name: str
    accepted: str
    units: Mapping[str, Decimal]
    shown: tuple[str, ...]
    whole: bool = False
    signed: bool = False
    bare: bool = False
    tail: str = ""
    before: str = ""
    most: int | None = None
    figure: str = ""

    def parse(self, value: object) -> float | int:
        """The number in the base unit.

        Raises UnitError where ``value`` is not exactly this quantity: an unknown or missing unit, a negative amount of
        something that cannot be negative, a fraction of something indivisible, NaN or infinity.
        """
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise self._error(value)
        if not isinstance(value, str) and not self.bare:
            raise self._error(value)
        text = str(value).strip()
        match = _SHAPE.fullmatch(text.removesuffix(self.tail))
        if match is None or match["before"] != self.before or not text.endswith(self.tail):
            raise self._error(value)
        unit = match["unit"]
        if unit not in self.units:
            raise self._error(value)
        amount = Decimal(match["number"].replace(",", "")) * self.units[unit]
        if amount < 0 and not self.signed:
            raise UnitError(f"{_quoted(value)} is below zero, and {self.name} cannot be")
        if self.most is not None and amount > self.most:
            raise UnitError(f"{_quoted(value)} is more than {self.format(self.most)}, and {self.name} cannot be")
        return self._number(amount, value)

    def format(self, value: float) -> str:
        """The value with the largest unit that writes it exactly; ``parse`` of it gives ``value`` again."""
        amount = Decimal(value) if isinstance(value, int) else Decimal(repr(float(value)))
        for unit in self.shown:
            shown = amount / self.units[unit]
            if shown * self.units[unit] == amount and (abs(shown) >= 1 or unit == self.shown[-1]) and _short(shown):
                return self._written_as(shown, unit)
        return self._written_as(amount / self.units[self.shown[-1]], self.shown[-1])

    def about(self, value: float) -> str:
        """The value rounded for a sentence, as `figures` writes it; what it does not know with at most two decimals."""
        if self.figure:
            return figures.amount(value, self.figure)
        amount = Decimal(repr(float(value)))
        for unit in self.shown:
            shown = amount / self.units[unit]
            if abs(shown) >= 1 or unit == self.shown[-1]:
                return self._written_as(shown.quantize(_CENT, ROUND_HALF_UP), unit)
        return self.format(value)

    def _written_as(self, amount: Decimal, unit: str) -> str:
        number = f"{(amount + 0).normalize():f}"
        if self.signed and amount >= 0:
            number = "+" + number
        if amount == 1 and unit in _WORDS:
            unit = unit.removesuffix("s")
        gap = " " if unit in _WORDS else ""
        tail = f" {self.tail}" if self.tail else ""
        return f"{self.before}{number}{gap}{unit}{tail}"

    def _number(self, amount: Decimal, value: object) -> float | int:
        if not self.whole:
            return float(amount)
        if amount != amount.to_integral_value() and abs(amount) < _SMALL:
            raise UnitError(f"{_quoted(value)} is not a whole number of {self.shown[-1] or 'things'}")
        return round(amount)

    def _error(self, value: object) -> UnitError:
        return UnitError(f"{_quoted(value)} is not {self.name}; accepted: {self.accepted}")

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> core_schema.CoreSchema:
        """A field with this annotation is read by `parse`."""
        return core_schema.no_info_plain_validator_function(self.parse)


_SMALL: Final = Decimal(1024)
_CENT: Final = Decimal("0.01")
_WORDS: Final = frozenset(
    {"days", "day", "hours", "hour", "minutes", "minute", "months", "month", "cores", "core", "max"}
)


def _short(number: Decimal) -> bool:
    """Whether a person reads the number at a glance (and a float holds it)."""
    return len(number.normalize().as_tuple().digits) <= 6


def _quoted(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return f'"{text[:60]}"' if isinstance(value, str) else text[:60]


def _sizes(step: int, *suffixes: str) -> dict[str, Decimal]:
    return {suffix: Decimal(step) ** power for power, suffix in enumerate(suffixes)}


def _all(size: Decimal | int | str, *names: str) -> dict[str, Decimal]:
    return dict.fromkeys(names, Decimal(size))


_TIME = {
    **_all("0.001", "ms", "milliseconds", "millisecond"),
    **_all(1, "s", "sec", "second", "seconds"),
    **_all(60, "m", "min", "minute", "minutes"),
    **_all(3600, "h", "hour", "hours"),
    **_all(86400, "d", "day", "days"),
    **_all(604800, "week", "weeks"),
}
_PERCENT = _all("0.01", "%")
_BINARY = (
    _sizes(1024, "B", "KiB", "MiB", "GiB", "TiB") | _sizes(1024, "B", "kB", "MB", "GB", "TB") | {"KB": Decimal(1024)}
)
_DECIMAL = _sizes(1000, "B", "kB", "MB", "GB", "TB", "PB") | _sizes(1024, "B", "KiB", "MiB", "GiB", "TiB")

DURATION = Quantity(
    "a duration",
    "200ms, 30s, 5 minutes, 24h, 7 days, 2 weeks",
    _TIME,
    ("days", "hours", "minutes", "s", "ms"),
    figure="duration",
)
P95_DURATION = Quantity("a P95 duration", "1000ms (P95), 2s (P95)", _TIME, ("s", "ms"), tail="(P95)")
MONTHS = Quantity("a number of months", "6 months, 1 month", _all(1, "month", "months"), ("months",), whole=True)
PERCENT = Quantity("a ratio in percent", "70%, 0.1%, 125%", _PERCENT, ("%",))
SHARE = Quantity("a share", "70%, 0.1%", _PERCENT, ("%",), most=1)
BASELINE_PERCENT = Quantity("a share of the baseline", "80% of baseline", _PERCENT, ("%",), tail="of baseline")
CHANGE = Quantity("a change in percent", "+50%, -20%, 40%", _PERCENT, ("%",), signed=True)
MEMORY = Quantity(
    "an amount of memory (binary: 1GB is 1024MB)",
    "512MB, 1.5GB, 100MiB, 32GB",
    _BINARY,
    ("TB", "GB", "MB", "kB", "B"),
    whole=True,
    figure="bytes of RAM",
)
DISK = Quantity(
    "an amount of storage (decimal: 1TB is 1000GB)",
    "100GB, 1TB, 512GiB",
    _DECIMAL,
    ("TB", "GB", "MB", "kB", "B"),
    whole=True,
    figure="bytes",
)
BANDWIDTH = Quantity(
    "a bandwidth (decimal bits per second)",
    "100Mbps, 1Gbps",
    _sizes(1000, "bps", "kbps", "Mbps", "Gbps", "Tbps"),
    ("Gbps", "Mbps", "kbps", "bps"),
    whole=True,
    figure="bits per second",
)
CORES = Quantity("an amount of CPU", "2 cores, 0.5 cores, 1 core", _all(1, "core", "cores"), ("cores",))
MONEY = Quantity("dollars a month", "$200/month, $0/month", _all(1, "/month"), ("/month",), before="$")
RATE = Quantity(
    "a rate per second",
    "200/second, 150 requests/second, 500 reads/second",
    _all(1, "/second", "/s", "requests/second", "RPS", "reads/second", "operations/second", "IOPS"),
    ("/second",),
)
HOURLY = Quantity("a rate per hour", "1000/hour, 1,000 tasks/hour", _all(1, "/hour", "/h", "tasks/hour"), ("/hour",))
FACTOR = Quantity("a factor", "2x, 1.5x, 0.7", _all(1, "", "x"), ("x",), bare=True)
COUNT = Quantity(
    "a count",
    "100, 100 tasks, 20 connections, 500 users",
    _all(1, "", "tasks", "connections", "users", "instances", "requests", "browsers", "samples", "points"),
    ("",),
    whole=True,
    bare=True,
)
MAXIMUM = Quantity("a maximum", "4 max", _all(1, "max"), ("max",), whole=True)

Seconds = Annotated[float, DURATION]
P95Seconds = Annotated[float, P95_DURATION]
Months = Annotated[int, MONTHS]
Ratio = Annotated[float, PERCENT]
Share = Annotated[float, SHARE]
BaselineRatio = Annotated[float, BASELINE_PERCENT]
Change = Annotated[float, CHANGE]
MemoryBytes = Annotated[int, MEMORY]
DiskBytes = Annotated[int, DISK]
BitsPerSecond = Annotated[int, BANDWIDTH]
Cores = Annotated[float, CORES]
Dollars = Annotated[float, MONEY]
PerSecond = Annotated[float, RATE]
PerHour = Annotated[float, HOURLY]
Factor = Annotated[float, FACTOR]
Count = Annotated[int, COUNT]
Maximum = Annotated[int, MAXIMUM]

Amount = TypeVar("Amount")


def _more_than_nothing(amount: Any) -> Any:
    if amount <= 0:
        raise UnitError("it is nothing, and has to be more than that")
    return amount


Positive = Annotated[Amount, AfterValidator(_more_than_nothing)]
"""A quantity that something is divided by or made of: zero is refused."""


def quantities() -> tuple[Quantity, ...]:
    """Every kind of quantity, in the order in which they are explained."""
    return (
        DURATION, P95_DURATION, MONTHS, SHARE, PERCENT, BASELINE_PERCENT, CHANGE, MEMORY, DISK, BANDWIDTH, CORES, MONEY,
        RATE, HOURLY, FACTOR, COUNT, MAXIMUM,
    )  # fmt: skip
