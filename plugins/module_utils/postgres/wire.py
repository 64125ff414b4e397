"""As much of Postgres' own protocol as talking to PgBouncer takes: log in by SCRAM or by nothing, ask, read rows.

Speaking it here keeps passwords out of arguments and environments, and needs no program beside Python.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import socket
import ssl
import struct
from dataclasses import dataclass

from ..system.failure import HostSideError
from .scram import mac, scram_keys

__all__ = ["Login", "Wire", "WireRefusedError"]

_PROTOCOL = 196_608  # 3.0
_TLS_REQUEST = 80_877_103
_HEAD = 5
_MOST = 64 * 1024 * 1024
_OK, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 10, 11, 12
_UNPROVED = "The server does not prove that it knows the password"


class WireRefusedError(HostSideError):
    """The other side answered, and the answer was no; the sentence is its own, ``code`` the SQLSTATE where it has one.

    Postgres' code for a role or a database with too many connections is ``53300``.
    """

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence, kind="postgres")
        self.code = code


@dataclass(frozen=True)
class Login:
    """Who logs in to which database; ``password`` is None where the other side must not ask for one.

    ``parameters`` are asked for at login. ``tls`` encrypts, without looking whose certificate it is.
    """

    user: str
    database: str
    password: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    tls: bool = False


class Wire:
    """One connection. ``address`` is the path of a Unix socket, host and port, or a socket that is connected already.

    ``timeout`` is in seconds.

    ``as_user`` is the user ID that a Unix socket's other side shall see. Raises ``HostSideError`` of kind ``postgres``
    where nobody answers, ``WireRefusedError`` where the answer is no.
    """

    def __init__(
        self,
        address: str | tuple[str, int] | socket.socket,
        login: Login,
        *,
        timeout: float = 10.0,
        as_user: int | None = None,
    ) -> None:
        self._buffer = b""
        self._socket = address if isinstance(address, socket.socket) else _connected(address, timeout, as_user)
        self._socket.settimeout(timeout)
        try:
            if login.tls:
                self._encrypt()
            self._log_in(login)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection without ceremony."""
        self._socket.close()

    def rows(self, statement: str, *, timeout: float | None = None) -> list[dict[str, str | None]]:
        """The rows a statement returns, each by column name; empty for one that returns none."""
        if timeout is not None:
            self._socket.settimeout(timeout)
        self._send(b"Q", _text(statement))
        columns: list[str] = []
        rows: list[dict[str, str | None]] = []
        refusal: bytes | None = None
        while True:
            kind, body = self._message()
            if kind == b"T":
                columns = _columns(body)
            elif kind == b"D":
                values = _values(body)
                rows.append({name: values[place] for place, name in enumerate(columns)})
            elif kind == b"E":
                refusal = body
            elif kind == b"Z":
                break
        if refusal is not None:
            raise WireRefusedError(_complaint(refusal), _field(refusal, b"C"))
        return rows

    def _encrypt(self) -> None:
        self._write(struct.pack(">II", 8, _TLS_REQUEST))
        if self._read(1) != b"S":
            raise WireRefusedError("The other side offers no TLS")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            self._socket = context.wrap_socket(self._socket)
        except OSError as problem:
            raise _unanswered(problem) from problem

    def _log_in(self, login: Login) -> None:
        pairs = [("user", login.user), ("database", login.database), *login.parameters]
        words = b"".join(_text(name) + _text(value) for name, value in pairs) + b"\0"
        start = struct.pack(">I", _PROTOCOL) + words
        self._write(struct.pack(">I", len(start) + 4) + start)
        exchange: _Scram | None = None
        while True:
            kind, body = self._message()
            if kind == b"E":
                raise WireRefusedError(_complaint(body), _field(body, b"C"))
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            (asked,) = struct.unpack(">I", body[:4])
            if asked == _SASL and login.password is not None:
                exchange = _Scram(login.password)
                self._send(b"p", _text("SCRAM-SHA-256") + _counted(exchange.first))
            elif asked == _SASL_CONTINUE and exchange is not None:
                self._send(b"p", exchange.answer(body[4:]))
            elif asked == _SASL_FINAL and exchange is not None:
                exchange.check(body[4:])
            elif asked == _OK and exchange is not None and not exchange.proved:
                raise WireRefusedError(_UNPROVED)
            elif asked != _OK:
                raise WireRefusedError("The other side asks for a login that is not known here")

    def _send(self, kind: bytes, body: bytes) -> None:
        self._write(kind + struct.pack(">I", len(body) + 4) + body)

    def _write(self, content: bytes) -> None:
        try:
            self._socket.sendall(content)
        except OSError as problem:
            raise _unanswered(problem) from problem

    def _message(self) -> tuple[bytes, bytes]:
        head = self._read(_HEAD)
        (length,) = struct.unpack(">I", head[1:])
        if not 4 <= length <= _MOST:
            raise HostSideError("What answers does not speak Postgres' protocol.", kind="postgres")
        return head[:1], self._read(length - 4)

    def _read(self, count: int) -> bytes:
        while len(self._buffer) < count:
            try:
                part = self._socket.recv(65_536)
            except OSError as problem:
                raise _unanswered(problem) from problem
            if not part:
                raise HostSideError("The connection was closed by the other side.", kind="postgres")
            self._buffer += part
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken


