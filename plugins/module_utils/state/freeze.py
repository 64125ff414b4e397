"""Freeze: automatic scaling of this host is stopped, durably; and its undoing. It is no lock."""

from __future__ import annotations

import time
from typing import Any

from .act import Act, Work
from .lock import held_run
from .options import STATE
from .runs import RunRecord, moment
from .state import StateFolder
from .undoing import Undoing

__all__ = ["HOST_FREEZE", "undo_freeze"]

_FILE = "freeze.json"


def _freeze(work: Work) -> dict[str, Any]:
    given = work.params
    folder = StateFolder(given["state_folder"])
    current = folder.read(_FILE)
    record = held_run(folder, given["run_id"]) if given["run_id"] and not work.check_mode else None
    wanted = current
    if given["before_step"]:
        wanted = _before(record, given["before_step"]) if record else None
    elif given["frozen"] and current is None:
        owner = given["owner"] or (record.content.get("owner") if record else None) or "somebody unknown"
        wanted = {"format": 1, "owner": owner, "reason": given["reason"], "since": moment(time.time())}
    elif not given["frozen"]:
        wanted = None
    if record is not None:
        record.start_step_once(given["step_id"], time.time())
        record.note_inverse(given["step_id"], "freeze", {"before": current})
        record.note_left(given["step_id"], "freeze", {"after": wanted})
    if wanted != current and not work.check_mode:
        _write(folder, wanted)
    if record is not None:
        record.end_step(given["step_id"], "verified", time.time())
    return {"changed": wanted != current, "freeze": wanted, "diff": {"before": current or {}, "after": wanted or {}}}


def _before(record: RunRecord, step_id: str) -> dict[str, Any] | None:
    noted = (record.step(step_id).get("inverse") or {}).get("freeze") or {}
    return noted.get("before")


def _write(folder: StateFolder, wanted: dict[str, Any] | None) -> None:
    folder.prepare()
    if wanted is None:
        folder.remove(_FILE)
    else:
        folder.write(_FILE, wanted)


def undo_freeze(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Freeze the host again, or allow scaling, as it was."""
    before = inverse.get("before")
    if undoing.folder.read(_FILE) == before:
        return
    if not undoing.check:
        _write(undoing.folder, before)
    undoing.done.append("Scaling is allowed again." if before is None else "The host is frozen as before.")


HOST_FREEZE = Act(
    "host_freeze",
    {
        "frozen": {"type": "bool", "default": True},
        "owner": {"type": "str"},
        "reason": {"type": "str", "default": "no reason given"},
        "run_id": {"type": "str"},
        "step_id": {"type": "str"},
        "before_step": {"type": "str"},
        **STATE,
    },
    _freeze,
    rules={"required_together": [("run_id", "step_id")], "required_by": {"before_step": "run_id"}},
)
