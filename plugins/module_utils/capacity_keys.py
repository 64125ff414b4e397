"""The content of the capacity file key by key, and how a Run's share of it is taken back; pure.

A key is the path to one value, such as ``api.mem_limit`` or ``api.environment.DATABASE_URL``, as a tuple.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["Key", "changed_since", "key_text", "keys_of", "services_of", "taken_back"]

Key = tuple[str, ...]


def keys_of(services: Mapping[str, Any]) -> dict[Key, Any]:
    """Each value by its key. A mapping without content counts as a value, so that nothing is lost."""
    found: dict[Key, Any] = {}
    for name, value in services.items():
        if isinstance(value, Mapping) and value:
            found.update({(name, *rest): inner for rest, inner in keys_of(value).items()})
        else:
            found[(name,)] = value
    return found


def services_of(values: Mapping[Key, Any]) -> dict[str, Any]:
    """The content again: the inverse of ``keys_of``."""
    services: dict[str, Any] = {}
    for key in sorted(values):
        place = services
        for name in key[:-1]:
            place = place.setdefault(name, {})
        place[key[-1]] = values[key]
    return services


def key_text(key: Key) -> str:
    """A key as a person writes it."""
    return ".".join(key)


def changed_since(before: Mapping[Key, Any], left: Mapping[Key, Any], present: Mapping[Key, Any]) -> list[Key]:
    """The keys that a Run set and that are neither as it left them nor as they were before it, sorted."""
    own = _set_by(before, left)
    return sorted(key for key in own if present.get(key) not in (left.get(key), before.get(key)))


def taken_back(
    before: Mapping[Key, Any], left: Mapping[Key, Any], present: Mapping[Key, Any], confirmed: Collection[Key] = ()
) -> dict[Key, Any]:
    """``present`` with each key that the Run set as it was before it; one changed since only if it is ``confirmed``."""
    result = dict(present)
    kept = set(changed_since(before, left, present)) - set(confirmed)
    for key in _set_by(before, left) - kept:
        result.pop(key, None)
        if key in before:
            result[key] = before[key]
    return result


def _set_by(before: Mapping[Key, Any], left: Mapping[Key, Any]) -> set[Key]:
    return {key for key in {*before, *left} if before.get(key) != left.get(key)}
