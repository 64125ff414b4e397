"""What a Run has set, key by key, from its record alone; pure.

A key is one value on the host as a person names it: ``container:shop-web-1``, ``file:api.mem_limit``, ``count:api``,
``postgres:work_mem``, ``nginx:selextract.upstream.conf``, ``balancer``, ``pgbouncer:shop``, ``freeze``. Each part of a
way back notes what it found (``inverse``) and what it left (``left``); a part that did not note what it left, as in
version 0.1, has no keys and is put back as a whole. A part that notes both as ``values`` by name needs no line here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..compose.capacity import parse
from ..compose.capacity_keys import key_text, keys_of

__all__ = ["Values", "conf_keys", "keys_set", "limits_of", "with_conf_keys"]

Values = dict[str, tuple[Any, Any]]
_SETTING = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*(.*?)[ \t]*\Z")


def keys_set(steps: Mapping[str, Mapping[str, Any]]) -> Values:
    """By key, the value before the Run and the one that its last step left, for those that differ.

    ``steps`` are a record's own, by ID.
    """
    values: Values = {}
    for step in sorted(steps.values(), key=lambda one: float(one.get("started", 0))):
        for part, inverse in (step.get("inverse") or {}).items():
            left = (step.get("left") or {}).get(part)
            if left is None:
                continue
            set_by_step = _PARTS[part](inverse, left) if part in _PARTS else _values(part, inverse, left)
            for key, (before, after) in set_by_step.items():
                values[key] = (values[key][0] if key in values else before, after)
    return {key: value for key, value in values.items() if value[0] != value[1]}


def limits_of(noted: Mapping[str, Any]) -> list[Any]:
    """The limits of a container as they are compared."""
    return [noted.get("memory"), noted.get("swap"), noted.get("cpus")]


def conf_keys(text: str | None) -> dict[tuple[str, ...], str]:
    """The settings of a file for Postgres' ``conf.d``, by name; the last one of a name counts."""
    keys: dict[tuple[str, ...], str] = {}
    for line in (text or "").splitlines():
        match = _SETTING.match(line)
        if match:
            keys[(match[1],)] = match[2]
    return keys


def with_conf_keys(text: str, wanted: Mapping[tuple[str, ...], str]) -> str:
    """The file with exactly these settings: a line that stays is not touched, a comment neither."""
    lines, known = [], set()
    for line in text.splitlines():
        match = _SETTING.match(line)
        key = (match[1],) if match else None
        if key is None:
            lines.append(line)
        elif key in wanted and key not in known:
            known.add(key)
            lines.append(line if match and match[2] == wanted[key] else f"{key[0]} = {wanted[key]}")
    lines += [f"{key[0]} = {wanted[key]}" for key in sorted(set(wanted) - known)]
    return "\n".join(lines) + "\n"


def _containers(inverse: Mapping[str, Any], left: Mapping[str, Any]) -> Values:
    return {
        f"container:{noted['name']}": (limits_of(noted), limits_of(left[container]))
        for container, noted in inverse.items()
        if container in left
    }


def _capacity_file(inverse: Mapping[str, Any], left: Mapping[str, Any]) -> Values:
    text = inverse["text"]
    before = keys_of(parse(text).get("services") or {}) if text is not None else {}
    return _prefixed("file:", before, keys_of(left["services"]))


def _instances(inverse: Mapping[str, Any], left: Mapping[str, Any]) -> Values:
    return {
        f"count:{service}": (len(before["containers"]), left[service]["count"])
        for service, before in inverse.items()
        if service in left
    }


def _postgres_settings(inverse: Mapping[str, Any], left: Mapping[str, Any]) -> Values:
    return _prefixed("postgres:", conf_keys(inverse["text"]), conf_keys(left["text"]))


def _edge_files(inverse: Mapping[str, Any], left: Mapping[str, Any]) -> Values:
    names = {*inverse["files"], *left["files"]}
    return {f"nginx:{name}": (inverse["files"].get(name), left["files"].get(name)) for name in names}


def _balancer(inverse: Mapping[str, Any], left: Mapping[str, Any]) -> Values:
    return {"balancer": (inverse.get("digest"), left["digest"])}


def _pgbouncer(inverse: Mapping[str, Any], left: Mapping[str, Any]) -> Values:
    return {f"pgbouncer:{project}": (inverse[project]["before"], left[project]["record"]) for project in left}


def _freeze(inverse: Mapping[str, Any], left: Mapping[str, Any]) -> Values:
    return {"freeze": (inverse.get("before"), left["after"])}


def _values(part: str, inverse: Mapping[str, Any], left: Mapping[str, Any]) -> Values:
    """What a part has set that notes its values by name."""
    before, after = inverse.get("values") or {}, left.get("values") or {}
    return {f"{part}:{name}": (before.get(name), after.get(name)) for name in {*before, *after}}


def _prefixed(prefix: str, before: Mapping[tuple[str, ...], Any], left: Mapping[tuple[str, ...], Any]) -> Values:
    return {prefix + key_text(key): (before.get(key), left.get(key)) for key in {*before, *left}}


_PARTS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Values]] = {
    "containers": _containers,
    "capacity_file": _capacity_file,
    "instances": _instances,
    "postgres_settings": _postgres_settings,
    "edge_files": _edge_files,
    "balancer": _balancer,
    "pgbouncer": _pgbouncer,
    "freeze": _freeze,
}
