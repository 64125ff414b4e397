"""Who applies what: the owner as others see it, and IDs of Runs."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from datetime import UTC, datetime

__all__ = ["new_run_id", "owner"]


def owner(process: int | None = None) -> str:
    """``user@machine (process)``: what another operator reads when the host is locked; by default this process."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user ID without a name, as in a container
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()} (process {process or os.getpid()})"


def new_run_id(now: datetime) -> str:
    """An ID that sorts by time and is unique among control machines, such as ``20260301T020000-9f3ac1``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
