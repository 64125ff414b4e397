"""Ctrl-C, SIGTERM and a total time limit become an event that operations hear: work on the hosts is stopped before this
process ends.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from selextract_infra.cli.frame.output import complain, say
from selextract_infra.errors import CancelledError

__all__ = ["LOOK_SECONDS", "WORK_SECONDS", "cancellable", "interruptible"]

LOOK_SECONDS = 1800.0
"""How long a command that only looks may take; each of its looks has a limit of two minutes."""
WORK_SECONDS = 12 * 3600.0
"""How long one that works on hosts may take; each of its steps has a limit of its own, and windows are shorter."""
STOP_SECONDS = 600.0
"""How long it takes at most to bring every host to a safe point."""


@contextmanager
def cancellable(within: float | None = WORK_SECONDS) -> Iterator[threading.Event]:
    """While inside, SIGINT and SIGTERM set the event that is yielded; the handlers from before come back after.

    So does the end of ``within`` seconds; None is for what goes on until it is stopped. Where the work has not come to
    its end ``STOP_SECONDS`` later, this process ends with exit code 130: something here hears nobody, and the hosts
    reach their safe points by themselves.
    """
    cancel = threading.Event()
    with _limited(cancel, within):
        yield from _signalled(cancel)


@contextmanager
def _limited(cancel: threading.Event, within: float | None) -> Iterator[None]:
    if within is None:
        yield
        return

    def stop() -> None:
        say(f"It has not ended within {within:.0f} s; stopping the work on the hosts ...")
        cancel.set()

    def end() -> None:
        complain("It could not be stopped either, so this process ends; the hosts come to a safe point by themselves.")
        os._exit(CancelledError.exit_code)

    timers = [threading.Timer(within, stop), threading.Timer(within + STOP_SECONDS, end)]
    for timer in timers:
        timer.daemon = True
        timer.start()
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()


def _signalled(cancel: threading.Event) -> Iterator[threading.Event]:

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
