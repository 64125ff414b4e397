"""What is kept of each attachment, in the Project's own ``capacity.json`` by the folder of its Compose files."""

from __future__ import annotations

import os
from typing import Any

from ..state.project_state import CAPACITY, ProjectState, known_projects
from ..state.state import StateFolder
from .attachment import ENVIRONMENT
from .files_in_force import CAPACITY_FILE

__all__ = ["CapacityRecords", "known_places"]

_ENTRY = ("existed", "raw", "ours", "gap_added")


class CapacityRecords:
    """The record of one folder: ``project``, ``form``, ``file``, ``attached_at``, and what was there before us.

    That is ``entry`` (the entry of ``.env``, as long as it has ours) and ``before`` (the text of a file that the team
    had put there under our name).
    """

    def __init__(self, folder: StateFolder, project: str, directory: str) -> None:
        self._state = ProjectState(folder, project)
        self._directory = directory

    def read(self) -> dict[str, Any] | None:
        """The record, None where nothing of ours is attached."""
        record = (self._state.read(CAPACITY) or {}).get(self._directory)
        return _modern(dict(record)) if record else None

    def write(self, record: dict[str, Any] | None) -> None:
        """Replace the record; None removes it."""
        records = self._state.read(CAPACITY) or {}
        changed = {name: kept for name, kept in records.items() if name != self._directory}
        if record is not None:
            changed[self._directory] = record
        if changed != records:
            self._state.write(CAPACITY, changed or None)


def known_places(folder: StateFolder, project: str | None = None) -> list[tuple[str, str]]:
    """Project and directory of every capacity file in force whose folder is still there; of one Project or of all."""
    names = known_projects(folder) if project is None else [project]
    return [
        (name, directory)
        for name in names
        for directory in ProjectState(folder, name).read(CAPACITY) or {}
        if os.path.isdir(directory)
    ]


def _modern(record: dict[str, Any]) -> dict[str, Any]:
    """Version 0.1 knew ``.env`` alone and kept what it was beside the project's name."""
    if "form" in record:
        return record
    entry = {name: record[name] for name in _ENTRY}
    return {"project": record["project"], "form": ENVIRONMENT, "file": CAPACITY_FILE, "entry": entry}
