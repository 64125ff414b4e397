"""The entry ``COMPOSE_FILE`` of a Project's ``.env``: our file named in it, and out of it again; bytes in, bytes out.

Every other byte stays. What the entry was before our first change is noted as ``existed`` (the file), ``raw`` (its
value, None where there was none), ``ours`` (the value with us) and ``gap_added`` (the last line had no end then).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..system.failure import HostSideError
from . import dotenv
from .files_in_force import separator

__all__ = ["COMPOSE_FILE", "entry_note", "value_put_back", "with_file", "without_file"]

COMPOSE_FILE = "COMPOSE_FILE"


def with_file(content: bytes, directory: str, names: Iterable[str], path: str) -> bytes:
    """``.env`` with our file at ``path`` named last; a new entry names ``names`` before it.

    Raises ``HostSideError`` of kind ``compose`` where a name cannot stand in the entry.
    """
    between = separator(content)
    entry = dotenv.find_entry(content, COMPOSE_FILE)
    if entry is not None and entry.text:
        quote = entry.quote.encode()
        inner = entry.raw[1:-1] if quote else entry.raw
        return dotenv.with_entry(content, COMPOSE_FILE, quote + inner + f"{between}{path}".encode() + quote)
    # Compose takes relative names from where it is called, so `--project-directory` would no longer find them.
    absolute = [os.path.join(directory, name) for name in [*names, path]]
    broken = next((name for name in absolute if between in name), None)
    if broken is not None:
        raise HostSideError(
            f"The Compose file {broken!r} has {between!r} in its name, so COMPOSE_FILE cannot name it.", kind="compose"
        )
    return dotenv.with_entry(content, COMPOSE_FILE, dotenv.quoted(between.join(absolute)))


def without_file(content: bytes, path: str, noted: dict[str, Any] | None) -> bytes:
    """``.env`` as it was before us; what the team has changed in it since stays."""
    entry = dotenv.find_entry(content, COMPOSE_FILE)
    if entry is None:
        return content
    raw = entry.raw.decode("latin-1")
    if noted is not None and raw == noted["ours"]:
        return value_put_back(content, noted)
    between = separator(content)
    for ours in (between + path, path + between):
        if ours in raw:
            return dotenv.with_entry(content, COMPOSE_FILE, raw.replace(ours, "").encode("latin-1"))
    return content


def value_put_back(content: bytes, noted: dict[str, Any]) -> bytes:
    """``.env`` with the value that was noted, or without the line that we added."""
    if noted["raw"] is not None:
        return dotenv.with_entry(content, COMPOSE_FILE, noted["raw"].encode("latin-1"))
    return dotenv.without_entry(content, COMPOSE_FILE, noted["ours"].encode("latin-1"), gap_added=noted["gap_added"])


def entry_note(content: bytes, wanted: bytes, *, existed: bool) -> dict[str, Any]:
    """What has to be known of the entry before ``content`` becomes ``wanted``."""
    before, after = (dotenv.find_entry(one, COMPOSE_FILE) for one in (content, wanted))
    return {
        "existed": existed,
        "raw": None if before is None else before.raw.decode("latin-1"),
        "ours": "" if after is None else after.raw.decode("latin-1"),
        "gap_added": bool(content) and not content.endswith(b"\n"),
    }
