"""Wait for what has to become true, and no longer than is allowed."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["complaint_left", "waited_for"]

_PAUSE = 0.2  # seconds between two looks


def waited_for(condition: Callable[[], bool], bound: float) -> bool:
    """Whether the condition held within ``bound`` seconds; it is asked at least once."""
    end = time.monotonic() + bound
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
    return True


def complaint_left(complaint: Callable[[], str], bound: float) -> str:
    """What is still complained of after ``bound`` seconds; empty as soon as nothing is. It is asked at least once."""
    left = ""

    def none_left() -> bool:
        nonlocal left
        left = complaint()
        return not left

    waited_for(none_left, bound)
    return left
