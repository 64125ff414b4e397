"""Undoing: what a way back works with, and what it says afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .state import StateFolder

__all__ = ["Undo", "Undoing", "ValuesNow"]


@dataclass
class Undoing:
    """A way back on this host; collects what it has ``done``, ``notes`` on what is not exactly as before, ``failures``.

    Docker may be restarting just then: it is waited for once, for at most ``patience`` seconds. ``left`` is, by part,
    what the step that is being undone left; ``limits`` are those of containers that it noted. ``project`` is the Run's:
    version 0.1 did not note it with each part. ``at_rest`` has the names of containers that somebody had stopped before
    the Run, so they stay stopped. ``done_at`` is when the Run was done (Unix seconds), 0 where it never was: what was
    made after that is others'.
    """

    folder: StateFolder
    socket_path: str
    check: bool = False
    patience: float = 90.0
    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, dict[str, Any]] = field(default_factory=dict)
    project: str = ""
    at_rest: frozenset[str] = frozenset()
    run_id: str = ""
    done_at: float = 0.0

    def sentence(self, differences: list[str]) -> str:
        """All of it for a person, each note once; ``differences`` are what is not as before by comparison."""
        notes = list(dict.fromkeys(self.notes))
        if self.failures:
            return " ".join(["Not everything could be put back:", *self.failures, *notes, *differences])
        if differences:
            return " ".join(["Put back, except:", *differences, *notes])
        if not self.done and notes:
            return " ".join(notes)
        return " ".join(["Everything was put back." if self.done else "Nothing had to be put back.", *notes])


Undo = Callable[[Undoing, Any], None]

ValuesNow = Callable[[str, Mapping[str, Any]], dict[str, Any]]
"""Given Docker's socket and what a part noted before it changed anything: its values by name, as they are now."""
