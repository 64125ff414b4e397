"""Wait for what has to become true, and no longer than is allowed."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["waited_for"]

_PAUSE = 0.2  # seconds between two looks


def waited_for(condition: Callable[[], bool], bound: float) -> bool:
    """Whether the condition held within ``bound`` seconds; it is asked at least once."""
    end = time.monotonic() + bound
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
    return True
