"""The ``systemctl`` program."""

from __future__ import annotations

import subprocess

from .failure import HostSideError

__all__ = ["systemctl"]

_BOUND = 60.0  # seconds


def systemctl(*words: str) -> None:
    """Have systemd do something. Raises ``HostSideError`` of kind ``state`` when it does not."""
    try:
        done = subprocess.run(["systemctl", *words], capture_output=True, encoding="utf-8", timeout=_BOUND, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise HostSideError(f"systemd does not answer ({problem}).", kind="state") from problem
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or ["no reason was given"]
        raise HostSideError(f"systemd refused {words[0]}: {reason[0].rstrip('.')}.", kind="state")
