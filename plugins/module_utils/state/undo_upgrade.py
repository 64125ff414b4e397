"""Put back what an upgrade changed beside the hardware: who ran, and whether the host was frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..docker.start_stop import start_again

if TYPE_CHECKING:
    from .undo import Restoring

__all__ = ["freeze", "stopped"]

_FILE = "freeze.json"
_BOUND = 300.0  # seconds until a service must be healthy again


def stopped(restoring: Restoring, inverse: dict[str, dict[str, Any]]) -> None:
    """Start what ran before, the service stopped last first."""
    if restoring.check:
        restoring.done.append(f"{len(inverse)} containers would be started again.")
        return
    started, notes = start_again(inverse, restoring.socket_path, _BOUND)
    if started:
        restoring.done.append(f"{', '.join(started)} run again.")
    restoring.notes.extend(notes)


def freeze(restoring: Restoring, inverse: dict[str, Any]) -> None:
    """Freeze the host again, or allow scaling, as it was."""
    before = inverse.get("before")
    if restoring.folder.read(_FILE) == before:
        return
    if not restoring.check:
        if before is None:
            restoring.folder.remove(_FILE)
        else:
            restoring.folder.write(_FILE, before)
    restoring.done.append("Scaling is allowed again." if before is None else "The host is frozen as before.")
