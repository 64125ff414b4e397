"""Ctrl-C and SIGTERM become an event that operations hear: work on the hosts is stopped before this process ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from selextract_infra.cli.frame.output import say

__all__ = ["cancellable", "interruptible"]


@contextmanager
def cancellable() -> Iterator[threading.Event]:
    """While inside, SIGINT and SIGTERM set the event that is yielded; the handlers from before come back after."""
    cancel = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not cancel.is_set():
            say("Stopping the work on the hosts ...")
        cancel.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """While inside, SIGINT ends what is waited for: nothing is at work on the hosts while a person is asked."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
