"""Put back what an upgrade changed beside the hardware: who ran, and whether the host was frozen."""

from __future__ import annotations

from typing import Any

from ..docker.start_stop import start_again
from .undoing import Undoing

__all__ = ["freeze", "stopped"]

_FILE = "freeze.json"
_BOUND = 300.0  # seconds until a service must be healthy again


def stopped(undoing: Undoing, inverse: dict[str, dict[str, Any]]) -> None:
    """Start what ran before, the service stopped last first."""
    if undoing.check:
        undoing.done.append(f"{len(inverse)} containers would be started again.")
        return
    started, notes = start_again(inverse, undoing.socket_path, _BOUND)
    if started:
        undoing.done.append(f"{', '.join(started)} run again.")
    undoing.notes.extend(notes)


def freeze(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Freeze the host again, or allow scaling, as it was."""
    before = inverse.get("before")
    if undoing.folder.read(_FILE) == before:
        return
    if not undoing.check:
        if before is None:
            undoing.folder.remove(_FILE)
        else:
            undoing.folder.write(_FILE, before)
    undoing.done.append("Scaling is allowed again." if before is None else "The host is frozen as before.")
