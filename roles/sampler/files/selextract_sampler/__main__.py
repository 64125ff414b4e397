"""Samples every container at an interval and writes one line a bucket; see the role's documentation."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from types import FrameType

from . import VERSION
from .bucket import Bucket
from .notify import notify
from .ring import Ring
from .watch import Watch

_LARGEST = 256 * 2**20  # bytes of all files together


class Sampler:
    """The loop. Lengths are in seconds; the clock's jumps end a bucket early and begin another."""

    def __init__(self, watch: Watch, ring: Ring, interval: float, bucket: float) -> None:
        self._watch = watch
        self._ring = ring
        self._interval = interval
        self._length = bucket
        self._stop = threading.Event()
        self._bucket: Bucket | None = None
        self._said: str | None = None
        self._clocks = (time.time(), time.monotonic())

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End after the present sample."""
        self._stop.set()

    def run(self) -> None:
        """Sample until ``stop``; the bucket that is open then is written too."""
        self._status()
        notify("READY=1")
        due = time.monotonic()
        while not self._stop.is_set():
            self._tick()
            now = time.monotonic()
            due = due + self._interval if due + self._interval > now else now + self._interval
            self._stop.wait(due - now)
        self._close()

    def _tick(self) -> None:
        wall, steady = time.time(), time.monotonic()
        jumped = abs((wall - self._clocks[0]) - (steady - self._clocks[1])) > max(self._interval, 1.0)
        self._clocks = (wall, steady)
        start = int(wall // self._length * self._length)
        if self._bucket is None or jumped or start != self._bucket.at:
            self._close()
            self._bucket = Bucket(start)
        for container, sample in self._watch.samples(steady):
            self._bucket.add(container.name, container.project, container.service, sample)
        notify("WATCHDOG=1")

    def _close(self) -> None:
        if self._bucket is None:
            return
        self._ring.append(self._bucket.at, self._bucket.rows())
        self._bucket = None
        self._watch.refresh()
        self._say()

    def _say(self) -> None:
        """Say in the journal and in ``systemctl status`` what is wrong, once, and when it is over."""
        problems = []
        if not self._watch.reachable:
            problems.append("Docker does not answer; containers that are known are measured on.")
        if self._ring.problem:
            problems.append(f"Samples cannot be written ({self._ring.problem}); {self._ring.dropped} lines dropped.")
        now = " ".join(problems)
        changed = (now == "") != (self._said in (None, ""))
        if changed and (now or self._said is not None):
            sys.stderr.write((now or "All is well again.") + "\n")
        if changed or self._said is None:
            self._status()
        self._said = now
        notify(f"STATUS={now or 'sampling'}")

    def _status(self) -> None:
        self._ring.write_status(
            {
                "version": VERSION,
                "pid": os.getpid(),
                "interval": self._interval,
                "bucket": self._length,
                "dropped": self._ring.dropped,
            }
        )


def main() -> None:
    """Read the arguments and sample until told to stop."""
    parser = argparse.ArgumentParser(prog="selextract_sampler", description=__doc__)
    parser.add_argument("--folder", default="/var/lib/selextract-infra/samples")
    parser.add_argument("--socket", default="/var/run/docker.sock")
    parser.add_argument("--interval", type=float, default=15.0, help="seconds between samples")
    parser.add_argument("--bucket", type=float, default=60.0, help="seconds that one line covers")
    parser.add_argument("--days", type=int, default=7, help="how many days are kept besides today")
    given = parser.parse_args()
    sampler = Sampler(Watch(given.socket), Ring(given.folder, given.days, _LARGEST), given.interval, given.bucket)
    signal.signal(signal.SIGTERM, sampler.stop)
    signal.signal(signal.SIGINT, sampler.stop)
    sampler.run()


if __name__ == "__main__":
    main()
