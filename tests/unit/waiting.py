"""Wait for what has to become true, and no longer than is allowed."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["until"]


def until(holds: Callable[[], object], bound: float = 30.0) -> None:
    """Return when it holds; fail the test when it does not within ``bound`` seconds."""
    give_up = time.monotonic() + bound
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.02)
