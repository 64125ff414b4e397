"""One thing that happened on a host while a playbook ran there; apart from a Run, which needs pydantic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["EventKind", "TaskEvent"]

EventKind = Literal["task_started", "task_done", "progress", "failed", "unreachable"]


@dataclass(frozen=True)
class TaskEvent:
    """One thing that happened to one task on one host. ``message`` is one displayable sentence, often empty.

    ``progress``: a task that is tried again and again tells how far it is.
    """

    kind: EventKind
    host: str
    task: str
    changed: bool = False
    message: str = ""
