"""Tell systemd how the service is."""

from __future__ import annotations

import os
import socket

__all__ = ["notify"]


def notify(*assignments: str) -> None:
    """Send ``READY=1``, ``WATCHDOG=1``, ``STATUS=...``; nothing happens where systemd did not start us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.sendall("\n".join(assignments).encode())
