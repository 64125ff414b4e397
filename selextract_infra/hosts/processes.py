"""Processes of this machine: ending one with everything it has started, whatever session that is in."""

from __future__ import annotations

import os
import signal
from pathlib import Path

__all__ = ["descendants", "kill_with_descendants"]


def descendants(pid: int) -> tuple[int, ...]:
    """All processes below ``pid``, nearest first; none where the system has no ``/proc``."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
        children.setdefault(int(after_name[1]), []).append(int(entry.parent.name))
    below: list[int] = []
    wave = [pid]
    while wave:
        wave = [child for parent in wave for child in children.get(parent, [])]
        below += wave
    return tuple(below)


def kill_with_descendants(pid: int) -> None:
    """Kill ``pid`` and all below it. Ansible's workers are in sessions of their own, so no group holds them all."""
    for process in (*descendants(pid), pid):
        try:
            os.kill(process, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue  # ended meanwhile, or another user's by privilege escalation
