"""Put back how many instances of a service there were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .containers import find_containers
from .engine import Engine
from .instances import instances_of, newest_first, retire

if TYPE_CHECKING:
    from .restoring import Restoring

__all__ = ["instances"]


def instances(restoring: Restoring, inverse: dict[str, dict[str, Any]]) -> None:
    """Stop and remove the instances that were added, newest first; by service, ``inverse`` has those from before."""
    with Engine(restoring.socket_path) as engine:
        present = find_containers(engine, restoring.socket_path)
    leaving = []
    for service, before in sorted(inverse.items()):
        own = instances_of(present, before["project"], service)
        surplus = len(own) - len(before["containers"])
        added = newest_first([one for one in own if one.id not in before["containers"]])
        leaving += added[: max(0, surplus)]
        if surplus < 0:
            restoring.notes.append(f"{service} has {len(own)} instances, {len(before['containers'])} before.")
    if not restoring.check:
        retire(leaving, restoring.socket_path)
    restoring.done.extend(f"{one.name} was stopped and removed." for one in leaving)
