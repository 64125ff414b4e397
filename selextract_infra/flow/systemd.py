"""What systemd hears from a service of ours: that it is up, that it lives, what it does.

The watchdog is fed by progress, not by the mere existence of the process: nothing is sent once the timeout of what is
being done has passed without a word from it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from types import TracebackType
from typing import Self

__all__ = ["Watchdog", "tell_systemd"]


def tell_systemd(*assignments: str) -> None:
    """Send ``READY=1``, ``STATUS=...``; nothing happens where systemd did not start us, or does not listen any more."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(1.0)
        try:
            channel.connect("\0" + address[1:] if address.startswith("@") else address)
            channel.sendall("\n".join(assignments).encode())
        except OSError:
            return


class Watchdog:
    """While inside, systemd is told that we live, as long as ``progress`` is called at least every ``timeout`` seconds.

    Does nothing where the unit has no watchdog.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._heard = time.monotonic()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def progress(self, *_about: object) -> None:
        """Something happened; takes whatever a listener is given."""
        self._heard = time.monotonic()

    def __enter__(self) -> Self:
        every = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
        tell_systemd("READY=1")
        if every and os.environ.get("NOTIFY_SOCKET"):
            self._thread = threading.Thread(target=self._feed, args=(every,), daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()
        tell_systemd("STOPPING=1")

    def _feed(self, every: float) -> None:
        while not self._end.wait(every):
            if time.monotonic() - self._heard < self.timeout:
                tell_systemd("WATCHDOG=1")
