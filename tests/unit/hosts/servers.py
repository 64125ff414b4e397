"""Things that listen on loopback: an SSH server's front door, one that says nothing, one that says nonsense."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import paramiko

_TAKEN: list[socket.socket] = []


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on 127.0.0.1 that gives each connection to ``answer``."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            with suppress(OSError):  # closed at the end of the test
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@contextmanager
def ssh_server(key: paramiko.PKey) -> Iterator[int]:
    """A server that shows ``key`` as its host key and lets nobody in."""

    def answer(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.add_server_key(key)
        with suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=paramiko.ServerInterface())

    with listening(answer) as port:
        yield port


def silent(connection: socket.socket) -> None:
    """Accept and say nothing, as a machine does that hangs."""
    threading.Event().wait(30)
    connection.close()


def nonsense(connection: socket.socket) -> None:
    """Something listens, but it is no SSH server."""
    with suppress(OSError):
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 200)
        connection.close()


def closed_port() -> int:
    """A port on which nothing listens, and nobody will: it stays taken as long as the tests run."""
    _TAKEN.append(socket.socket())
    _TAKEN[-1].bind(("127.0.0.1", 0))
    return int(_TAKEN[-1].getsockname()[1])
