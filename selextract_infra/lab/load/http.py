"""HTTP/1.1 over kept-alive connections, as little of it as a load generator needs, and nothing hidden.

Nothing is repeated here: a request that fails is a failed request.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlsplit

__all__ = ["ExchangeError", "HttpAnswer", "Site"]

CONNECT_BOUND = 10.0
# Shorter than the server's own, so that a connection is never taken up in the moment the server closes it.
IDLE_BOUND = 45.0


class ExchangeError(Exception):
    """A request without a whole answer; the text says in a few words why."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back."""

    status: int
    body: bytes


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_at: float = 0.0

    def close(self) -> None:
        self.writer.close()


@dataclass
class Site:
    """One site and the idle connections to it, used last in first out as browsers and proxies do."""

    url: str
    idle: list[_Connection] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self._host = parts.hostname or ""
        self._port = parts.port or 80

    async def exchange(
        self, method: str, path: str, *, body: bytes = b"", headers: dict[str, str] | None = None, bound: float = 30.0
    ) -> HttpAnswer:
        """Send one request and wait for the whole answer, ``bound`` seconds at most. Raises ExchangeError."""
        try:
            async with asyncio.timeout(bound):
                return await self._exchange(method, path, body, headers or {})
        except TimeoutError:
            raise ExchangeError(f"no answer within {bound:g} s") from None
        except (OSError, asyncio.IncompleteReadError) as broken:
            raise ExchangeError(_reason(broken)) from broken

    def close(self) -> None:
        """Close the idle connections."""
        while self.idle:
            self.idle.pop().close()

    async def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> HttpAnswer:
        connection = self._take() or await self._open()
        whole = False
        try:
            lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}:{self._port}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            if body or method == "POST":
                lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
            connection.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await connection.writer.drain()
            answer, keep = await _read_answer(connection.reader)
            whole = keep
        finally:
            if whole:
                connection.used_at = monotonic()
                self.idle.append(connection)
            else:
                connection.close()
        return answer

    def _take(self) -> _Connection | None:
        while self.idle:
            connection = self.idle.pop()
            if monotonic() - connection.used_at < IDLE_BOUND:
                return connection
            connection.close()
        return None

    async def _open(self) -> _Connection:
        async with asyncio.timeout(CONNECT_BOUND):
            return _Connection(*await asyncio.open_connection(self._host, self._port))


async def _read_answer(reader: asyncio.StreamReader) -> tuple[HttpAnswer, bool]:
    """The answer, and whether the connection stays open."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split()[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = await _read_chunks(reader)
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (ValueError, IndexError, asyncio.LimitOverrunError) as garbled:
        raise ExchangeError("not an HTTP answer") from garbled
    return HttpAnswer(status, body), headers.get("connection", "").lower() != "close"


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(parts)


def _reason(broken: Exception) -> str:
    if isinstance(broken, asyncio.IncompleteReadError):
        return "the connection was closed before the whole answer"
    if isinstance(broken, ConnectionRefusedError):
        return "connection refused"
    if isinstance(broken, ConnectionResetError):
        return "connection reset"
    return broken.strerror or type(broken).__name__ if isinstance(broken, OSError) else type(broken).__name__
