"""Memory limits that a rollback leaves in the capacity file, because with those from before a container was killed."""

from __future__ import annotations

from typing import Any

from ..compose.capacity import parse, render
from .containers import Container

__all__ = ["kept_memory_limits", "with_memory_limits"]

_SERVICE_FORM = ("mem_limit", "memswap_limit")


def kept_memory_limits(
    inverse: dict[str, dict[str, Any]], present: list[Container], project: str, text: str | None
) -> dict[str, dict[str, Any]]:
    """By service, what the capacity file's ``text`` says about memory where the raised limit stays.

    ``inverse`` has the limits from before by container ID. Else the app's next ``up`` would bring back the limit that
    the container was killed with.
    """
    raised = {
        str(container.service)
        for container in present
        if (before := inverse.get(container.id)) is not None
        and before["project"] == project
        and before.get("oom_killed")
        and _above(container.memory, before["memory"])
    }
    services = (parse(text).get("services") or {}) if raised and text else {}
    kept = {name: _memory_of(services.get(name) or {}) for name in raised}
    return {name: keys for name, keys in kept.items() if keys}


def with_memory_limits(text: str | None, kept: dict[str, dict[str, Any]]) -> str:
    """The capacity file's ``text`` with the memory limits that stay."""
    services = dict((parse(text).get("services") or {}) if text else {})
    for name, keys in kept.items():
        services[name] = _merged(services.get(name) or {}, keys)
    return render(services)


def _above(now: int | None, before: int | None) -> bool:
    return before is not None and (now is None or now > before)


def _memory_of(service: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {key: service[key] for key in _SERVICE_FORM if key in service}
    limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    if "memory" in limits:
        keys["deploy"] = {"resources": {"limits": {"memory": limits["memory"]}}}
    return keys


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if nested else value
    return merged
