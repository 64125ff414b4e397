"""The Compose projects that a Run is about, from its record alone; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["projects_changed", "projects_of_run"]


def projects_changed(steps: Mapping[str, Any]) -> set[str]:
    """The projects that the steps of a Run have changed something of."""
    return set(_named(steps))


def projects_of_run(record: Mapping[str, Any]) -> set[str]:
    """The projects that a Run has changed something of, or was to change by its Plan."""
    return {*projects_changed(record.get("steps") or {}), *_named(record.get("plan") or {})} - {""}


def _named(content: Any) -> Iterator[str]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            if key == "project" and isinstance(value, str):
                yield value
            else:
                yield from _named(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from _named(value)
