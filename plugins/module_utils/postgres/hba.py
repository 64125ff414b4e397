"""Our lines in ``pg_hba.conf``: added and removed by name; every other byte of the file stays."""

from __future__ import annotations

__all__ = ["has_line", "replication_line", "with_line", "without_line"]

_MARK = "# selextract-infra"


def replication_line(role: str) -> str:
    """Lets one role in for replication: only with TLS and a password, only from the networks the server itself is in.

    What reaches the server from outside comes through our forwarder, which lets in named addresses only; the server
    sees the forwarder's own address.
    """
    return f"hostssl replication {role} samenet scram-sha-256 {_MARK}"


def has_line(text: str, role: str) -> bool:
    """Whether our line for that role is there."""
    return replication_line(role) in text.splitlines()


def with_line(text: str, role: str) -> str:
    """The file with our line for that role at its head, where no earlier line can turn the role away."""
    if has_line(text, role):
        return text
    return replication_line(role) + "\n" + text


def without_line(text: str, role: str) -> str:
    """The file without our line for that role."""
    line = replication_line(role)
    return "".join(part for part in text.splitlines(keepends=True) if part.rstrip("\r\n") != line)
