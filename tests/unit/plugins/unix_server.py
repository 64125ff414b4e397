"""A small HTTP server on a Unix socket that answers as it is told: what a Docker engine looks like from outside."""

from __future__ import annotations

import http.server
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

Answer = Callable[[str, str, bytes], tuple[int, bytes]]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Its threads end with it: one that outlived its test printed a traceback beside the next test.

    Python 3.11 parses source for a traceback, and two threads that parse at once end in "AST constructor recursion
    depth mismatch".
    """

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """A client that hangs up early, as one with a deadline does, is no failure of the server."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.finish_request(request, client_address)
        self.shutdown_request(request)


@contextmanager
def serving(path: Path, answer: Answer, *, hang_up: bool = False) -> Iterator[str]:
    """Serve ``answer(method, path, body) -> (status, content)`` on the socket until the end.

    With ``hang_up`` every connection is closed after its answer, unannounced.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5  # seconds for which a thread waits for the next request of a connection that stays open

        def log_message(self, *_said: object) -> None:
            return

        def address_string(self) -> str:
            return "local"

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = hang_up

    for method in ("GET", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.reply)
    server = _Server(str(path), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield str(path)
    finally:
        server.shutdown()
        server.server_close()
