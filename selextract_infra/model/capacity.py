"""The content of our ``compose.capacity.yml``: which Compose keys we write, in the form that the app itself uses.

Mixing the forms (``mem_limit`` beside ``deploy.resources.limits``) makes Compose reject the files, so each service
keeps its own. Anything in the file that is not among these keys is not ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from selextract_infra.model.observation import Limits

__all__ = ["FILE_NAME", "foreign_keys", "limits_in", "with_command", "with_count", "with_environment", "with_limits"]

FILE_NAME = "compose.capacity.yml"

_SERVICE_KEYS = frozenset({"mem_limit", "memswap_limit", "cpus", "scale", "environment", "deploy", "command"})
_NO_SCALARS = frozenset({"environment", "deploy", "command"})
_SCALARS = (str, int, float)


def limits_in(keys: Any) -> Limits:
    """The limits that a service's keys set, in either form, as we write them; None for each that they do not set."""
    if not isinstance(keys, Mapping):
        return Limits()
    deploy = _mapping(_mapping(_mapping(keys.get("deploy")).get("resources")).get("limits"))
    memory, cpus = keys.get("mem_limit", deploy.get("memory")), keys.get("cpus", deploy.get("cpus"))
    return Limits(memory=_whole(memory), swap=_whole(keys.get("memswap_limit")), cpus=_number(cpus))


def with_limits(services: Mapping[str, Any], service: str, limits: Limits, form: str) -> dict[str, Any]:
    """The ``services`` of the capacity file with these limits for one service; every other key of ours stays.

    ``form`` is ``deploy`` or ``service``. Values are bytes and cores; swap is Docker's total of memory and swap.
    """
    keys = dict(_mapping(services.get(service)))
    if limits.swap is not None:
        keys["memswap_limit"] = limits.swap
    if form == "deploy":
        deploy = dict(_mapping(keys.get("deploy")))
        resources = dict(_mapping(deploy.get("resources")))
        wanted = dict(_mapping(resources.get("limits")))
        wanted |= {"memory": str(limits.memory)} if limits.memory is not None else {}
        wanted |= {"cpus": f"{limits.cpus:g}"} if limits.cpus is not None else {}
        keys["deploy"] = {**deploy, "resources": {**resources, "limits": wanted}}
    else:
        keys |= {"mem_limit": limits.memory} if limits.memory is not None else {}
        keys |= {"cpus": limits.cpus} if limits.cpus is not None else {}
    return {**services, service: keys}


def with_count(services: Mapping[str, Any], service: str, count: int, form: str | None) -> dict[str, Any]:
    """The ``services`` of the capacity file with that many instances of one service; every other key of ours stays.

    ``form`` is ``deploy`` (``deploy.replicas``), ``service`` (``scale``), or None where the app sets no count.
    """
    keys = dict(_mapping(services.get(service)))
    if form == "deploy":
        keys["deploy"] = {**_mapping(keys.get("deploy")), "replicas": count}
    else:
        keys["scale"] = count
    return {**services, service: keys}


def with_environment(
    services: Mapping[str, Any], service: str, variables: Mapping[str, str | int | float | None]
) -> dict[str, Any]:
    """The ``services`` of the capacity file with these variables for one service; None takes one of them away.

    A value is written as Compose reads it: a secret stands in it as ``${NAME}``, and a ``$`` that is none is doubled.
    """
    keys = dict(_mapping(services.get(service)))
    environment = {**_mapping(keys.pop("environment", None)), **variables}
    environment = {name: value for name, value in environment.items() if value is not None}
    keys |= {"environment": environment} if environment else {}
    others = {name: value for name, value in services.items() if name != service}
    return {**others, service: keys} if keys else others


def with_command(services: Mapping[str, Any], service: str, command: Sequence[str]) -> dict[str, Any]:
    """The ``services`` of the capacity file with that command for one service, word by word as its program gets it."""
    return {**services, service: {**_mapping(services.get(service)), "command": list(command)}}


def foreign_keys(content: Any) -> list[str]:
    """What a capacity file holds that we never write, as dotted paths; empty for ``{"services": {...}}`` of ours."""
    if not isinstance(content, Mapping):
        return ["the whole file"]
    foreign = [str(key) for key in content if key != "services"]
    for name, keys in _mapping(content.get("services")).items():
        where = f"services.{name}"
        if not isinstance(keys, Mapping):
            foreign.append(where)
            continue
        foreign += [f"{where}.{key}" for key in keys if key not in _SERVICE_KEYS]
        foreign += [
            f"{where}.{key}" for key in _SERVICE_KEYS - _NO_SCALARS
            if key in keys and not isinstance(keys[key], _SCALARS)
        ]  # fmt: skip
        if not _flat(keys.get("environment", {})):
            foreign.append(f"{where}.environment")
        if not all(isinstance(word, str) for word in _words(keys.get("command", ()))):
            foreign.append(f"{where}.command")
        if not _deploy_is_ours(keys.get("deploy", {})):
            foreign.append(f"{where}.deploy")
    return sorted(foreign)


def _deploy_is_ours(deploy: Any) -> bool:
    if not isinstance(deploy, Mapping) or not set(deploy) <= {"resources", "replicas"}:
        return False
    resources = deploy.get("resources", {})
    if not isinstance(resources, Mapping) or not set(resources) <= {"limits"}:
        return False
    return _flat(resources.get("limits", {})) and isinstance(deploy.get("replicas", 0), int)


def _flat(mapping: Any) -> bool:
    return isinstance(mapping, Mapping) and all(isinstance(value, _SCALARS) for value in mapping.values())


def _words(value: Any) -> Sequence[Any]:
    """The words of a command; something that is no list counts as one word that is none."""
    return value if isinstance(value, (list, tuple)) else (None,)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, _SCALARS):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
