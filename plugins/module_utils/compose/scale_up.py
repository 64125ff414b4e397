"""Give services more: limits in place, the capacity file, more instances; then wait until all are healthy."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ..docker.containers import Container, find_containers, listed_instances
from ..docker.dry_creation import refuse_unaccepted_limits
from ..docker.engine import Engine, EngineGoneError
from ..docker.gate import Gate
from ..docker.health_checks import HealthChecks
from ..docker.instances import instances_of
from ..docker.limits import Capability, change_of, inverse_of, wanted_for
from ..haproxy.rotation import Rotation
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.waiting import complaint_left
from .capacity import render
from .capacity_writer import CapacityWriter
from .compose import Compose
from .new_instances import NewInstances
from .project import read_project

__all__ = ["Growth"]


@dataclass(frozen=True)
class Growth:
    """What is asked for on one host.

    ``counts`` are instances by service, ``limits`` what each container of a service gets, ``capacity`` the whole
    content of the capacity file. ``urls`` must answer within ``bound`` seconds after the instances were started;
    ``drain`` is how long a leaving one may hold requests later. ``at_rest`` has the names of containers that somebody
    had stopped before: they count for none, and stay stopped.
    """

    project: str
    directory: str
    counts: dict[str, int]
    limits: dict[str, dict[str, Any]]
    capacity: dict[str, dict[str, Any]]
    urls: list[str]
    bound: float
    drain: float
    at_rest: frozenset[str] = frozenset()

    @property
    def services(self) -> list[str]:
        """All services that it is about."""
        return sorted({*self.counts, *self.limits})

    def refuse_impossible(self, containers: list[Container]) -> None:
        """Raise ``HostSideError`` for a service without a container, or one that would get fewer instances."""
        for service in self.services:
            own = instances_of(containers, self.project, service)
            if not own:
                raise HostSideError(
                    f"Service {service} of project {self.project} has no container here.",
                    kind="refused",
                    rule="mapping",
                )
            working = len(self._working(own))
            if self.counts.get(service, working) < working:
                raise HostSideError(
                    f"{service} has {working} instances, more than the {self.counts[service]} asked for.",
                    kind="refused",
                    rule="X-14",
                )

    def _working(self, own: list[Container]) -> list[Container]:
        return [container for container in own if container.running or container.name not in self.at_rest]

    def refuse_unaccepted(self, engine: Engine, containers: list[Container]) -> None:
        """Raise ``HostSideError`` where Docker would not create a container with its limits; nothing is touched."""
        own = {service: instances_of(containers, self.project, service)[:1] for service in self.limits}
        wanted = [
            (container, wanted_for(self.limits[service], container))
            for service, first in own.items()
            for container in first
        ]
        refuse_unaccepted_limits(engine, wanted)

    def note(self, writer: CapacityWriter, containers: list[Container], record: RunRecord, step_id: str) -> None:
        """Bring to the disk how all of it is undone."""
        record.note_inverse(step_id, "capacity_file", writer.inverse())
        record.note_left(step_id, "capacity_file", writer.left(self.capacity))
        own = {service: instances_of(containers, self.project, service) for service in self.services}
        changing = [container for service in self.limits for container in own[service]]
        record.note_inverse(step_id, "containers", {container.id: inverse_of(container) for container in changing})
        about = {"project": self.project, "directory": self.directory}
        times = {"drain_seconds": self.drain, "gate_seconds": self.bound}
        before = {
            service: {**about, **times, "containers": [container.id for container in own[service]]}
            for service in self.counts
        }
        record.note_inverse(step_id, "instances", before)

    def carry_out(self, engine: Engine, socket_path: str, writer: CapacityWriter, containers: list[Container]) -> None:
        """Write the file, start the instances of all services at once, and raise the limits of the others meanwhile.

        Docker may restart in the middle: it is waited for, and asked again.
        """
        writer.write(render(self.capacity), used_at_once=bool(self.counts))
        with ThreadPoolExecutor(1) as meanwhile:
            starting = meanwhile.submit(self._start, socket_path, containers)
            raised = self._raised(engine, containers)
            starting.result()
        if not raised:
            engine.wait(self.bound)
            self._raise_limits(engine, find_containers(engine, socket_path))

    def _start(self, socket_path: str, containers: list[Container]) -> None:
        """Create and start what is missing; the same complaint twice is the last word, and a refusal is at once."""
        if not self.counts:
            return
        compose = Compose(read_project(containers, self.project, self.directory))
        give_up, complaint = time.monotonic() + self.bound, ""
        with Engine(socket_path) as engine:
            while True:
                bound = max(1.0, give_up - time.monotonic())
                new = NewInstances(compose, socket_path, bound, at_rest=self.at_rest)
                try:
                    new.bring(engine, self.counts)
                except HostSideError as failure:
                    if failure.kind == "refused" or failure.sentence == complaint or time.monotonic() >= give_up:
                        raise
                    complaint = failure.sentence
                    engine.close()
                    engine.wait(give_up - time.monotonic())
                else:
                    return

    def _raised(self, engine: Engine, containers: list[Container]) -> bool:
        """Raise the limits; False where Docker went away meanwhile."""
        try:
            self._raise_limits(engine, containers)
        except EngineGoneError:
            return False
        return True

    def _raise_limits(self, engine: Engine, containers: list[Container]) -> None:
        host = Capability.parse(engine.info())
        for service, limits in sorted(self.limits.items()):
            for container in instances_of(containers, self.project, service):
                body = change_of(container, wanted_for(limits, container), host)
                if body:
                    engine.update(container.id, body)

    def wait(self, engine: Engine, socket_path: str, began: float) -> None:
        """Wait until every instance is there, healthy and has its limits, and the addresses answer.

        Docker may restart meanwhile: it is waited for as well.
        """
        expected = {service: self.limits.get(service, {}) for service in self.services}
        gate = Gate(self.project, expected, self.urls, began, {}, at_rest=self.at_rest)
        with HealthChecks(socket_path) as checks:
            complaint = complaint_left(lambda: self._complaint(gate, engine, socket_path, checks) or "", self.bound)
        if complaint:
            raise HostSideError(f"After {self.bound:.0f} s {complaint.rstrip('.')}.", kind="gate")

    def join(self, folder: StateFolder, engine: Engine, socket_path: str) -> None:
        """Take the new instances into rotation, where a balancer of ours stands before their service."""
        rotation = Rotation(folder, socket_path, self.project)
        for service in sorted(self.counts):
            if rotation.serves(self.project, service):
                containers = find_containers(engine, socket_path, self.project)
                rotation.join(instances_of(containers, self.project, service), self.bound)

    def _complaint(self, gate: Gate, engine: Engine, socket_path: str, checks: HealthChecks) -> str | None:
        """What does not hold yet; the whole gate is asked only when the list of containers looks well.

        The list is one question, the gate is dozens, which would slow down just those that are starting.
        """
        try:
            listed = {
                service: [
                    container
                    for container in listed_instances(engine, self.project, service)
                    if container.running or container.name not in self.at_rest
                ]
                for service in self.services
            }
            starting = [
                container.id for own in listed.values() for container in own if container.running and not container.well
            ]
            passed = checks.passed(starting)
            for service, own in listed.items():
                wanted = self.counts.get(service, len(own))
                well = sum(container.well or container.id in passed for container in own)
                if well < len(own) or len(own) != wanted:
                    return f"{service} has {well} of {wanted} instances"
            return gate.complaint(engine, socket_path, time.time(), passed)
        except HostSideError as failure:
            if failure.kind != "docker":
                raise
            engine.close()
            return failure.sentence
