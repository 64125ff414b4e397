"""Whether a service can have another instance for a moment, so that the new one is proved before the old one goes."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from ..system.facts import host_memory
from .carried_volumes import is_unnamed
from .cgroup import find_control_group
from .containers import Container

__all__ = ["why_alone"]

_ONCE = re.compile(
    r"(?:^|[/._-])(?:beat|celerybeat|scheduler|schedule|cron|crond|clock|migrate|migrations?|leader)(?:$|[/._-])|^-B$"
)
_GROWTH = 2.0  # a new instance may use twice of what the old one uses now


def why_alone(container: Container, details: dict[str, Any], present: int) -> str | None:
    """Why no other instance can run beside this one, in words; None where one can.

    ``details`` is what ``Engine.inspect`` says about it, ``present`` how many instances its service has.
    """
    # One that is starting serves already, or is about to: it may be the only one, and goes on until the new one does.
    if not container.running or container.health == "unhealthy":
        return f"{container.name} does not serve"
    lone = _fixed(container, details) or _only_once(details) or _writes(details) if present <= 1 else None
    reason = lone or _own_volume(details)
    return reason or _no_room(container)


def _fixed(container: Container, details: dict[str, Any]) -> str | None:
    """A place that only one container can have."""
    host = details["HostConfig"]
    mode = str(host.get("NetworkMode") or "")
    project, service = re.escape(str(container.project)), re.escape(str(container.service))
    if not re.fullmatch(rf"{project}[-_]{service}[-_]\d+", container.name):
        return f"its name {container.name} is fixed"
    ports = [
        binding
        for bound in (host.get("PortBindings") or {}).values()
        for binding in bound or []
        if binding.get("HostPort")
    ]
    if ports:
        return f"the host's port {ports[0]['HostPort']} is fixed"
    if mode == "host" or mode.startswith("container:"):
        return "it shares a network of the host or of another container"
    networks = (details.get("NetworkSettings") or {}).get("Networks") or {}
    if any((network or {}).get("IPAMConfig") for network in networks.values()):
        return "its address is fixed"
    if (details.get("Config") or {}).get("MacAddress"):
        return "its hardware address is fixed"
    return "it has a device of the host" if host.get("Devices") or host.get("DeviceRequests") else None


def _only_once(details: dict[str, Any]) -> str | None:
    """What would be done twice: tasks of a scheduler, migrations."""
    config = details.get("Config") or {}
    words = [str(word) for key in ("Entrypoint", "Cmd") for word in config.get(key) or []]
    words = [part for word in words for part in word.split()]
    once = next((word for word in words if _ONCE.search(word.lower() if word != "-B" else word)), None)
    return f"it runs {posixpath.basename(once)}, of which there may be one" if once else None


def _writes(details: dict[str, Any]) -> str | None:
    """A place on the disk that two might write to at the same time."""
    written = [mount for mount in details.get("Mounts") or [] if mount.get("RW") and mount.get("Type") != "tmpfs"]
    return f"it writes to {written[0].get('Destination')}" if written else None


def _own_volume(details: dict[str, Any]) -> str | None:
    """A volume without a name: the one in its place gets it, as Compose's own `up` does, so it is made after it."""
    mounts = details.get("Mounts") or []
    own = [mount for mount in mounts if mount.get("RW") and is_unnamed(str(mount.get("Name") or ""))]
    return f"its own data is in {own[0].get('Destination')}" if own else None


def _no_room(container: Container) -> str | None:
    group = find_control_group(container.pid)
    reading = group.read() if group else None
    if reading is None:
        return "what it uses cannot be read"
    needed = min(reading.memory * _GROWTH, container.memory or reading.memory * _GROWTH)
    free = host_memory().get("MemAvailable", 0)
    return "the host has no memory for another" if needed > free else None
