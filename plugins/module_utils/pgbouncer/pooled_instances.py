"""Who depends on PgBouncer: containers whose environment leads to it, whether they run, are idle or are stopped.

PgBouncer may go only when nobody points to it. An instance that still does is made again from the files in force, which
lead to the database by then; where they do not, or where it does not get healthy, PgBouncer stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..compose.compose import Compose
from ..compose.new_instances import NewInstances
from ..compose.project import read_project
from ..docker.container_definition import ContainerDefinition
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.instances import instances_of
from ..haproxy.rotation import Rotation
from ..postgres.dsn import leads_to
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.waiting import waited_for

__all__ = ["LeadingBack", "environment_of", "files_of", "led_otherwise", "pointing_to"]


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

    ``bound`` is how long an instance may take to be healthy, in seconds.
    """

    engine: Engine
    socket_path: str
    folder: StateFolder
    project: str
    bound: float
    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def run(self, wanted: dict[str, Any]) -> None:
        """Lead all back who point to the PgBouncer of ``wanted``, one after the other."""
        host, port = str(wanted["host"]), int(wanted["port"])
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
        """A new one in place of this one; where that fails, this one again, which is led to PgBouncer as before."""
        new = NewInstances(compose, self.socket_path, self.bound, {str(container.service): variables})
        try:
            new.refuse(self.engine, [str(container.service)], container)
            definition = ContainerDefinition.parse(self.engine.inspect(container.id) or {})
        except (HostSideError, KeyError) as failure:
            self._note(container, failure)
            return
        rotation = Rotation(self.folder, self.socket_path, self.project)
        if container.running:
            rotation.spare(container)
            self.engine.stop(container.id, container.stop_grace)
        self.engine.remove(container.id)
        others = {container.id for container in self._present()}
        try:
            made = self._made(new, container)
            if container.running:
                self.engine.start(made.id)
                self._wait(made)
                rotation.join([container for container in self._present() if container.id == made.id], self.bound)
                if made.name != container.name:  # the only one could not leave before
                    rotation.leave([container.name], rotation.drain)
        except HostSideError as failure:
            self._note(container, failure)
            self._bring_back(container, definition, others)
        else:
            self.done.append(container.name)

    def _made(self, new: NewInstances, old: Container) -> Container:
        """The new container in place of the old one, not started yet; Compose may give it another number."""
        others = instances_of(self._present(), self.project, str(old.service))
        made = new.make(self.engine, {str(old.service): len(others) + 1})
        if not made:
            raise HostSideError(f"{old.name} was not made again.", kind="compose")
        return made[0]

    def _bring_back(self, old: Container, definition: ContainerDefinition, others: set[str]) -> None:
        """The old container, from its own definition, in place of one that does not serve."""
        for container in self._present():
            if container.service == old.service and container.id not in others:
                self.engine.stop(container.id, container.stop_grace)
                self.engine.remove(container.id)
        again = definition.create(self.engine, old.name)
        if old.running:
            self.engine.start(again)

    def _note(self, container: Container, failure: Exception) -> None:
        reason = failure.sentence if isinstance(failure, HostSideError) else "Docker does not describe it"
        self.problems.append(f"{container.name} could not be led back: {reason.rstrip('.')}")

    def _wait(self, container: Container) -> None:
        state = "gone"

        def healthy() -> bool:
            nonlocal state
            now = next((one for one in self._present() if one.id == container.id), None)
            state = "gone" if now is None else now.health or now.state
            return state in ("healthy", "running")

        if not waited_for(healthy, self.bound):
            raise HostSideError(f"{container.name} is {state}.", kind="gate")

    def _present(self) -> list[Container]:
        return find_containers(self.engine, self.socket_path, self.project)
