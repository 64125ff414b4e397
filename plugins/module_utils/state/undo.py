"""Undo the steps of a Run on this host, newest first, from what was noted before each change."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..docker.engine import Engine, EngineGoneError
from ..pgbouncer.pgbouncer import led_astray
from ..system.failure import HostSideError, unwritten
from .host_note import NoteOfRun
from .put_back import Comparison
from .registry import UNDOS
from .run_projects import projects_of_run
from .runs import RunRecord
from .state import StateFolder
from .time_to_live import end_undone
from .undoing import Undo, Undoing

__all__ = ["conclude_rollback", "found_before_rollback", "undo_alone", "undo_step", "undo_steps"]


def undo_steps(
    folder: StateFolder,
    record: RunRecord,
    steps: Sequence[str],
    socket_path: str,
    *,
    check: bool = False,
    compare: bool = False,
) -> dict[str, Any]:
    """Undo these steps, newest first, and say what came of it: ``restored``, ``done``, ``notes``, ``differences``.

    With ``compare`` the host is compared with what was noted before the first act of the Run, once none of its steps
    stands.
    """
    undoing = Undoing(folder, socket_path, check)
    comparison = Comparison(folder, record, socket_path) if compare and not check else None
    for step_id in steps:
        undo_step(undoing, record, step_id)
    return _concluded(undoing, record, comparison)


def found_before_rollback(folder: StateFolder, record: RunRecord, socket_path: str) -> dict[str, Any]:
    """``found``: the host as a rollback that begins now finds it, for ``conclude_rollback``."""
    return {"found": Comparison(folder, record, socket_path).found}


def undo_alone(folder: StateFolder, record: RunRecord, step_id: str, socket_path: str) -> dict[str, Any]:
    """Undo one step of several; says ``done``, ``notes`` and ``failures``."""
    undoing = Undoing(folder, socket_path)
    undo_step(undoing, record, step_id)
    return {"done": undoing.done, "notes": undoing.notes, "failures": undoing.failures}


def conclude_rollback(
    folder: StateFolder,
    record: RunRecord,
    results: Mapping[str, Mapping[str, Any]],
    begun: Mapping[str, Any],
    socket_path: str,
) -> dict[str, Any]:
    """What came of a rollback whose steps were undone alone, as ``undo_steps`` says it; ``begun`` is what it found."""
    undoing = Undoing(folder, socket_path)
    for step_id, result in results.items():
        for name in ("done", "notes", "failures"):
            getattr(undoing, name).extend(result.get(name, ()))
        if result.get("failures") and record.step(step_id):
            record.end_step(step_id, "rollback failed", time.time(), " ".join(result["failures"]))
    return _concluded(undoing, record, Comparison(folder, record, socket_path, begun))


def _concluded(undoing: Undoing, record: RunRecord, comparison: Comparison | None) -> dict[str, Any]:
    if not undoing.check and _all_undone(record):
        undoing.failures.extend(led_astray(undoing.socket_path, undoing.folder))
    if not undoing.check and not undoing.failures:
        end_undone(undoing.folder, str(record.content["run_id"]))
    differences = comparison.differences() if comparison else []
    sentence = undoing.sentence(differences)
    if differences:
        record.note_differences(sentence, time.time())
    return {
        "changed": bool(undoing.done),
        "restored": not undoing.failures,
        "done": undoing.done,
        "notes": undoing.notes,
        "differences": differences,
        "sentence": sentence,
    }


def undo_step(undoing: Undoing, record: RunRecord, step_id: str) -> None:
    """Undo one step, the last thing it did first. A part that fails does not keep the others from it."""
    step = record.step(step_id)
    inverse = step.get("inverse") or {}
    undoing.left = step.get("left") or {}
    undoing.project = min(projects_of_run(record.content), default="")
    undoing.limits = inverse.get("containers") or {}
    undoing.run_id = str(record.content["run_id"])
    undoing.at_rest = NoteOfRun(undoing.folder, undoing.run_id).at_rest
    undoing.done_at = record.done_at
    failed_before = len(undoing.failures)
    for part in reversed(list(inverse)):
        if not undoing.check:
            record.refuse_superseded()
        _undo_part(undoing, part, inverse[part])
    if undoing.check or not step:
        return
    failures = undoing.failures[failed_before:]
    status = "rollback failed" if failures else "rolled back"
    record.end_step(step_id, status, time.time(), " ".join(failures))


def _undo_part(undoing: Undoing, part: str, inverse: Any) -> None:
    undo = UNDOS.get(part)
    if undo is None:
        undoing.failures.append(f"This version does not know how to put back {part}.")
        return
    try:
        _undo_once_docker_answers(undoing, undo, inverse)
    except HostSideError as failure:
        undoing.failures.append(failure.sentence)
    except OSError as problem:
        undoing.failures.append(unwritten(problem).sentence)


def _undo_once_docker_answers(undoing: Undoing, undo: Undo, inverse: Any) -> None:
    try:
        undo(undoing, inverse)
    except EngineGoneError:
        patience, undoing.patience = undoing.patience, 0.0
        with Engine(undoing.socket_path) as engine:
            engine.wait(patience)
        undo(undoing, inverse)


def _all_undone(record: RunRecord) -> bool:
    """Whether nothing of the Run is left; before that the files say what instances of later steps do not do yet."""
    return all(step.get("status") == "rolled back" for step in record.content["steps"].values())
