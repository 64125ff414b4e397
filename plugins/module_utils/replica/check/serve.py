"""Answers HTTP on a private address: 200 where the replica may be used, 503 with the reason where not.

``/reads`` and ``/analytics`` differ in how far behind the replica may be.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
import threading
import time
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..lag import QUERY, complaint_of_replica
from .conversation import Conversation, SilentError

_FRESH = 0.5  # seconds for which an answer of the replica is good for others too
_REQUEST_SECONDS = 5.0
_MOST_OF_ONE_ADDRESS = 8  # a load balancer has one or two open
_MOST_CONNECTIONS = 64


class Check:
    """What the replica says of itself, asked at most every half second."""

    def __init__(self, conversation: Conversation, limits: dict[str, float]) -> None:
        self.limits = limits
        self._conversation = conversation
        self._lock = threading.Lock()
        self._asked_at = -_FRESH
        self._row: dict[str, Any] = {}
        self._silence: str | None = None

    def complaint(self, path: str) -> str | None:
        """Why the replica must not be used for that, None where it may."""
        with self._lock:
            if time.monotonic() - self._asked_at >= _FRESH:
                self._ask()
            if self._silence is not None:
                return f"the replica {self._silence}"
            return complaint_of_replica(self._row, self.limits[path])

    def _ask(self) -> None:
        try:
            self._row, self._silence = self._conversation.ask(QUERY), None
        except SilentError as silence:
            self._silence = str(silence)
        except ValueError:
            self._silence = "answered something that is not understood"
        self._asked_at = time.monotonic()


class CheckServer(ThreadingHTTPServer):
    """Serves many clients at a time; none of them, however slow, keeps the load balancer from being answered."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], check: Check, request_seconds: float = _REQUEST_SECONDS) -> None:
        self._request_seconds = request_seconds
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()
        super().__init__(address, handler(check))

    def verify_request(self, _request: Any, client_address: Any) -> bool:
        """Whether there is room for one more connection, in all and from that address."""
        with self._lock:
            room = self._open[client_address[0]] < _MOST_OF_ONE_ADDRESS
            return room and sum(self._open.values()) < _MOST_CONNECTIONS

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count the connection before its thread begins, so that the next one is judged with it."""
        with self._lock:
            self._open[client_address[0]] += 1
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._ended(client_address[0])
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer within a time for the whole request: the time limit of a socket begins anew with every byte."""
        deadline = threading.Timer(self._request_seconds, _cut, [request])
        deadline.daemon = True
        deadline.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            deadline.cancel()
            self._ended(client_address[0])

    def _ended(self, address: str) -> None:
        with self._lock:
            self._open[address] -= 1
            self._open += Counter()  # an address without a connection takes no memory


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def handler(check: Check) -> type[BaseHTTPRequestHandler]:
    """A handler of requests that asks this check."""

    class Handler(BaseHTTPRequestHandler):
        """Answers one request."""

        timeout = 5

        def do_GET(self) -> None:
            """200 or 503, with the reason in words."""
            if self.path not in check.limits:
                return self._answer(HTTPStatus.NOT_FOUND, "there are " + " and ".join(sorted(check.limits)))
            complaint = check.complaint(self.path)
            status = HTTPStatus.OK if complaint is None else HTTPStatus.SERVICE_UNAVAILABLE
            return self._answer(status, complaint or "it may be used")

        def do_OPTIONS(self) -> None:
            """As GET."""
            self.do_GET()

        def _answer(self, status: HTTPStatus, words: str) -> None:
            body = (words + "\n").encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: Any) -> None:
            """Say nothing of every check."""

    return Handler


def main() -> int:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="selextract-replica-check", description=__doc__)
    parser.add_argument("--address", required=True, help="the private address to answer on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--container", required=True, help="the replica's container")
    parser.add_argument("--user", required=True, help="user and group ID of its server")
    parser.add_argument("--superuser", required=True, help="the role to ask as")
    parser.add_argument("--reads", type=float, required=True, help="seconds it may be behind for reads")
    parser.add_argument("--analytics", type=float, required=True, help="seconds it may be behind for analytics")
    parser.add_argument("--bound", type=float, required=True, help="seconds it may take to answer")
    given = parser.parse_args()
    psql = ["psql", "-X", "-q", "-A", "-t", "-d", "postgres", "-U", given.superuser]
    command = ["docker", "exec", "-i", "-u", given.user, "-e", "PGCONNECT_TIMEOUT=2", given.container, *psql]
    check = Check(Conversation(command, given.bound), {"/reads": given.reads, "/analytics": given.analytics})
    CheckServer((given.address, given.port), check, _REQUEST_SECONDS + given.bound).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
