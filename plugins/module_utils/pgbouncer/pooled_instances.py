"""Who depends on PgBouncer: containers whose environment leads to it, whether they run, are idle or are stopped.

PgBouncer may go only when nobody points to it. An instance that still does is made again from the files in force, which
lead to the database by then; where they do not, or where it does not get healthy, PgBouncer stays.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ..compose.compose import Compose
from ..compose.instances import note_instances
from ..compose.new_instances import NewInstances
from ..compose.place_of_instance import PlaceOfInstance, finish_names
from ..compose.project import read_project
from ..docker.container_definition import ContainerDefinition
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..docker.kept_definitions import KeptDefinitions
from ..docker.removed_instances import PART as DEFINITIONS
from ..docker.removed_instances import Leaving, finish_undoing, note_definitions
from ..docker.room_for_another import why_alone
from ..haproxy.rotation import Rotation
from ..postgres.dsn import leads_to
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.waiting import waited_for

__all__ = ["Keeping", "LeadingBack", "environment_of", "files_of", "led_otherwise", "pointing_to"]

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


@dataclass(frozen=True)
class Keeping:
    """Where the way back of each instance is noted before it goes: the Run's record, and the step at hand."""

    record: RunRecord
    step_id: str

    def noted(self) -> dict[str, dict[str, Any]]:
        """What was noted of those that have gone, by the ID they had."""
        return dict((self.record.step(self.step_id).get("inverse") or {}).get(DEFINITIONS) or {})

    def definition(self, folder: StateFolder, container: str) -> ContainerDefinition | None:
        """How one of them is made again as it was."""
        return KeptDefinitions(folder, str(self.record.content["run_id"])).definition(container)


@dataclass(frozen=True)
class _Old:
    """An instance that is led back: what it was, also when it has gone already."""

    id: str
    name: str
    service: str
    running: bool
    stop_grace: float
    definition: ContainerDefinition


