"""Who depends on PgBouncer: containers whose environment leads to it, whether they run, are idle or are stopped.

PgBouncer may go only when nobody points to it. An instance that still does is made again from the files in force, which
lead to the database by then; where they do not, or where it does not get healthy, PgBouncer stays.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ..compose.compose import Compose
from ..compose.new_instances import NewInstances
from ..compose.place_of_instance import PlaceOfInstance, finish_names
from ..compose.project import read_project
from ..docker.container_definition import ContainerDefinition
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..docker.room_for_another import why_alone
from ..haproxy.rotation import Rotation
from ..postgres.dsn import leads_to
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.waiting import waited_for

__all__ = ["LeadingBack", "environment_of", "files_of", "led_otherwise", "pointing_to"]

_SETTLING = 10.0  # seconds that one without a health check has to run before it is taken to serve


def environment_of(engine: Engine, container: Container) -> dict[str, str]:
    """A container's environment; it may hold secrets and never leaves the host."""
    details = engine.inspect(container.id) or {}
    return dict(str(entry).partition("=")[::2] for entry in (details.get("Config") or {}).get("Env") or [])


def files_of(containers: list[Container], project: str) -> Compose | None:
    """Compose for the app's project with the files in force; None where no container tells where they are."""
    own = [container for container in containers if container.project == project and container.working_directory]
    return Compose(read_project(own, project)) if own else None


def pointing_to(engine: Engine, containers: list[Container], host: str, port: int) -> list[Container]:
    """The containers with that address in whichever of their variables."""
    return [
        container
        for container in containers
        if any(leads_to(value, host, port) for value in environment_of(engine, container).values())
    ]


def led_otherwise(engine: Engine, containers: list[Container], project: str, variables: dict[str, str]) -> list[str]:
    """The running instances that find their database elsewhere than the files in force say, by name."""
    compose = files_of(containers, project)
    if compose is None:
        return []
    wanted = compose.environments(filled_in=True)
    return [
        container.name
        for container in containers
        if container.project == project
        and container.running
        and (variable := variables.get(container.service or ""))
        and environment_of(engine, container).get(variable) != wanted.get(str(container.service), {}).get(variable)
    ]


@dataclass
class LeadingBack:
    """Leads whoever points to PgBouncer back. ``done`` names who was, ``problems`` says who could not be, and why.

    ``bound`` is how long an instance may take to be healthy, in seconds; ``mapped`` are the services that can have two.
    """

    engine: Engine
    socket_path: str
    folder: StateFolder
    project: str
    bound: float
    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    mapped: list[str] = field(default_factory=list)

    def run(self, wanted: dict[str, Any]) -> None:
        """Lead all back who point to the PgBouncer of ``wanted``, one after the other."""
        host, port = str(wanted["host"]), int(wanted["port"])
        finish_names(self.engine, self._present())
        self.mapped = list(wanted.get("services") or [])
        containers = [container for container in self._present() if container.service or container.running]
        pointing = pointing_to(self.engine, containers, host, port)
        if not pointing:
            return
        compose = files_of(containers, self.project)
        files = compose.environments(filled_in=True) if compose else {}
        for container in pointing:
            environment = files.get(container.service or "")
            if compose is None or environment is None:
                self.problems.append(f"{container.name} leads to PgBouncer, and the Compose files have no such service")
            elif any(leads_to(value, host, port) for value in environment.values()):
                self.problems.append(f"the Compose files still lead {container.name} to PgBouncer")
            else:
                own = environment_of(self.engine, container)
                self._make_again(
                    compose, container, sorted(name for name, value in own.items() if leads_to(value, host, port))
                )

    def _make_again(self, compose: Compose, container: Container, variables: list[str]) -> None:
        """A new one in its place, which serves before it goes where both can run; where that fails, it stays or comes
        back, led to PgBouncer as before.
        """
        new = NewInstances(compose, self.socket_path, self.bound, {str(container.service): variables})
        own = instances_of(self._present(), self.project, str(container.service))
        try:
            new.refuse(self.engine, [str(container.service)], container)
            details = self.engine.inspect(container.id) or {}
            definition = ContainerDefinition.parse(details)
        except (HostSideError, KeyError) as failure:
            self._note(container, failure)
            return
        place = PlaceOfInstance.of(container.id, definition)
        # What is not mapped may be a scheduler, and two of them would begin everything twice.
        beside = container.running and container.service in self.mapped and not why_alone(container, details, len(own))
        if not beside:
            self._retire(container)
        others = {other.id for other in self._present()}
        try:
            made = self._made(new, container, place, beside=beside)
            if container.running:
                self.engine.start(made.id)
                self._wait(made)
                self._rotation.join(self._by_id(made.id), self.bound)
        except HostSideError as failure:
            self._note(container, failure)
            self._bring_back(container, definition, others)
            return
        if beside:
            self._retire(container)
            self.engine.rename(made.id, place.name)
            self._rotation.join(self._by_id(made.id), self.bound)
            self._rotation.forget(place.interim)
        self.done.append(container.name)

    def _retire(self, container: Container) -> None:
        if container.running:
            self._rotation.spare(container)
            self.engine.stop(container.id, container.stop_grace)
        self.engine.remove(container.id)

    def _made(self, new: NewInstances, old: Container, place: PlaceOfInstance, *, beside: bool) -> Container:
        """The new container in place of the old one, not started yet."""
        for left in self._present_of(old):
            if left.name == place.interim:  # by a process that was killed
                self._retire(left)
        own = self._present_of(old)
        made = new.make(self.engine, {str(old.service): len(own) + 1})
        if not made:
            raise HostSideError(f"{old.name} was not made again.", kind="compose")
        place.taken_by(made[0], self.engine, free=not beside)
        known = {container.id for container in own}
        return next(container for container in self._present_of(old) if container.id not in known)

    def _bring_back(self, old: Container, definition: ContainerDefinition, others: set[str]) -> None:
        """Nothing but the old container, from its own definition where it has gone."""
        for container in self._present_of(old):
            if container.id not in others:
                self.engine.stop(container.id, container.stop_grace)
                self.engine.remove(container.id)
        if old.id in others:
            return
        again = definition.create(self.engine, old.name)
        if old.running:
            self.engine.start(again)

    def _present_of(self, old: Container) -> list[Container]:
        return instances_of(self._present(), self.project, str(old.service))

    def _by_id(self, id_: str) -> list[Container]:
        return [container for container in self._present() if container.id == id_]

    @property
    def _rotation(self) -> Rotation:
        return Rotation(self.folder, self.socket_path, self.project)

    def _note(self, container: Container, failure: Exception) -> None:
        reason = failure.sentence if isinstance(failure, HostSideError) else "Docker does not describe it"
        self.problems.append(f"{container.name} could not be led back: {reason.rstrip('.')}")

    def _wait(self, container: Container) -> None:
        state = "gone"

        def healthy() -> bool:
            nonlocal state
            now = next(iter(self._by_id(container.id)), None)
            state = "gone" if now is None else now.health or now.state
            settled = now is not None and now.ran(time.time()) >= now.start_period + _SETTLING
            return state == "healthy" or (state == "running" and settled)

        if not waited_for(healthy, self.bound + container.start_period + _SETTLING):
            raise HostSideError(f"{container.name} is {state}.", kind="gate")

    def _present(self) -> list[Container]:
        return find_containers(self.engine, self.socket_path, self.project)
