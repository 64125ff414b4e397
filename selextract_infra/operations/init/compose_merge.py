"""What a second Compose file, an extending service or an include makes of a first one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selextract_infra.operations.init.compose_service import as_mapping

__all__ = ["merged_files", "merged_service"]

_MAPPINGS = ("environment", "labels", "depends_on", "networks", "extra_hosts", "sysctls")
_REPLACED = ("command", "entrypoint", "profiles")


def merged_files(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The first file with what the second one says over it, service by service."""
    services = dict(below.get("services") or {})
    for name, service in (above.get("services") or {}).items():
        services[name] = merged_service(services.get(name) or {}, service or {})
    others = {**below, **above}
    return {**others, "services": services}


def merged_service(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One service over another one, as Compose merges them."""
    together = dict(below)
    for key, value in above.items():
        together[key] = _merged(key, below.get(key), value) if below.get(key) is not None else value
    return together


def _merged(key: str, below: Any, above: Any) -> Any:
    if above is None:
        return below
    if key in _MAPPINGS:
        return {**as_mapping(below, key), **as_mapping(above, key)}
    if key in _REPLACED or not isinstance(above, type(below)):
        return above
    if key == "volumes" and isinstance(below, list):
        targets = {_target(mount) for mount in above}
        return [mount for mount in below if _target(mount) not in targets] + above
    if isinstance(above, list):
        return below + [entry for entry in above if entry not in below]
    if isinstance(above, dict):
        return {**below, **above} if key == "healthcheck" else _deep(below, above)
    return above


def _deep(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    together = dict(below)
    for key, value in above.items():
        old = together.get(key)
        together[key] = _deep(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return together


def _target(mount: Any) -> str:
    if isinstance(mount, dict):
        return str(mount.get("target", ""))
    parts = str(mount).split(":")
    return parts[1] if len(parts) > 1 else parts[0]
