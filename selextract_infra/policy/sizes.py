"""Hardware in words: ``8c/32GB/1TB/1Gbps``."""

from __future__ import annotations

from typing import NamedTuple

from selextract_infra.errors import UnitError
from selextract_infra.policy.units import BANDWIDTH, CORES, DISK, MEMORY

__all__ = ["Sizes", "read_sizes"]

_ACCEPTED = "cores/RAM/disk/network, as in 8c/32GB/1TB/1Gbps"


class Sizes(NamedTuple):
    """Cores, bytes of RAM (binary), bytes of disk and bits per second (decimal, X-46)."""

    cpus: float
    memory: int
    storage: int
    network: int


def read_sizes(text: str) -> Sizes:
    """The sizes that the text names.

    Raises UnitError with the accepted form, also for a size of zero.
    """
    parts = [part.strip() for part in text.split("/")]
    if len(parts) != len(Sizes._fields):
        raise UnitError(f'"{text[:60]}" is not a host; accepted: {_ACCEPTED}')
    number = parts[0].lower().removesuffix("cores").removesuffix("core").removesuffix("c").strip()
    sizes = Sizes(
        CORES.parse(f"{number} cores"),
        int(MEMORY.parse(parts[1])),
        int(DISK.parse(parts[2])),
        int(BANDWIDTH.parse(parts[3])),
    )
    if not all(sizes):
        raise UnitError(f'"{text[:60]}" is not a host, everything has to be above zero; accepted: {_ACCEPTED}')
    return sizes
