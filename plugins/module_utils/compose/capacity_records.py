"""What is kept of each attachment on the host, in ``capacity.json`` by the Project's folder."""

from __future__ import annotations

import os
from typing import Any

from ..state.state import StateFolder
from .attachment import ENVIRONMENT
from .compose import CAPACITY_FILE

__all__ = ["CapacityRecords", "known_places"]

_FILE = "capacity.json"
_ENTRY = ("existed", "raw", "ours", "gap_added")


class CapacityRecords:
    """The record of one folder: ``project``, ``form``, ``file``, ``attached_at``, and what was there before us.

    That is ``entry`` (the entry of ``.env``, as long as it has ours) and ``before`` (the text of a file that the team
    had put there under our name).
    """

    def __init__(self, folder: StateFolder, directory: str) -> None:
        self._folder = folder
        self._directory = directory

    def read(self) -> dict[str, Any] | None:
        """The record, None where nothing of ours is attached."""
        found = (self._folder.read(_FILE) or {}).get(self._directory)
        return _modern(dict(found)) if found else None

    def write(self, record: dict[str, Any] | None) -> None:
        """Replace the record; None removes it."""
        records = self._folder.read(_FILE) or {}
        changed = {name: kept for name, kept in records.items() if name != self._directory}
        if record is not None:
            changed[self._directory] = record
        if changed != records:
            self._folder.write(_FILE, changed)


def known_places(folder: StateFolder) -> list[tuple[str, str]]:
    """Project and directory of every capacity file that is in force on this host and whose folder is still there."""
    records = folder.read(_FILE) or {}
    return [(record["project"], directory) for directory, record in records.items() if os.path.isdir(directory)]


def _modern(record: dict[str, Any]) -> dict[str, Any]:
    """Version 0.1 knew ``.env`` alone and kept what it was beside the project's name."""
    if "form" in record:
        return record
    entry = {name: record[name] for name in _ENTRY}
    return {"project": record["project"], "form": ENVIRONMENT, "file": CAPACITY_FILE, "entry": entry}
