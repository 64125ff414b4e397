"""Put back what was done for a replica: on its own host, on the primary, in the balancer."""

from __future__ import annotations

from typing import Any

from ..docker.engine import Engine
from ..docker.program import docker
from ..haproxy.read_rotation import ReadRotation
from ..postgres.psql import Server, find_server
from ..state.undoing import Undoing
from ..system.failure import HostSideError
from .primary import Primary
from .project import ReplicaProject

__all__ = ["read_balancer", "read_rotation", "replica", "replica_files", "replication", "replication_settings"]


def replica(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Take a replica that was being made off its host."""
    project = ReplicaProject(undoing.folder, undoing.socket_path, inverse.get("project") or undoing.project)
    gone = [] if undoing.check else project.remove()
    if undoing.check or gone:
        undoing.done.append(f"The replica {inverse['name']} was taken away.")


def replica_files(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Give a replica its files from before, and restart it with them."""
    project = ReplicaProject(undoing.folder, undoing.socket_path, inverse.get("project") or undoing.project)
    before = inverse.get("wanted")
    if not before or undoing.check or not project.write(before):
        return
    container = project.container()
    if container is not None:
        answer = docker(["restart", container.id], bound=120)
        if answer.code:
            raise HostSideError(f"The replica cannot be restarted: {answer.complaint}.", kind="docker")
    undoing.done.append(f"The replica {before['name']} has its files from before.")


def replication(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Take away what a replica got on the primary."""
    primary = Primary(_server(undoing, inverse), inverse["name"])
    if primary.absent:
        return
    if not undoing.check:
        primary.dismiss()
    undoing.done.append(f"Slot, role and pg_hba.conf line of {inverse['name']} were taken away.")


def replication_settings(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Bring parameters of the primary back to what they were."""
    if not inverse["before"]:
        return
    primary = Primary(_server(undoing, inverse), "selextract")
    if not undoing.check:
        primary.put_settings_back(inverse["before"])
    undoing.done.append(f"{', '.join(sorted(inverse['before']))} of the primary are as before.")


def read_balancer(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Bring the balancer back to what it was, or take it away where there was none."""
    rotation = ReadRotation(undoing.folder, undoing.socket_path, inverse.get("project") or undoing.project)
    before = inverse["settings"]
    if undoing.check or rotation.settings == before:
        return
    if before is None:
        rotation.remove()
    else:
        rotation.place_files(before)
        if rotation.admin.answers:
            rotation.bring_into_force()
    undoing.done.append("The balancer for reads is as before.")


def read_rotation(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Let replicas that were drained back in; one that is no good is kept out by its check."""
    rotation = ReadRotation(undoing.folder, undoing.socket_path, undoing.project)
    for name in inverse:
        if not undoing.check:
            rotation.admit(name)
        undoing.done.append(f"{name} is asked again.")


def _server(undoing: Undoing, inverse: dict[str, Any]) -> Server:
    with Engine(undoing.socket_path) as engine:
        return find_server(
            engine,
            undoing.socket_path,
            inverse["project"],
            inverse["service"],
            superuser=inverse["superuser"],
            socket=inverse["socket"],
        )
