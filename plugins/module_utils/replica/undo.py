"""Put back what was done for a replica: on its own host, on the primary, in the balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..docker.engine import Engine
from ..docker.program import docker
from ..haproxy.read_rotation import ReadRotation
from ..postgres.psql import Server, find_server
from ..system.failure import HostSideError
from .primary import Primary
from .project import ReplicaProject

if TYPE_CHECKING:
    from ..state.undo import Restoring

__all__ = ["read_balancer", "read_rotation", "replica", "replica_files", "replication", "replication_settings"]


def replica(restoring: Restoring, inverse: dict[str, Any]) -> None:
    """Take a replica that was being made off its host."""
    project = ReplicaProject(restoring.folder, restoring.socket_path, inverse.get("project") or restoring.project)
    gone = [] if restoring.check else project.remove()
    if restoring.check or gone:
        restoring.done.append(f"The replica {inverse['name']} was taken away.")


def replica_files(restoring: Restoring, inverse: dict[str, Any]) -> None:
    """Give a replica its files from before, and restart it with them."""
    project = ReplicaProject(restoring.folder, restoring.socket_path, inverse.get("project") or restoring.project)
    before = inverse.get("wanted")
    if not before or restoring.check or not project.write(before):
        return
    container = project.container()
    if container is not None:
        answer = docker(["restart", container.id], bound=120)
        if answer.code:
            raise HostSideError(f"The replica cannot be restarted: {answer.complaint}.", kind="docker")
    restoring.done.append(f"The replica {before['name']} has its files from before.")


def replication(restoring: Restoring, inverse: dict[str, Any]) -> None:
    """Take away what a replica got on the primary."""
    primary = Primary(_server(restoring, inverse), inverse["name"])
    if primary.absent:
        return
    if not restoring.check:
        primary.dismiss()
    restoring.done.append(f"Slot, role and pg_hba.conf line of {inverse['name']} were taken away.")


def replication_settings(restoring: Restoring, inverse: dict[str, Any]) -> None:
    """Bring parameters of the primary back to what they were."""
    if not inverse["before"]:
        return
    primary = Primary(_server(restoring, inverse), "selextract")
    if not restoring.check:
        primary.put_settings_back(inverse["before"])
    restoring.done.append(f"{', '.join(sorted(inverse['before']))} of the primary are as before.")


def read_balancer(restoring: Restoring, inverse: dict[str, Any]) -> None:
    """Bring the balancer back to what it was, or take it away where there was none."""
    rotation = ReadRotation(restoring.folder, restoring.socket_path, inverse.get("project") or restoring.project)
    before = inverse["settings"]
    if restoring.check or rotation.settings == before:
        return
    if before is None:
        rotation.remove()
    else:
        rotation.place_files(before)
        if rotation.admin.answers:
            rotation.bring_into_force()
    restoring.done.append("The balancer for reads is as before.")


def read_rotation(restoring: Restoring, inverse: dict[str, Any]) -> None:
    """Let replicas that were drained back in; one that is no good is kept out by its check."""
    rotation = ReadRotation(restoring.folder, restoring.socket_path, restoring.project)
    for name in inverse:
        if not restoring.check:
            rotation.admit(name)
        restoring.done.append(f"{name} is asked again.")


def _server(restoring: Restoring, inverse: dict[str, Any]) -> Server:
    with Engine(restoring.socket_path) as engine:
        return find_server(
            engine,
            restoring.socket_path,
            inverse["project"],
            inverse["service"],
            superuser=inverse["superuser"],
            socket=inverse["socket"],
        )
