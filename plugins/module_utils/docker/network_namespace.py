"""A connection as a container itself would make it: from its own network, to a name that its own resolver knows."""

from __future__ import annotations

import ctypes
import os
import secrets
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

from ..system.failure import HostSideError

__all__ = ["addresses_in", "connected_inside"]

_NETWORK = 0x40000000  # CLONE_NEWNET
_RESOLVER = ("127.0.0.11", 53)  # Docker's own, in each container on a network of the user's
_ADDRESS, _INTERNET = 1, 1  # of a question to it
_QUESTION = struct.Struct(">HHHHHH")
_RECORD = struct.Struct(">HHIH")
_POINTER = 0xC0
_DATAGRAM = 4096


def connected_inside(process: int, host: str, port: int, *, wanted: str, timeout: float) -> socket.socket:
    """A connection to ``host`` and ``port`` made in the network of a process, where the name must be ``wanted``'s.

    Raises ``HostSideError`` of kind ``gate`` where that network does not know the name, knows another container by it
    too, or does not reach it.
    """
    # Another network is entered by one thread only, which ends with it; a socket stays in the one it was made in.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_connected, process, host, port, wanted, timeout).result()


def _connected(process: int, host: str, port: int, wanted: str, timeout: float) -> socket.socket:
    _enter(process)
    present = addresses_in(_asked(host, timeout))
    if present != [wanted]:
        what = "nobody" if not present else "somebody else"
        raise HostSideError(f"The app's network knows {what} by the name {host}.", kind="gate")
    try:
        return socket.create_connection((wanted, port), timeout=timeout)
    except OSError as problem:
        raise HostSideError(f"The app's network does not reach {host}:{port} ({problem}).", kind="gate") from problem


def _enter(process: int) -> None:
    try:
        namespace = os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
    except OSError as problem:
        raise HostSideError("The app's instance is gone, so its network is too.", kind="gate") from problem
    try:
        if ctypes.CDLL(None, use_errno=True).setns(namespace, _NETWORK):
            reason = os.strerror(ctypes.get_errno())
            raise HostSideError(f"The network of the app's instance cannot be entered ({reason}).", kind="gate")
    finally:
        os.close(namespace)


def _asked(name: str, timeout: float) -> bytes:
    labels = b"".join(bytes([len(label)]) + label for label in name.encode("ascii").split(b"."))
    number = secrets.randbits(16)
    question = _QUESTION.pack(number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", _ADDRESS, _INTERNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(timeout)
        try:
            asking.sendto(question, _RESOLVER)
            return asking.recv(_DATAGRAM)
        except OSError as problem:
            raise HostSideError(f"The app's network has no resolver that knows {name}.", kind="gate") from problem


def addresses_in(answer: bytes) -> list[str]:
    """The IPv4 addresses in a resolver's answer, sorted; empty where it knows none or does not answer rightly."""
    try:
        _, _, questions, records, _, _ = _QUESTION.unpack_from(answer)
        place = _QUESTION.size
        for _ in range(questions):
            place = _past_name(answer, place) + 4
        addresses = set()
        for _ in range(records):
            place = _past_name(answer, place)
            kind, _, _, length = _RECORD.unpack_from(answer, place)
            place += _RECORD.size
            if kind == _ADDRESS and length == 4:
                addresses.add(socket.inet_ntoa(answer[place : place + 4]))
            place += length
    except (struct.error, IndexError, OSError):
        return []
    return sorted(addresses)


def _past_name(answer: bytes, place: int) -> int:
    while answer[place]:
        if answer[place] & _POINTER == _POINTER:
            return place + 2
        place += answer[place] + 1
    return place + 1
