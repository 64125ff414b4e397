"""The ports that replication takes on the private address of a host, for each Project its own.

A Project keeps the ports that it has. One that comes gets those of the policy, or the next ones where another Project
or somebody else has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..haproxy.read_rotation import ReadRotation
from ..state.project_state import known_projects
from ..state.state import StateFolder
from ..system.ports import free_port
from .project import ReplicaProject

__all__ = ["chosen_ports", "published_port"]

_IMAGE = "image"


def chosen_ports(
    folder: StateFolder, socket_path: str, project: str, address: str, wanted: Mapping[str, int]
) -> dict[str, int]:
    """By name (``primary``, ``replica``, ``check``) the port that this Project has or would get.

    ``image`` among the wanted ones is only kept free: whoever copies an image listens there for a while.
    """
    own = _ports_of(folder, socket_path, project, wanted)
    others = [name for name in known_projects(folder) if name != project]
    taken = {port for name in others for port in _ports_of(folder, socket_path, name, wanted).values()}
    usual = {int(port) for port in wanted.values()}
    for name, first in wanted.items():
        if name not in own and name != _IMAGE:
            has = taken | set(own.values())
            own[name] = free_port(address, int(first), has | (usual - {int(first)}))
    return own


def published_port(compose: str) -> int | None:
    """The port on the host of one of our Compose files, None where it publishes none."""
    try:
        (service,) = json.loads(compose)["services"].values()
        return int(str(service["ports"][0]).rsplit(":", 2)[1])
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def _ports_of(folder: StateFolder, socket_path: str, project: str, usual: Mapping[str, int]) -> dict[str, int]:
    """What is noted of a Project that is there; only ports other than the usual check's stand in what is wanted."""
    ports: dict[str, int] = {}
    settings: dict[str, Any] = ReadRotation(folder, socket_path, project).settings or {}
    port = published_port(str(settings.get("compose", "")))
    if port is not None:
        ports["primary"] = port
    replica = (ReplicaProject(folder, socket_path, project).finished or {}).get("wanted")
    if replica:
        ports["replica"] = int(replica["port"])
        ports["check"] = int(replica.get("check", usual.get("check", 0)))
    return {name: port for name, port in ports.items() if name in usual}
