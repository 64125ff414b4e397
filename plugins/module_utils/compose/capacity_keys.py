"""The content of the capacity file key by key, and how a Run's share of it is taken back; pure.

A key is the path to one value, such as ``api.mem_limit`` or ``api.environment.DATABASE_URL``, as a tuple.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

__all__ = ["Key", "key_text", "keys_of", "services_of", "taken_back"]

Key = tuple[str, ...]
_Name = TypeVar("_Name")


def keys_of(services: Mapping[str, Any]) -> dict[Key, Any]:
    """Each value by its key. A mapping without content counts as a value, so that nothing is lost."""
    keys: dict[Key, Any] = {}
    for name, value in services.items():
        if isinstance(value, Mapping) and value:
            keys.update({(name, *rest): inner for rest, inner in keys_of(value).items()})
        else:
            keys[(name,)] = value
    return keys


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


def taken_back(
    before: Mapping[_Name, Any], left: Mapping[_Name, Any], present: Mapping[_Name, Any]
) -> dict[_Name, Any]:
    """``present`` with each key that the Run set as it was before it; what others have set stays."""
    result = dict(present)
    for key in _set_by(before, left):
        result.pop(key, None)
        if key in before:
            result[key] = before[key]
    return result


def _set_by(before: Mapping[_Name, Any], left: Mapping[_Name, Any]) -> set[_Name]:
    return {key for key in {*before, *left} if before.get(key) != left.get(key)}
