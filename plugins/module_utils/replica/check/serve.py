"""Answers HTTP on a private address: 200 where the replica may be used, 503 with the reason where not.

``/reads`` and ``/analytics`` differ in how far behind the replica may be.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..lag import QUERY, complaint_of_replica
from .conversation import Conversation, SilentError

_FRESH = 0.5  # seconds for which an answer of the replica is good for others too


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
    server = ThreadingHTTPServer((given.address, given.port), handler(check))
    server.daemon_threads = True
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
