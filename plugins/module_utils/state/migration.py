"""Bring the state folder of version 0.1 into today's layout, once.

Everything is written in its new place first. Then the number of the format changes, in one rename: before it everybody
reads the old files, after it the new ones. So a crash at any point leaves one of the two, and whoever comes next goes
on. No container and no folder that one has mounted is touched: what runs keeps its names, and those are noted.
"""

from __future__ import annotations

import os

from ..system.failure import HostSideError
from .flat_layout import FILES, FlatLayout
from .layout import FORMAT, format_of, project_folder, stamp
from .state import StateFolder

__all__ = ["ABOUT", "migrate", "refuse_old_emergency", "require_layout"]

ABOUT = "project.json"


def migrate(folder: StateFolder) -> bool:
    """Bring the folder into today's layout; whether it had to be. Whoever calls has the lock of the host.

    Raises ``HostSideError`` for a folder that a newer version wrote.
    """
    flat = FlatLayout(folder)
    if format_of(folder) < FORMAT:
        moved = flat.present
        for project in flat.projects():
            _take_over(folder, flat, project)
        stamp(folder)
        flat.clear()
        return moved
    if any(os.path.exists(os.path.join(folder.path, name)) for name in FILES):
        flat.clear()  # a crash came between the last two acts
    return False


def refuse_old_emergency(folder: StateFolder, run_id: str) -> None:
    """Raise while an emergency that version 0.1 began is on: its own program ends it, and knows only 0.1's layout.

    Its own Run may come, to take it back at once.
    """
    emergency = folder.read("emergency.json") or {}
    if format_of(folder) == FORMAT or emergency.get("status") != "active" or emergency.get("run_id") == run_id:
        return
    raise HostSideError(
        f"An emergency that version 0.1 began is on since {emergency.get('began_at')} (run {emergency.get('run_id')});"
        " let it end by itself, or take it back: selextract-infra emergency revert.",
        kind="refused",
        rule="X-74",
    )


def require_layout(folder: StateFolder) -> None:
    """See to it that a Project's own files may be written. Raises while a Run of version 0.1 is at work."""
    if format_of(folder) == FORMAT:
        return
    if FlatLayout(folder).present and folder.read("lock.json") is not None:
        raise HostSideError(
            f"{folder.path} is still as version 0.1 left it, and a run has the host; nothing was written.",
            kind="locked",
        )
    os.makedirs(folder.path, mode=0o700, exist_ok=True)
    with folder.guarded():
        migrate(folder)


def _take_over(folder: StateFolder, flat: FlatLayout, project: str) -> None:
    """Write what belongs to one Project into its own folder."""
    own = project_folder(project)
    os.makedirs(os.path.join(folder.path, own), mode=0o700, exist_ok=True)
    for name in FILES:
        record = flat.record(project, name)
        if record is None:
            folder.remove(os.path.join(own, name))  # a try before this one may have known more
        else:
            folder.write(os.path.join(own, name), record)
    beside = {component: {"name": one.name, "folder": one.folder} for component, one in flat.beside(project).items()}
    folder.write(os.path.join(own, ABOUT), {"project": project, "beside": beside})
