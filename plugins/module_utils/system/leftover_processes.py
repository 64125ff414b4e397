"""What a playbook run that was stopped has left running on this host."""

from __future__ import annotations

import os
import signal
import time

from .waiting import waited_for

__all__ = ["VARIABLE", "running", "stop"]

VARIABLE = "SELEXTRACT_INFRA_WORK"
_LOOK_AGAIN = 0.05  # seconds
_KILLED_WITHIN = 10.0  # seconds
_LONGEST = 1_000_000  # bytes of an environment; ours has a few thousand


def running(marker: str) -> dict[int, str]:
    """The processes that carry ``marker`` in their environment: process ID to program name.

    Those of containers do not count, whatever they carry: one that knows the marker could otherwise keep a host from
    ever being said to be at rest.
    """
    wanted = f"{VARIABLE}={marker}".encode()
    here = _processes_seen_by("self")
    processes = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as environment:
                if wanted not in environment.read(_LONGEST).split(b"\0") or _processes_seen_by(name) != here:
                    continue
            with open(f"/proc/{name}/comm", encoding="utf-8", errors="replace") as program:
                processes[int(name)] = program.read().strip()
        except OSError:
            continue  # it has ended, or it is another user's
    return processes


def _processes_seen_by(process: str) -> str:
    """The PID namespace: a container has its own, all that we start on a host has the host's."""
    return os.readlink(f"/proc/{process}/ns/pid")


def stop(marker: str, grace: float, patience: float = 0.0) -> tuple[dict[int, str], dict[int, str]]:
    """End them, gently for ``grace`` seconds and then at once; returns those that were running and those still left.

    Before that they have ``patience`` seconds to come to their end undisturbed.
    """
    waited_for(lambda: not running(marker), patience)
    started = time.monotonic()
    ended: dict[int, str] = {}
    asked: set[int] = set()
    while True:
        left = running(marker)
        ended.update(left)
        waited = time.monotonic() - started
        if not left or waited > grace + _KILLED_WITHIN:
            return ended, left
        if waited > grace:
            _send(left, signal.SIGKILL)
        else:
            _send(set(left) - asked, signal.SIGTERM)
            asked.update(left)
        time.sleep(_LOOK_AGAIN)


def _send(processes: set[int] | dict[int, str], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except (ProcessLookupError, PermissionError):
            continue  # it has ended, or it is another user's: then it is still there when we look again
