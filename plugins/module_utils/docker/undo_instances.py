"""Put back which instances of a service there were."""

from __future__ import annotations

from typing import Any

from ..compose.compose import Compose
from ..compose.new_instances import NewInstances
from ..compose.project import read_project
from ..haproxy.rotation import Rotation
from ..state.undoing import Undoing
from .containers import Container, find_containers
from .engine import Engine
from .instances import instances_of, newest_first, retire

__all__ = ["instances"]

_DRAIN = 70.0  # seconds, where nothing was noted
_GATE = 120.0


def instances(undoing: Undoing, inverse: dict[str, dict[str, Any]]) -> None:
    """Take away the instances that were added, newest first, and bring back those that were removed.

    By service, ``inverse`` has the ``project`` and the IDs of the ``containers`` from before; with its ``directory``
    what is missing is created again.
    """
    for service, before in sorted(inverse.items()):
        own = _present(undoing, before["project"], service)
        surplus = len(own) - len(before["containers"])
        if surplus < 0:
            _bring_back(undoing, service, before, -surplus)
        if undoing.check:
            continue
        rotation = Rotation(undoing.folder, undoing.socket_path, before["project"])
        serves = rotation.serves(before["project"], service)
        kept = [one for one in _present(undoing, before["project"], service) if one.id in before["containers"]]
        if serves:  # what was about to leave stays
            rotation.join(kept, before.get("gate_seconds", _GATE))
        added = newest_first([one for one in own if one.id not in before["containers"]])[: max(0, surplus)]
        if serves:
            rotation.leave([one.name for one in added], before.get("drain_seconds", _DRAIN))
        retire(added, undoing.socket_path, before.get("stop_grace", 0.0))
        undoing.done.extend(f"{one.name} was stopped and removed." for one in added)


def _bring_back(undoing: Undoing, service: str, before: dict[str, Any], missing: int) -> None:
    """Create instances in place of removed ones; the Compose files are as before by now."""
    if "directory" not in before:
        undoing.notes.append(f"{service} has {missing} instances fewer than before.")
        return
    if undoing.check:
        undoing.done.append(f"{service} would get {missing} instances again.")
        return
    wanted = len(before["containers"])
    with Engine(undoing.socket_path) as engine:
        containers = find_containers(engine, undoing.socket_path, before["project"])
        compose = Compose(read_project(containers, before["project"], before["directory"]))
        NewInstances(compose, undoing.socket_path, before["gate_seconds"]).bring(engine, {service: wanted})
    rotation = Rotation(undoing.folder, undoing.socket_path, before["project"])
    rotation.join(_present(undoing, before["project"], service), before["gate_seconds"])
    undoing.done.append(f"{service} has {wanted} instances again.")


def _present(undoing: Undoing, project: str, service: str) -> list[Container]:
    with Engine(undoing.socket_path) as engine:
        return instances_of(find_containers(engine, undoing.socket_path), project, service)
