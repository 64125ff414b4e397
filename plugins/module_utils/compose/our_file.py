"""Which of a Project's Compose files is ours, whatever its name: the one place that answers that."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .capacity import written_by_us
from .files_in_force import CAPACITY_FILE, files_in_force

__all__ = ["OVERRIDE_FILE", "file_text", "is_ours", "our_file", "without_ours"]

OVERRIDE_FILE = "compose.override.yml"
_LONGEST = 1_000_000  # bytes of a Compose file that are searched for words


def our_file(directory: str) -> str:
    """The name of the file in a Project's folder that is ours, or would be."""
    in_force = next((name for name in files_in_force(directory) if is_ours(directory, name)), None)
    return in_force or (OVERRIDE_FILE if is_ours(directory, OVERRIDE_FILE) else CAPACITY_FILE)


def is_ours(directory: str, name: str) -> bool:
    """Whether a file of the Project is ours: by its name, or by its first line where it is the team's to name."""
    if os.path.basename(name) == CAPACITY_FILE:
        return True
    return os.path.basename(name) == OVERRIDE_FILE and written_by_us(file_text(os.path.join(directory, name)))


def without_ours(directory: str, names: Iterable[str]) -> list[str]:
    """The team's own among these Compose files."""
    return [name for name in names if not is_ours(directory, name)]


def file_text(path: str) -> str:
    """The beginning of a file, as much as any Compose file has; empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as source:
            return source.read(_LONGEST)
    except OSError:
        return ""
