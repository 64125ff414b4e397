"""A host as a person names it to ssh. Pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from selextract_infra.errors import UsageError

__all__ = ["Target", "read_target"]

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9.-]+")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.\\$-]*\Z")
_HIGHEST_PORT = 65_535


@dataclass(frozen=True)
class Target:
    """Whom to log in as, where, and at which port; what is None is left to ssh and its configuration."""

    host: str
    user: str | None = None
    port: int | None = None

    @property
    def name(self) -> str:
        """The name in an inventory: of an address, one without colons."""
        return _NOT_IN_A_NAME.sub("-", self.host).strip("-").lower()

    @property
    def ssh(self) -> str:
        """The command that logs in there."""
        port = f"-p {self.port} " if self.port else ""
        return f"ssh {port}{self.user + '@' if self.user else ''}{self.host}"


def read_target(text: str) -> Target:
    """From ``[USER@]HOST[:PORT]``; IPv6 as it is, or in brackets with a port. Raises UsageError."""
    user, at, rest = text.removeprefix("ssh://").rpartition("@")
    host, port = _host_and_port(rest)
    if (at and not _USER.match(user)) or not _is_host(host):
        raise UsageError(f"{text[:80]!r} is no host.", remedy="name it as ssh does: USER@HOST, or HOST:PORT")
    if port is not None and not (port.isdecimal() and 0 < int(port) <= _HIGHEST_PORT):
        raise UsageError(f"{port[:20]!r} is no port.", remedy="name it as HOST:22")
    return Target(host, user or None, None if port is None else int(port))


def _host_and_port(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":") or None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None


def _is_host(text: str) -> bool:
    if ":" in text:
        try:
            ipaddress.IPv6Address(text.partition("%")[0])
        except ValueError:
            return False
        return True
    return _HOST.match(text) is not None
