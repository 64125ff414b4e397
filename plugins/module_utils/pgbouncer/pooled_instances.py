"""Who depends on PgBouncer: containers whose environment leads to it, whether they run, are idle or are stopped.

PgBouncer may go only when nobody points to it. An instance that still does is made again from the files in force, which
lead to the database by then; where they do not, or where it does not get healthy, PgBouncer stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..compose.compose import Compose
from ..compose.new_instances import NewInstances
from ..compose.place_of_instance import PlaceOfInstance
from ..compose.project import read_project
from ..docker.container_definition import ContainerDefinition
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..docker.kept_definitions import KeptDefinitions
from ..docker.removed_instances import PART as DEFINITIONS
from ..docker.removed_instances import Leaving, note_definitions
from ..haproxy.rotation import Rotation
from ..postgres.dsn import leads_to
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.waiting import waited_for

__all__ = ["Keeping", "LeadingBack", "environment_of", "files_of", "led_otherwise", "pointing_to"]

_WELL = ("healthy", "running")


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

    ``bound`` is how long an instance may take to be healthy, in seconds. With ``keeping`` it is part of a step: done
    again after a crash it goes on, and it can be undone.
    """

    engine: Engine
    socket_path: str
    folder: StateFolder
    project: str
    bound: float
    keeping: Keeping | None = None
    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def run(self, wanted: dict[str, Any]) -> None:
        """Lead all back who point to the PgBouncer of ``wanted``, one after the other."""
        host, port = str(wanted["host"]), int(wanted["port"])
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
                self._replaced(NewInstances(compose, self.socket_path, self.bound, variables), old)
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
        return olds

    def _make_again(self, compose: Compose, container: Container, variables: list[str]) -> None:
        """A new one in place of this one; where that fails, this one again, which is led to PgBouncer as before."""
        new = NewInstances(compose, self.socket_path, self.bound, {str(container.service): variables})
        try:
            new.refuse(self.engine, [str(container.service)], container)
            definition = ContainerDefinition.parse(self.engine.inspect(container.id) or {})
            self._keep(container)
        except (HostSideError, KeyError) as failure:
            self._note(container.name, failure)
            return
        rotation = Rotation(self.folder, self.socket_path, self.project)
        if container.running:
            rotation.spare(container)
            self.engine.stop(container.id, container.stop_grace)
        self.engine.remove(container.id)
        words = (container.name, str(container.service), container.running, container.stop_grace)
        self._replaced(new, _Old(container.id, *words, definition))

    def _keep(self, container: Container) -> None:
        """Note how it is made again, before it goes: whatever comes, there will be as many as before."""
        if self.keeping is not None:
            present = instances_of(self._present(), self.project, str(container.service))
            leaving = Leaving([container], present, self.bound, 0.0)
            note_definitions(self.engine, self.folder, self.keeping.record, self.keeping.step_id, leaving)

    def _replaced(self, new: NewInstances, old: _Old) -> None:
        others = {container.id for container in self._present() if container.name != old.name}
        try:
            made = self._made(new, old)
            if old.running:
                self._serve(made, old.name)
        except HostSideError as failure:
            self._note(old.name, failure)
            self._bring_back(old, others)
        else:
            self.done.append(old.name)

    def _serve(self, made: str, name: str) -> None:
        """Start it, wait until it is healthy, and let it have requests."""
        self.engine.start(made)
        if not waited_for(lambda: self._state(made) in _WELL, self.bound):
            raise HostSideError(f"{name} is {self._state(made)}.", kind="gate")
        self._join(made)

    def _join(self, made: str) -> None:
        rotation = Rotation(self.folder, self.socket_path, self.project)
        rotation.join([container for container in self._present() if container.id == made], self.bound)

    def _made(self, new: NewInstances, old: _Old) -> str:
        """The ID of the container in place of the old one, not started yet, by its name and number."""
        present = {container.name: container for container in self._present()}
        if old.name in present:  # made by an attempt before
            return present[old.name].id
        others = instances_of(list(present.values()), self.project, old.service)
        made = [one for one in others if one.state == "created"]
        made = made or new.make(self.engine, {old.service: len(others) + 1})
        if not made:
            raise HostSideError(f"{old.name} was not made again.", kind="compose")
        return PlaceOfInstance.of(old.id, old.definition).taken_by(made[0], self.engine, free=True)

    def _bring_back(self, old: _Old, others: set[str]) -> None:
        """The old container, from its own definition, in place of one that does not serve."""
        for container in self._present():
            if container.service == old.service and container.id not in others:
                self.engine.stop(container.id, container.stop_grace)
                self.engine.remove(container.id)
        again = old.definition.create(self.engine, old.name)
        if old.running:
            self.engine.start(again)
            if waited_for(lambda: self._state(again) in _WELL, self.bound):  # before the next one is stopped
                self._join(again)

    def _note(self, name: str, failure: Exception) -> None:
        reason = failure.sentence if isinstance(failure, HostSideError) else "Docker does not describe it"
        self.problems.append(f"{name} could not be led back: {reason.rstrip('.')}")

    def _state(self, made: str) -> str:
        now = next((container for container in self._present() if container.id == made), None)
        return "gone" if now is None else now.health or now.state

    def _present(self) -> list[Container]:
        return find_containers(self.engine, self.socket_path, self.project)


def _leading_to(environment: dict[str, str], host: str, port: int) -> list[str]:
    """The variables with that address, sorted."""
    return sorted(name for name, value in environment.items() if leads_to(value, host, port))