class _Scram:
    """The client's side of SCRAM-SHA-256 without channel binding (RFC 7677)."""

    def __init__(self, password: str) -> None:
        self.proved = False
        self._password = password
        self._bare = "n=,r=" + base64.b64encode(secrets.token_bytes(18)).decode("ascii")
        self._signature = b""

    @property
    def first(self) -> bytes:
        """The client's first message."""
        return b"n,," + self._bare.encode("ascii")

    def answer(self, challenge: bytes) -> bytes:
        """The client's final message for the server's first."""
        fields = dict(part.partition("=")[::2] for part in challenge.decode("ascii").split(","))
        if not fields.get("r", "").startswith(self._bare[5:]):
            raise WireRefusedError("The server's answer does not belong to this login")
        client_key, server_key = scram_keys(self._password, base64.b64decode(fields["s"]), int(fields["i"]))
        final = f"c=biws,r={fields['r']}"
        everything = f"{self._bare},{challenge.decode('ascii')},{final}".encode("ascii")
        signature = mac(hashlib.sha256(client_key).digest(), everything)
        proof = bytes(key ^ signature[place] for place, key in enumerate(client_key))
        self._signature = mac(server_key, everything)
        return f"{final},p={base64.b64encode(proof).decode('ascii')}".encode("ascii")

    def check(self, final: bytes) -> None:
        """Raise where the server does not know the password either."""
        if not hmac.compare_digest(base64.b64decode(final.partition(b"v=")[2]), self._signature):
            raise WireRefusedError(_UNPROVED)
        self.proved = True


def _connected(address: str | tuple[str, int], timeout: float, as_user: int | None) -> socket.socket:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.settimeout(timeout)
    try:
        if isinstance(address, str) and as_user is not None:
            _connect_as(made, address, as_user)
        else:
            made.connect(address)
    except OSError as problem:
        made.close()
        raise _unanswered(problem) from problem
    return made


def _connect_as(made: socket.socket, path: str, user: int) -> None:
    """Connect as another user, who need not be able to reach the socket's folder: we are in it by then."""
    folder, name = os.path.split(path)
    back, before = os.open(".", os.O_RDONLY | os.O_DIRECTORY), os.geteuid()
    try:
        os.chdir(folder)
        os.seteuid(user)
        made.connect(name)
    finally:
        os.seteuid(before)
        os.fchdir(back)
        os.close(back)


def _unanswered(problem: OSError) -> HostSideError:
    if isinstance(problem, socket.timeout):
        return HostSideError("No answer came in time.", kind="postgres")
    return HostSideError(f"Nobody answers ({problem.strerror or problem}).", kind="postgres")


def _text(text: str) -> bytes:
    return text.encode() + b"\0"


def _counted(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _columns(body: bytes) -> list[str]:
    (count,), place, names = struct.unpack(">H", body[:2]), 2, []
    for _ in range(count):
        end = body.index(b"\0", place)
        names.append(body[place:end].decode("utf-8", "replace"))
        place = end + 19
    return names


def _values(body: bytes) -> list[str | None]:
    (count,), place = struct.unpack(">H", body[:2]), 2
    values: list[str | None] = []
    for _ in range(count):
        (length,) = struct.unpack(">i", body[place : place + 4])
        place += 4
        if length < 0:
            values.append(None)
            continue
        values.append(body[place : place + length].decode("utf-8", "replace"))
        place += length
    return values


def _complaint(body: bytes) -> str:
    return " ".join((_field(body, b"M") or "no reason was given").split())[:300]


def _field(body: bytes, kind: bytes) -> str:
    """One field of what the other side complains about, empty where it has none."""
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    return fields.get(kind, "")
