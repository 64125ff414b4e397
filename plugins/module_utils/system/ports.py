"""Ports on an address of this host: which one is free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection

__all__ = ["free_port", "is_free"]

_HIGHEST = 65535


def free_port(address: str, first: int, taken: Collection[int]) -> int:
    """The first port from ``first`` on that nobody listens at and that is not ``taken``."""
    for port in range(first, _HIGHEST + 1):
        if port not in taken and is_free(address, port):
            return port
    return first


def is_free(address: str, port: int) -> bool:
    """Whether somebody could listen there now; an address that is not this host's says nothing, so it is."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as problem:
            return problem.errno != errno.EADDRINUSE
    return True
