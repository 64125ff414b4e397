"""How a host writes amounts for people, as the control side does: memory is binary, everything on a disk is decimal."""

from __future__ import annotations

__all__ = ["cores", "disk", "memory"]


def memory(value: float | None) -> str:
    """Bytes in binary megabytes: ``1,228.8 MB``; None is ``unlimited``."""
    return "unlimited" if value is None else f"{value / 2**20:,.1f} MB".replace(".0 MB", " MB")


def cores(value: float | None) -> str:
    """Cores with at most two decimals: ``0.35 cores``; None is ``unlimited``."""
    if value is None:
        return "unlimited"
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{text} core" if text == "1" else f"{text} cores"


def disk(value: float) -> str:
    """Bytes on a disk or of a copy, decimal: ``456 MB``, ``1.5 GB``."""
    return f"{value / 1e6:,.0f} MB" if value < 1e9 else f"{value / 1e9:,.1f} GB".replace(".0 GB", " GB")