@dataclass
class LeadingBack:
    """Leads whoever points to PgBouncer back. ``done`` names who was, ``problems`` says who could not be, and why.

    ``bound`` is how long an instance may take to be healthy, in seconds; ``mapped`` are the services that can have two.
    With ``keeping`` it is part of a step: done again after a crash it goes on, and it can be undone.
    """

    engine: Engine
    socket_path: str
    folder: StateFolder
    project: str
    bound: float
    keeping: Keeping | None = None
    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    mapped: list[str] = field(default_factory=list)

    def run(self, wanted: dict[str, Any]) -> None:
        """Lead all back who point to the PgBouncer of ``wanted``, one after the other."""
        host, port = str(wanted["host"]), int(wanted["port"])
        finish_undoing(self.engine, self.keeping.noted() if self.keeping else {})
        finish_names(self.engine, self._present())
        self.mapped = list(wanted.get("services") or [])
        containers = [container for container in self._present() if container.service or container.running]
        pointing = pointing_to(self.engine, containers, host, port)
        unfinished = self._unfinished()
        if not pointing and not unfinished:
            return
        compose = files_of(containers, self.project)
        files = compose.environments(filled_in=True) if compose else {}
        for old in unfinished:
            if compose is not None:
                variables = {old.service: _leading_to(old.definition.environment, host, port)}
                self._replace(NewInstances(compose, self.socket_path, self.bound, variables), old)
        for container in pointing:
            environment = files.get(container.service or "")
            if compose is None or environment is None:
                self.problems.append(f"{container.name} leads to PgBouncer, and the Compose files have no such service")
            elif any(leads_to(value, host, port) for value in environment.values()):
                self.problems.append(f"the Compose files still lead {container.name} to PgBouncer")
            else:
                own = environment_of(self.engine, container)
                self._make_again(compose, container, _leading_to(own, host, port))

    def _unfinished(self) -> list[_Old]:
        """Those that an attempt before has removed, and nobody serves in their place yet."""
        present = {container.name: container for container in self._present()}
        olds = []
        for id_, about in self.keeping.noted().items() if self.keeping else ():
            definition = self.keeping.definition(self.folder, id_) if self.keeping else None
            place = present.get(about["name"])
            if definition and (place is None or (about["running"] and not place.running)):
                words = (about["name"], about["service"], about["running"], about["stop_grace"])
                olds.append(_Old(id_, *words, definition))
            elif definition and place and place.id != id_:
                self._rotation.join([place], self.bound)
                self._rotation.forget(PlaceOfInstance.of(id_, definition).interim)
        return olds

    def _make_again(self, compose: Compose, container: Container, variables: list[str]) -> None:
        """A new one in its place, which serves before it goes where both can run; where that fails, it stays or comes
        back, led to PgBouncer as before.
        """
        service = str(container.service)
        new = NewInstances(compose, self.socket_path, self.bound, {service: variables})
        own = instances_of(self._present(), self.project, service)
        try:
            new.refuse(self.engine, [service], container)
            details = self.engine.inspect(container.id) or {}
            definition = ContainerDefinition.parse(details)
            # What is not mapped may be a scheduler, and two of them would begin everything twice.
            beside = container.running and service in self.mapped and not why_alone(container, details, len(own))
            if self.keeping is not None:
                leaving = Leaving([container], own, self.bound, _SETTLING, beside, variables)
                self._keep(self.keeping, compose, own, leaving)
        except (HostSideError, KeyError) as failure:
            self._note(container.name, failure)
            return
        if not beside:
            self._retire(container)
        words = (container.name, service, container.running, container.stop_grace)
        self._replace(new, _Old(container.id, *words, definition), leaving=container if beside else None)

    def _keep(self, keeping: Keeping, compose: Compose, own: list[Container], leaving: Leaving) -> None:
        """Note how many there are and how the one that goes is made again, before anything of that changes."""
        given = {
            "project": self.project, "service": str(leaving.containers[0].service), "step_id": keeping.step_id,
            "directory": compose.project.directory, "bound_seconds": self.bound,
        }  # fmt: skip
        note_instances(keeping.record, given, own, {})
        note_definitions(self.engine, self.folder, keeping.record, keeping.step_id, leaving)

    def _replace(self, new: NewInstances, old: _Old, leaving: Container | None = None) -> None:
        """Let a new one serve in place of an old one that has gone, or that leaves once the new one does."""
        others = {container.id for container in self._present() if container.name != old.name or container.id == old.id}
        try:
            made = self._made(new, old, beside=leaving is not None)
            if old.running:
                self._serve(new, made)
        except HostSideError as failure:
            self._note(old.name, failure)
            self._bring_back(old, others)
            return
        if leaving is not None:
            self._retire(leaving)
            self.engine.rename(made, old.name)
            self._rotation.join(self._by_id(made), self.bound)
            self._rotation.forget(PlaceOfInstance.of(old.id, old.definition).interim)
        self.done.append(old.name)

    def _retire(self, container: Container) -> None:
        if container.running:
            self._rotation.spare(container)
            self.engine.stop(container.id, container.stop_grace)
        self.engine.remove(container.id)

    def _serve(self, new: NewInstances, made: str) -> None:
        """Start it as Compose would, wait until it serves, and let it have requests."""
        new.start_these(self.engine, [container for container in self._by_id(made) if not container.running])
        if not self._got_well(made):
            state = [f"{now.name} is {now.health or now.state}." for now in self._by_id(made)]
            raise HostSideError(next(iter(state), "The new one is gone."), kind="gate")
        self._rotation.join(self._by_id(made), self.bound)

    def _made(self, new: NewInstances, old: _Old, *, beside: bool) -> str:
        """The ID of the new container in place of the old one, not started yet by this attempt."""
        place = PlaceOfInstance.of(old.id, old.definition)
        for left in self._present_of(old):
            if left.name == place.interim:  # by a process that was killed
                self._retire(left)
        own = self._present_of(old)
        known = [container for container in own if container.name == old.name and container.id != old.id]
        if known:
            return known[0].id
        made = [container for container in own if container.state == "created"]
        made = made or new.make(self.engine, {old.service: len(own) + 1})
        if not made:
            raise HostSideError(f"{old.name} was not made again.", kind="compose")
        return place.taken_by(made[0], self.engine, free=not beside)

    def _bring_back(self, old: _Old, others: set[str]) -> None:
        """Nothing but the old container, from its own definition where it has gone."""
        for container in self._present_of(old):
            if container.id not in others:
                self.engine.stop(container.id, container.stop_grace)
                self.engine.remove(container.id)
        if old.id in others:
            return
        again = old.definition.create(self.engine, old.name)
        if old.running:
            self.engine.start(again)
            if self._got_well(again):  # before the next one is stopped
                self._rotation.join(self._by_id(again), self.bound)

    def _note(self, name: str, failure: Exception) -> None:
        reason = failure.sentence if isinstance(failure, HostSideError) else "Docker does not describe it"
        self.problems.append(f"{name} could not be led back: {reason.rstrip('.')}")

    def _got_well(self, made: str) -> bool:
        """Whether it gets healthy in time; without a health check it has to run for its settling time."""
        started = next((container.start_period for container in self._by_id(made)), 0.0)

        def is_well() -> bool:
            return any(
                now.health == "healthy" or (now.health is None and now.ran(time.time()) >= now.start_period + _SETTLING)
                for now in self._by_id(made)
            )

        return waited_for(is_well, self.bound + started + _SETTLING)

    def _present_of(self, old: _Old) -> list[Container]:
        return instances_of(self._present(), self.project, old.service)

    def _by_id(self, id_: str) -> list[Container]:
        return [container for container in self._present() if container.id == id_]

    @property
    def _rotation(self) -> Rotation:
        return Rotation(self.folder, self.socket_path, self.project)

    def _present(self) -> list[Container]:
        return find_containers(self.engine, self.socket_path, self.project)


def _leading_to(environment: dict[str, str], host: str, port: int) -> list[str]:
    """The variables with that address, sorted."""
    return sorted(name for name, value in environment.items() if leads_to(value, host, port))
