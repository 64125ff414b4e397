"""A look from outside: does a port answer, and which SSH host key is shown there. Nobody logs in."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass

from selextract_infra.model.text import displayable

__all__ = ["LoginProbe", "offered_key"]

LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class LoginProbe:
    """What was seen at one address and port.

    ``open``: something accepted the connection; ``refused``: nothing listens there. ``key`` is the host key shown, in
    base64 as in a ``.pub`` file. ``problem`` says in a few words why there is none.
    """

    open: bool = False
    refused: bool = False
    key: str = ""
    key_type: str = ""
    problem: str = ""


def offered_key(address: str, port: int, *, prefer: tuple[str, ...] = (), within: float = LOOK_SECONDS) -> LoginProbe:
    """Connect, take the SSH host key that is shown, hang up.

    ``prefer`` names key types to ask for first, as ssh does with those it already knows. ``within`` bounds each of the
    two parts, connecting and the key exchange, in seconds.
    """
    try:
        connection = socket.create_connection((address, port), timeout=within)
    except ConnectionRefusedError:
        return LoginProbe(refused=True, problem="nothing listens on its SSH port")
    except TimeoutError:
        return LoginProbe(problem="it does not answer")
    except socket.gaierror:
        return LoginProbe(problem=f"the name {displayable(address, limit=120)} cannot be resolved")
    except (OSError, UnicodeError) as problem:
        return LoginProbe(problem=displayable(getattr(problem, "strerror", None) or str(problem)).lower())
    with connection:
        return _exchanged(connection, prefer, within)


def _exchanged(connection: socket.socket, prefer: tuple[str, ...], within: float) -> LoginProbe:
    import paramiko

    logging.getLogger("paramiko").addHandler(logging.NullHandler())  # its thread would print a traceback
    transport = paramiko.Transport(connection)
    options = transport.get_security_options()
    known = tuple(kind for kind in prefer if kind in options.key_types)
    options.key_types = (*known, *(kind for kind in options.key_types if kind not in known))
    transport.banner_timeout = transport.handshake_timeout = within
    try:
        transport.start_client(timeout=within)
        key = transport.get_remote_server_key()
    except (paramiko.SSHException, EOFError, OSError):
        return LoginProbe(open=True, problem="its port is open, but no SSH server answers there")
    finally:
        transport.close()
    return LoginProbe(open=True, key=key.get_base64(), key_type=key.get_name())
