"""HAProxy as a Compose project of our own: its files, its container, its start, its reload, its end.

What it balances is said by whoever is made of it: `rotation.Rotation` the API's instances, `read_rotation.ReadRotation`
the Postgres servers. HAProxy itself accepts each configuration before it takes its place.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from ..compose.compose import Compose
from ..compose.own_names import take_names
from ..compose.project import own_project
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.own_image import have_own_image
from ..docker.program import docker
from ..state.project_state import ProjectState
from ..state.state import StateFolder, remove_folder, write_whole
from ..system.failure import HostSideError
from ..system.waiting import waited_for
from .haproxy import AdminSocket

__all__ = ["OwnProxy"]

_SETTINGS = "settings.json"
_COMPOSE = "compose.yml"
_CONFIG = "haproxy.cfg"
_TRIAL = f"{_CONFIG}.trial"
_INSIDE = "/etc/selextract"
_NOBODY = 65534
_START_BOUND = 60.0  # seconds
_RELOAD_BOUND = 30.0
_REMOVED_WITHIN = 10.0  # seconds in which a stopped container has to end


class OwnProxy(ABC):
    """The HAProxy of one app's Project, if there is one; ``component`` is what it is called beside the Project.

    ``settings`` are what it was made from, None where there is none. Raises ``HostSideError`` of kind ``balancer``.
    """

    component = ""

    def __init__(self, folder: StateFolder, socket_path: str, project: str) -> None:
        self._folder = folder
        self._socket_path = socket_path
        self._state = ProjectState(folder, project)
        self._look()

    def _look(self) -> None:
        self.own = self._state.beside(self.component)
        """The Compose project that it is."""
        self.place = os.path.join(self._folder.path, self.own.folder)
        self.settings: dict[str, Any] | None = self._folder.read(os.path.join(self.own.folder, _SETTINGS))
        self.admin = AdminSocket(os.path.join(self.place, "run", "admin.sock"))

    @abstractmethod
    def text_of(self, settings: Mapping[str, Any]) -> str:
        """HAProxy's configuration for these settings."""

    def lists_of(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """The files beside the configuration that it reads, by name; none unless whoever is made of it has some."""
        del settings
        return {}

    @property
    def compose_text(self) -> str | None:
        """Its Compose file, None where there is none."""
        try:
            with open(os.path.join(self.place, _COMPOSE), encoding="utf-8") as source:
                return source.read()
        except FileNotFoundError:
            return None

    def container(self) -> Container | None:
        """Its container; one that runs before one that does not."""
        containers = self._containers()
        return next((container for container in containers if container.running), next(iter(containers), None))

    @property
    def running(self) -> bool:
        """Whether its container runs."""
        container = self.container()
        return container is not None and container.running

    def place_files(self, compose: str, settings: Mapping[str, Any]) -> None:
        """Write all files after HAProxy itself, from the image that the settings name, has accepted its own."""
        if take_names(self._state, self.component, compose, self._socket_path):
            self._look()
        try:
            for name, mode, owner in (("config", 0o755, 0), ("run", 0o700, _NOBODY)):
                folder = os.path.join(self.place, name)
                os.makedirs(folder, exist_ok=True)
                os.chmod(folder, mode)
                os.chown(folder, owner, owner)
            for name, text in self.lists_of(settings).items():
                write_whole(self._config(name), text.encode(), mode=0o644)
            write_whole(self._config(_TRIAL), self.text_of(settings).encode(), mode=0o644)
            try:
                self._refuse_rejected(str(settings["image"]))
            finally:
                os.unlink(self._config(_TRIAL))
            write_whole(os.path.join(self.place, _COMPOSE), compose.encode(), mode=0o600)
        except OSError as problem:
            raise HostSideError(f"{self.place} cannot be written ({problem.strerror}).", kind="state") from problem
        self.write(settings)

    def write(self, settings: Mapping[str, Any]) -> None:
        """Put settings and configuration in place; whoever calls has had them checked."""
        self._folder.write(os.path.join(self.own.folder, _SETTINGS), dict(settings))
        self.settings = dict(settings)
        try:
            write_whole(self._config(_CONFIG), self.text_of(settings).encode(), mode=0o644)
        except OSError as problem:
            raise HostSideError(f"{self.place} cannot be written ({problem.strerror}).", kind="state") from problem

    def accept(self, settings: Mapping[str, Any]) -> None:
        """Put settings in place that the running HAProxy has accepted first."""
        write_whole(self._config(_TRIAL), self.text_of(settings).encode(), mode=0o644)
        try:
            with Engine(self._socket_path) as engine:
                command = ["haproxy", "-c", "-f", f"{_INSIDE}/{_TRIAL}"]
                code, output, complaints = engine.run_inside(self._running_container().id, command)
        finally:
            os.unlink(self._config(_TRIAL))
        if code:
            lines = (output + complaints).strip().splitlines()
            raise HostSideError(f"HAProxy rejects its file: {lines[-1] if lines else code}.", kind="balancer")
        self.write(settings)

    def start(self) -> None:
        """Create and start its container, or make it anew where its files are others, and wait until it answers."""
        Compose(own_project(self.own.name, self.place)).up(_START_BOUND, recreate="auto")
        if not waited_for(lambda: self.admin.answers, _START_BOUND):
            raise HostSideError(
                f"The balancer does not answer within {_START_BOUND:.0f} s. {self._last_words()}", kind="balancer"
            )

    def reload(self) -> None:
        """Start a new worker from the file; the old one finishes what it holds."""
        before = self.admin.worker()
        with Engine(self._socket_path) as engine:
            container = self._running_container()
            engine.restart_always(container.id)  # an older version of this program may have marked it as stopped
            engine.signal(container.id, "USR2")
        if not waited_for(lambda: self.admin.answers and self.admin.worker() != before, _RELOAD_BOUND):
            raise HostSideError("The balancer did not read its configuration again.", kind="balancer")

    def stop(self, bound: float = _REMOVED_WITHIN) -> bool:
        """Remove its container, which has ``bound`` seconds to end; whether there was one."""
        containers = self._containers()
        with Engine(self._socket_path) as engine:
            for container in containers:
                engine.stop(container.id, bound)
                engine.remove(container.id)
        return bool(containers)

    def take_away(self) -> bool:
        """Take container and files off this host; whether anything was there."""
        stopped = self.stop()
        self._folder.remove(os.path.join(self.own.folder, _SETTINGS))
        gone = remove_folder(self.place)
        self._state.note_beside(self.component, None)
        self._look()
        return stopped or gone

    def _config(self, name: str) -> str:
        return os.path.join(self.place, "config", name)

    def _refuse_rejected(self, image: str) -> None:
        have_own_image(self._state, image)
        mount = f"{self.place}/config:{_INSIDE}:ro"
        options = ["--rm", "--network", "none", "--user", f"{_NOBODY}:{_NOBODY}", "--volume", mount]
        command = ["--entrypoint", "haproxy", image, "-c", "-f", f"{_INSIDE}/{_TRIAL}"]
        answer = docker(["run", *options, *command], bound=_START_BOUND)
        if answer.code:
            lines = (answer.out + answer.err).decode("utf-8", "replace").splitlines()
            reasons = [line for line in lines if "[ALERT]" in line] or lines[-1:] or ["no reason was given"]
            raise HostSideError(f"HAProxy rejects its configuration: {reasons[0].strip()[:300]}.", kind="balancer")

    def _containers(self) -> list[Container]:
        with Engine(self._socket_path) as engine:
            return find_containers(engine, self._socket_path, self.own.name)

    def _running_container(self) -> Container:
        container = self.container()
        if container is None or not container.running:
            raise HostSideError("The balancer does not run.", kind="balancer")
        return container

    def _last_words(self) -> str:
        container = self.container()
        if container is None:
            return "It has no container."
        with Engine(self._socket_path) as engine:
            lines = [line.strip() for line in engine.logs(container.id, 20).splitlines() if line.strip()]
        return f"Its last words: {lines[-1][:200]}" if lines else ""
