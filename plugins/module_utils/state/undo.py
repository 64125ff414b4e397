"""Put back what the steps of a Run changed on this host, from what was noted before each change."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..compose.capacity_writer import CapacityWriter
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine, EngineGoneError
from ..docker.kept_definitions import PART as DEFINITIONS
from ..docker.kept_limits import kept_memory_limits, with_memory_limits
from ..docker.limits import Capability, Limits, describe, restoration
from ..docker.undo_definitions import definitions
from ..docker.undo_instances import instances
from ..nginx.undo import balancer, edge_files, edge_switches
from ..pgbouncer.undo import pgbouncer
from ..postgres.undo import restore_settings
from ..replica.undo import (
    read_balancer,
    read_rotation,
    replica,
    replica_files,
    replication,
    replication_settings,
)
from ..system.failure import HostSideError
from .runs import RunRecord
from .state import StateFolder
from .undo_upgrade import freeze, stopped

__all__ = ["Restoring"]


@dataclass
class Restoring:
    """Restores steps; collects what it ``done``, ``notes`` on what is not exactly as before, and ``failures``.

    Docker may be restarting just then: it is waited for once, for at most ``patience`` seconds.
    """

    folder: StateFolder
    socket_path: str
    check: bool = False
    patience: float = 90.0
    done: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)  # by part, what the step that is being restored left
    _limits: dict[str, dict[str, Any]] = field(default_factory=dict)

    def step(self, record: RunRecord, step_id: str) -> None:
        """Restore one step, the last thing it did first. A part that fails does not keep the others from it."""
        inverse = record.step(step_id).get("inverse") or {}
        self.left = record.step(step_id).get("left") or {}
        failed_before = len(self.failures)
        self._limits = inverse.get("containers") or {}
        for part in reversed(list(inverse)):
            if not self.check:
                record.refuse_superseded()
            self._try(part, inverse[part])
        if self.check or not record.step(step_id):
            return
        failures = self.failures[failed_before:]
        status = "rollback failed" if failures else "rolled back"
        record.end_step(step_id, status, time.time(), " ".join(failures))

    def _try(self, part: str, inverse: dict[str, Any]) -> None:
        restore = PARTS.get(part)
        if restore is None:
            self.failures.append(f"This version does not know how to put back {part}.")
            return
        try:
            self._restored(restore, inverse)
        except HostSideError as failure:
            self.failures.append(failure.sentence)

    def _restored(self, restore: Callable[[Restoring, Any], None], inverse: Any) -> None:
        try:
            restore(self, inverse)
        except EngineGoneError:
            patience, self.patience = self.patience, 0.0
            with Engine(self.socket_path) as engine:
                engine.wait(patience)
            restore(self, inverse)

    def capacity_file(self, inverse: dict[str, Any]) -> None:
        """Put the capacity file and the entry in ``.env`` back."""
        project, directory = inverse["project"], inverse["directory"]
        with Engine(self.socket_path) as engine:
            present = find_containers(engine, self.socket_path, project)
        writer = CapacityWriter(self.folder, project, directory, present, socket_path=self.socket_path)
        kept = kept_memory_limits(self._limits, present, project, writer.text)
        if self.check or writer.undo(inverse, self.left.get("capacity_file")):
            if kept and not self.check:
                writer.write(with_memory_limits(writer.text, kept))
            self.done.append(f"The Compose files in {directory} are as before.")

    def containers(self, inverse: dict[str, dict[str, Any]]) -> None:
        """Put the limits of containers back."""
        with Engine(self.socket_path) as engine:
            present = find_containers(engine, self.socket_path)
            host = Capability.parse(engine.info())
            for before, container in _pairs(inverse, present):
                if container is not None and container.id not in inverse:
                    self.notes.append(f"{container.name} was made again meanwhile, from the Compose files in force.")
                self._container(engine, container, before, host)

    def _container(self, engine: Engine, container: Container | None, before: dict[str, Any], host: Capability) -> None:
        if container is None:
            self.notes.append(f"{before['name']} is gone, so nothing of it was put back.")
            return
        wanted = restoration(before, container, host)
        if wanted.difference:
            self.failures.append(wanted.difference)
        if not wanted.body:
            return
        if not self.check:
            engine.update(container.id, wanted.body)
        if not wanted.difference:
            limits = describe(Limits(before["memory"], before["swap"], before["cpus"]))
            self.done.append(f"{container.name}: {limits}.")
        if wanted.note:
            self.notes.append(wanted.note)


# By the name under which a module notes its inverse.
PARTS: dict[str, Callable[[Restoring, dict[str, Any]], None]] = {
    "capacity_file": Restoring.capacity_file,
    "stopped": stopped,
    "freeze": freeze,
    "containers": Restoring.containers,
    DEFINITIONS: definitions,
    "instances": instances,
    "postgres_settings": restore_settings,
    "balancer": balancer,
    "edge_files": edge_files,
    "edge_switches": edge_switches,
    "pgbouncer": pgbouncer,
    "replica": replica,
    "replica_files": replica_files,
    "replication": replication,
    "replication_settings": replication_settings,
    "read_balancer": read_balancer,
    "read_rotation": read_rotation,
}


def _pairs(
    inverse: dict[str, dict[str, Any]], present: list[Container]
) -> list[tuple[dict[str, Any], Container | None]]:
    """Each record with the container it is about: the same one, or else one that was made in its place since."""
    same = {container.id: container for container in present if container.id in inverse}
    heirs = [container for container in present if container.id not in inverse and container.service]
    pairs: list[tuple[dict[str, Any], Container | None]] = []
    for name, before in inverse.items():
        container = same.get(name)
        if container is None:
            of_service = [one for one in heirs if (one.project, one.service) == (before["project"], before["service"])]
            container = next(iter(sorted(of_service, key=lambda one: one.name != before["name"])), None)
            heirs = [one for one in heirs if one is not container]
        pairs.append((before, container))
    return pairs
