"""Postgres' protocol, against a small server that knows only the stored verifier of a password."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import struct
import threading
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import pytest

from plugins.module_utils.postgres.scram import scram_verifier
from plugins.module_utils.postgres.wire import Login, Wire, WireRefusedError
from plugins.module_utils.system.failure import HostSideError

PASSWORD = "correct-horse_9"


class Server:
    """Lets one user in by SCRAM-SHA-256 and answers every statement with one row, or with an error."""

    def __init__(self, path: Path, *, proves: bool = True) -> None:
        self._proves = proves
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        stream = client.makefile("rb")
        (length,) = struct.unpack(">I", stream.read(4))
        stream.read(length - 4)
        verifier = scram_verifier(PASSWORD)
        iterations, salt = verifier.split("$")[1].split(":")
        stored, server_key = (base64.b64decode(part) for part in verifier.split("$")[2].split(":"))
        client.sendall(_framed(b"R", struct.pack(">I", 10) + b"SCRAM-SHA-256\0\0"))
        first = _body(stream).partition(b"\0")[2][4:].decode().removeprefix("n,,")
        nonce = first.partition("r=")[2] + "server"
        challenge = f"r={nonce},s={salt},i={iterations}"
        client.sendall(_framed(b"R", struct.pack(">I", 11) + challenge.encode()))
        final = _body(stream).decode()
        bare, _, proof = final.rpartition(",p=")
        everything = f"{first},{challenge},{bare}".encode()
        signature = hmac.new(stored, everything, hashlib.sha256).digest()
        key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature))
        if hashlib.sha256(key).digest() != stored:
            client.sendall(_error("password authentication failed"))
            return
        mine = base64.b64encode(hmac.new(server_key, everything, hashlib.sha256).digest())
        if self._proves:
            client.sendall(_framed(b"R", struct.pack(">I", 12) + b"v=" + mine))
        client.sendall(_framed(b"R", struct.pack(">I", 0)) + _framed(b"Z", b"I"))
        while stream.peek(1):
            statement = _body(stream).rstrip(b"\0")
            client.sendall((_error("no such\ntable") if b"bad" in statement else _row()) + _framed(b"Z", b"I"))


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


def _body(stream: BufferedReader) -> bytes:
    head = stream.read(5)
    return stream.read(struct.unpack(">I", head[1:])[0] - 4)


def _error(sentence: str) -> bytes:
    return _framed(b"E", b"SERROR\0M" + sentence.encode() + b"\0\0")


def _row() -> bytes:
    names = b"".join(name + b"\0" + b"\0" * 18 for name in (b"key", b"value"))
    values = struct.pack(">i", 6) + b"paused" + struct.pack(">i", -1)
    return _framed(b"T", struct.pack(">H", 2) + names) + _framed(b"D", struct.pack(">H", 2) + values)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "socket"
    running = Server(path)
    yield path
    running.close()


def test_a_login_by_scram_and_rows_by_name(server: Path) -> None:
    with Wire(str(server), Login("shop", "orders", PASSWORD), timeout=5) as wire:
        assert wire.rows("SHOW STATE") == [{"key": "paused", "value": None}]


def test_a_refusal_is_one_line_and_the_connection_goes_on(server: Path) -> None:
    with Wire(str(server), Login("shop", "orders", PASSWORD), timeout=5) as wire:
        with pytest.raises(WireRefusedError, match=r"^no such table$"):
            wire.rows("bad")
        assert wire.rows("SHOW STATE")


def test_a_wrong_password_is_refused_and_not_shown(server: Path) -> None:
    with pytest.raises(WireRefusedError, match="authentication failed") as refused:
        Wire(str(server), Login("shop", "orders", "wrong-one"), timeout=5)
    assert "wrong-one" not in refused.value.sentence


def test_a_server_that_does_not_know_the_password_either_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    impostor = Server(path, proves=False)
    with pytest.raises(WireRefusedError, match="does not prove that it knows the password"):
        Wire(str(path), Login("shop", "orders", PASSWORD), timeout=5)
    impostor.close()


def test_nobody_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HostSideError, match="Nobody answers"):
        Wire(str(tmp_path / "none"), Login("shop", "orders"), timeout=1)
