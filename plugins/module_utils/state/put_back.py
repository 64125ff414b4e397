"""What is not as before once a Run was put back: the host compared with what was noted before its first act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .differences import differences
from .host_note import Note, NoteOfRun
from .run_projects import projects_changed
from .runs import RunRecord, failed_rollbacks
from .state import StateFolder

__all__ = ["Comparison", "unresolved_runs"]

_PUT_BACK = ("rolled back", "rollback failed")


class Comparison:
    """Made before a Run is put back, asked afterwards.

    ``found`` is the host before anything was put back. Whoever goes on with a rollback that has ``begun`` hands over
    what was found then.
    """

    def __init__(
        self, folder: StateFolder, record: RunRecord, socket_path: str, begun: Mapping[str, Any] | None = None
    ) -> None:
        self._note = NoteOfRun(folder, str(record.content["run_id"]))
        self._record = record
        self._socket_path = socket_path
        self.found: Note | None = begun.get("found") if begun is not None else self._look()

    def _look(self) -> Note | None:
        return self._note.look(self._socket_path) if self._note.before is not None else None

    def differences(self) -> list[str]:
        """What is not as before; nothing as long as a step of the Run stands, and where nothing was noted."""
        before, steps = self._note.before, self._record.content["steps"].values()
        if before is None or any(step["status"] not in _PUT_BACK for step in steps):
            return []
        now = self._note.look(self._socket_path)
        if now is None:
            return ["Whether all is as before could not be compared: Docker does not answer."]
        return differences(
            before,
            now,
            projects=projects_changed(self._record.content["steps"]),
            left=self._note.after,
            found=self.found,
        )


def unresolved_runs(folder: StateFolder, socket_path: str) -> list[dict[str, Any]]:
    """Runs that ended otherwise than the host was before, as ``failed_rollbacks``; not those that differ no more."""
    return [run for run in failed_rollbacks(folder) if not _as_before(folder, str(run["run_id"]), socket_path)]


def _as_before(folder: StateFolder, run_id: str, socket_path: str) -> bool:
    note = NoteOfRun(folder, run_id)
    now = note.look(socket_path) if note.before is not None else None
    if note.before is None or now is None:
        return False
    return not differences(note.before, now, projects=projects_changed(RunRecord(folder, run_id).content["steps"]))
