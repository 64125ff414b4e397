"""A mail server and a web server on this machine, which note what they are sent and when."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Places", "open_places"]


@dataclass
class Places:
    """A mail server and a web server on this machine, and what they were told."""

    mail: int = 0
    web: int = 0
    letters: list[tuple[list[str], bytes]] = field(default_factory=list)
    visits: list[tuple[str, Any]] = field(default_factory=list)
    answer: int = 200
    first_at: dict[str, float] = field(default_factory=dict)

    def arrived(self, what: str) -> None:
        """Note when the first of ``mail`` or ``web`` came, by the wall clock."""
        self.first_at.setdefault(what, time.time())

    def subjects(self) -> list[str]:
        """The subject of each letter, in the order in which they came."""
        letters = [message_from_bytes(letter) for _, letter in self.letters]
        return [str(make_header(decode_header(letter["Subject"]))) for letter in letters]

    def pages(self) -> list[str]:
        """The title of each message that the web server got."""
        return [str(said["title"]) for _, said in self.visits if said]


def postman(places: Places) -> type[socketserver.StreamRequestHandler]:
    """As much of SMTP as a client of the standard library speaks."""

    class Postman(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            to: list[str] = []
            self.say("220 localhost")
            while line := self.rfile.readline().decode().strip():
                word = line.split(" ")[0].upper()
                if word == "DATA":
                    self.say("354 go on")
                    places.arrived("mail")
                    places.letters.append((to, b"".join(iter(self.rfile.readline, b".\r\n"))))
                if word == "MAIL":
                    to = []
                if word == "RCPT":
                    to.append(line.partition("<")[2].partition(">")[0])
                self.say("221 bye" if word == "QUIT" else "250 fine")
                if word == "QUIT":
                    return

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    return Postman


def desk(places: Places) -> type[BaseHTTPRequestHandler]:
    """A web server that notes what it is sent."""

    class Desk(BaseHTTPRequestHandler):
        def answer(self) -> None:
            said = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            places.arrived("web")
            places.visits.append((self.path, json.loads(said) if said else None))
            self.send_response(places.answer)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    for method in ("GET", "POST"):
        setattr(Desk, f"do_{method}", Desk.answer)
    return Desk


@contextmanager
def open_places() -> Iterator[Places]:
    """Both servers, while inside."""
    places = Places()
    mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), postman(places))
    web = ThreadingHTTPServer(("127.0.0.1", 0), desk(places))
    places.mail, places.web = mail.server_address[1], web.server_address[1]
    for server in (mail, web):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield places
    finally:
        for server in (mail, web):
            server.shutdown()
            server.server_close()
