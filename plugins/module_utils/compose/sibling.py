"""What tells a new instance of a service from those that run, beside the limits and counts that are ours to change.

Environment is told by the names of its variables, never by a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .compose import environment_values

__all__ = ["differences", "environment_of", "environment_wanted"]

_ANONYMOUS = re.compile(r"[0-9a-f]{64}\Z")
_COMPOSE_LABEL = "com.docker.compose."
_SHORT = 12  # characters of an ID that Docker makes a name of
_CONFIG = (
    "User",
    "WorkingDir",
    "Cmd",
    "Entrypoint",
    "ExposedPorts",
    "Healthcheck",
    "StopSignal",
    "StopTimeout",
    "Tty",
    "OpenStdin",
)
_UNSET: Sequence[Any] = (None, False, 0, "", [], {})
# Limits are ours; mounts are compared as the engine made them; the rest follows the engine's own settings and version.
_NOT_COMPARED = frozenset(
    ("Memory", "MemorySwap", "NanoCpus", "CpuPeriod", "CpuQuota")
    + ("Binds", "Mounts", "Volumes")
    + ("LogConfig", "Runtime", "CgroupnsMode", "Isolation", "ConsoleSize", "ContainerIDFile", "Annotations")
    + ("MaskedPaths", "ReadonlyPaths", "MemorySwappiness")
)


def differences(
    new: Mapping[str, Any], sibling: Mapping[str, Any], ours: Collection[str] = (), *, command: bool = False
) -> list[str]:
    """What differs between two containers of a service, by name, as the engine describes both.

    ``ours`` are variables that a change of ours is about; with ``command`` it is about the command.
    """
    named = [] if new.get("Image") == sibling.get("Image") else ["its image"]
    own, other = environment_of(new), environment_of(sibling)
    variables = {name for name in {*own, *other} if own.get(name) != other.get(name)}.difference(ours)
    named += [f"the variable {name}" for name in sorted(variables)]
    first, second = _compared(new), _compared(sibling)
    compared = {*first, *second}.difference(("Cmd",) if command else ())
    named += [name for name in sorted(compared) if first.get(name) != second.get(name)]
    return named


def environment_of(details: Mapping[str, Any]) -> dict[str, str]:
    """The variables in an answer about a container or an image."""
    entries = (details.get("Config") or {}).get("Env") or []
    return dict(str(entry).partition("=")[::2] for entry in entries)


def environment_wanted(service: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, str]:
    """The variables that an instance would have: those of its image, and over them those of the Compose files.

    ``service`` is as ``docker compose config`` tells it, which doubles each ``$``; null takes a variable away.
    """
    wanted = environment_of(image)
    written = service.get("environment") or {}
    for name, value in (environment_values(written) if isinstance(written, list) else written).items():
        if value is None:
            wanted.pop(name, None)
        else:
            wanted[name] = str(value).replace("$$", "$")
    return wanted


def _compared(details: Mapping[str, Any]) -> dict[str, str]:
    config, host = details.get("Config") or {}, details.get("HostConfig") or {}
    labels = {key: value for key, value in (config.get("Labels") or {}).items() if not key.startswith(_COMPOSE_LABEL)}
    hostname = str(config.get("Hostname") or "")
    attributes = {
        **{name: config.get(name) for name in _CONFIG},
        **{name: _sorted(value) for name, value in host.items() if name not in _NOT_COMPARED},
        "Labels": labels,
        "Hostname": "" if hostname == str(details.get("Id"))[:_SHORT] else hostname,
        "Mounts": sorted(_mount(mount) for mount in details.get("Mounts") or []),
        "Networks": _networks(details),
    }
    return {name: json.dumps(value, sort_keys=True) for name, value in attributes.items() if value not in _UNSET}


def _sorted(value: Any) -> Any:
    return sorted(value, key=json.dumps) if isinstance(value, list) else value


def _mount(mount: Mapping[str, Any]) -> list[str]:
    """Where it is, and what is there; an anonymous volume has another name in each container."""
    source = str(mount.get("Name") or mount.get("Source") or "")
    return [str(mount.get("Destination")), str(mount.get("Type")), _ANONYMOUS.sub("", source), str(mount.get("RW"))]


def _networks(details: Mapping[str, Any]) -> dict[str, list[str]]:
    """The networks with the aliases there that are no name of this one container."""
    name, short = str(details.get("Name", "")).lstrip("/"), str(details.get("Id"))[:_SHORT]
    networks = (details.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        network: sorted({str(alias) for alias in (known or {}).get("Aliases") or []}.difference((name, short)))
        for network, known in networks.items()
    }
