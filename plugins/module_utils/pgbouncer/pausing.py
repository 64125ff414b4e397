"""PAUSE and RESUME. A pause ends by itself: a timer of the host ends it even where we are killed."""

from __future__ import annotations

import subprocess
import time

from ..system.failure import HostSideError
from .processes import Process

__all__ = ["arm_timer", "disarm_timer", "paused_for", "resume"]

_BOUND = 15.0  # seconds for systemd
_GRACE = 5.0  # seconds for a RESUME to be in force
_LOOK = 0.1


def paused_for(processes: list[Process], bound: float) -> None:
    """Pause all, waiting ``bound`` seconds at most until no transaction is open; else resume all and raise.

    Raises ``HostSideError`` of kind ``gate`` that names who held it up.
    """
    give_up = time.monotonic() + bound
    for process in processes:
        try:
            if not process.paused:
                process.rows("PAUSE", timeout=max(0.1, give_up - time.monotonic()))
        except HostSideError as failure:
            holding = ", ".join([words for one in processes for words in one.holding()][:3])
            resume(processes)
            raise HostSideError(
                f"PgBouncer could not be paused within {bound:.0f} s ({failure.sentence.rstrip('.')});"
                f" it goes on. Open transactions: {holding or 'none any more'}.",
                kind="gate",
            ) from failure


def resume(processes: list[Process]) -> bool:
    """End the pause of all; whether one was in force. Raises ``HostSideError`` where a process stays paused."""
    ended = False
    for process in processes:
        if process.paused:
            process.rows("RESUME")
            ended = True
    give_up = time.monotonic() + _GRACE
    while any(process.paused for process in processes):
        if time.monotonic() > give_up:
            raise HostSideError("PgBouncer stays paused after RESUME.", kind="gate")
        time.sleep(_LOOK)
    return ended


def arm_timer(unit: str, container: str, seconds: float) -> None:
    """Let systemd tell the container's processes, in ``seconds``, to end every pause; whatever becomes of us.

    Not by ``docker kill``, which would keep the container from coming back with the engine: see ``Engine.signal``.
    """
    disarm_timer(unit)
    _systemd(
        "systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--on-active={seconds:g}s",
        "--timer-property=AccuracySec=100ms", "--description=End a pause of PgBouncer",
        "docker", "exec", container, "sh", "-c", "kill -USR2 1",
    )  # fmt: skip


def disarm_timer(unit: str) -> None:
    """Take the timer away; none there is fine."""
    for command in ("stop", "reset-failed"):
        subprocess.run(
            ["systemctl", command, f"{unit}.timer", f"{unit}.service"],
            capture_output=True, timeout=_BOUND, check=False,
        )  # fmt: skip


def _systemd(*words: str) -> None:
    try:
        subprocess.run(words, capture_output=True, timeout=_BOUND, check=True)
    except (OSError, subprocess.SubprocessError) as problem:
        raise HostSideError(
            "The timer that ends the pause cannot be set, so nothing was paused.", kind="state"
        ) from problem
