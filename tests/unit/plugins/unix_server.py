"""A small HTTP server on a Unix socket that answers as it is told: what a Docker engine looks like from outside."""

from __future__ import annotations

import http.server
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Answer = Callable[[str, str, bytes], tuple[int, bytes]]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def serving(path: Path, answer: Answer, *, hang_up: bool = False) -> Iterator[str]:
    """Serve ``answer(method, path, body) -> (status, content)`` on the socket until the end.

    With ``hang_up`` every connection is closed after its answer, unannounced.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

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
