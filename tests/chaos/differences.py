"""Two looks at a host compared: each difference as one sentence with its kind and its service. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

__all__ = ["Difference", "differences", "file_differences"]

_COMPARED = ("image", "command", "restart", "ports", "mounts", "network", "networks")
# Where a file of the program holds nothing, it is as good as away.
_EMPTY: tuple[Any, ...] = ({}, {"services": {}}, {"services": None}, None)


@dataclass(frozen=True)
class Difference:
    """``kind``: gone, new, state, environment, limits, file, setting, role, place or a compared field."""

    kind: str
    thing: str
    service: str
    text: str

    def __str__(self) -> str:
        return f"{self.thing} {self.kind}: {self.text}" if self.text else f"{self.thing} is {self.kind}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any], projects: Iterable[str]) -> list[Difference]:
    """Of the containers of some projects (and of those in none), of files, settings, networks and volumes."""
    listed = _containers(before["containers"], after["containers"], {*projects, ""})
    listed += file_differences(before["files"], after["files"])
    listed += _lists("setting", before["database"].get("settings"), after["database"].get("settings"))
    listed += _lists("schema", before["database"].get("schemas"), after["database"].get("schemas"))
    for what in ("networks", "volumes"):
        listed += _lists(what[:-1], before[what], after[what])
    return listed


def _containers(before: Mapping[str, Any], after: Mapping[str, Any], projects: set[str]) -> list[Difference]:
    listed = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        facts: Mapping[str, Any] = old or new or {}
        if facts["one_off"] or facts["project"] not in projects:
            continue
        if not old or not new:
            listed.append(Difference("gone" if old else "new", name, facts["service"], ""))
            continue
        listed += _container(name, old, new)
    return listed


def _container(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    service, listed = old["service"], []
    if (old["state"] == "running") != (new["state"] == "running"):
        listed.append(Difference("state", name, service, f"{old['state']} -> {new['state']}"))
    if old["health"] == "healthy" and new["health"] == "unhealthy":
        listed.append(Difference("state", name, service, "is unhealthy"))
    for key in sorted({*old["environment"], *new["environment"]}):
        pair = old["environment"].get(key), new["environment"].get(key)
        if pair[0] != pair[1]:
            listed.append(Difference("environment", name, service, f"{key}: {pair[0]!r} -> {pair[1]!r}"))
    for key, value in _limits(old["limits"]).items():
        if value != _limits(new["limits"])[key]:
            listed.append(Difference("limits", name, service, f"{key}: {value} -> {_limits(new['limits'])[key]}"))
    return listed + [
        Difference(key, name, service, f"{old[key]} -> {new[key]}"[:300]) for key in _COMPARED if old[key] != new[key]
    ]


def _limits(limits: Mapping[str, Any]) -> dict[str, Any]:
    """Without swap where the memory has none: the engine notes -1 or 0 for the same."""
    unlimited = not limits["memory"]
    return {**limits, "swap": 0 if unlimited else limits["swap"], "pids": max(limits["pids"], 0)}


def file_differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, bytes_count: bool = False
) -> list[Difference]:
    """Content, mode and owner by path; with ``bytes_count`` an empty capacity file is something too."""
    listed = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new or "__pycache__" in path or (not bytes_count and (old is None) and _holds_nothing(new)):
            continue
        change = "is new" if old is None else "is gone" if new is None else _change(old, new)
        listed.append(Difference("file", path, "", change))
    return listed


def _holds_nothing(entry: Any) -> bool:
    try:
        return entry[4] != "" and yaml.safe_load(entry[4]) in _EMPTY
    except yaml.YAMLError:
        return False


def _change(old: list[Any], new: list[Any]) -> str:
    if old[0] != new[0]:
        lines = sorted(set(new[4].splitlines()) ^ set(old[4].splitlines()))
        return f"content: {lines[:4]}" if lines else "content"
    return f"mode or owner: {old[1:4]} -> {new[1:4]}"


def _lists(kind: str, old: list[str] | None, new: list[str] | None) -> list[Difference]:
    if old is None or new is None:  # the database does not run; that is a difference of its container
        return []
    gone, added = sorted(set(old) - set(new)), sorted(set(new) - set(old))
    return (
        [Difference(kind, " ".join(gone + added)[:200], "", f"gone {gone}, new {added}"[:300])] if gone or added else []
    )
