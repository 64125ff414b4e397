"""The balancer as a Compose project of our own: its files, its container, its coming and going, and their undoing."""

from __future__ import annotations

import os
import time
from typing import Any

from ..compose.compose import Compose
from ..compose.own_names import take_names
from ..compose.project import own_project
from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.program import docker
from ..nginx.include_files import Edge
from ..state.act import Act, Work, by_state
from ..state.layout import BALANCER
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..state.project_state import ProjectState, known_projects
from ..state.state import StateFolder, remove_folder, write_whole
from ..state.undoing import Undoing
from ..system.failure import HostSideError
from .rotation import SETTINGS, Rotation, config_text

__all__ = ["BALANCER_ACT", "Balancer", "undo_balancer"]

_NOBODY = 65534
_SWITCH = "balancer"  # of Nginx: whether requests go through it
_COMPOSE = "compose.yml"
_INSIDE = "/etc/selextract"
_PULL_BOUND = 600.0  # seconds
_START_BOUND = 60.0
_PAUSE = 0.2


class Balancer:
    """The balancer of one Project. ``settings`` are those of `Rotation`, without the servers."""

    def __init__(self, folder: StateFolder, socket_path: str, project: str) -> None:
        self._state = ProjectState(folder, project)
        self._socket_path = socket_path
        self.rotation = Rotation(folder, socket_path, project)

    @property
    def place(self) -> str:
        """The folder of its files."""
        return self.rotation.place

    @property
    def running(self) -> bool:
        """Whether its container runs."""
        return any(one.running for one in self._containers())

    @property
    def digest(self) -> str | None:
        """What tells its files from others; None where there is no balancer."""
        return None if self.rotation.settings is None else self.rotation.digest

    def inverse(self) -> dict[str, Any]:
        """How the next change is undone."""
        return {
            "project": self._state.project,
            "compose": self.rotation.compose_text,
            "settings": self.rotation.settings,
            "digest": self.digest,
        }

    def place_files(self, compose: str, settings: dict[str, Any], image: str) -> None:
        """Write the files after HAProxy itself, from the image, has accepted its configuration."""
        if take_names(self._state, BALANCER, compose, self._socket_path):
            self.rotation = Rotation(self._state.folder, self._socket_path, self._state.project)
        try:
            for name, mode, owner in (("config", 0o755, 0), ("run", 0o700, _NOBODY)):
                folder = os.path.join(self.place, name)
                os.makedirs(folder, exist_ok=True)
                os.chmod(folder, mode)
                os.chown(folder, owner, owner)
            trial = os.path.join(self.place, "config", "haproxy.cfg.trial")
            write_whole(trial, config_text(settings).encode(), mode=0o644)
            try:
                self._check(image)
            finally:
                os.unlink(trial)
            write_whole(os.path.join(self.place, _COMPOSE), compose.encode(), mode=0o600)
        except OSError as problem:
            raise HostSideError(f"{self.place} cannot be written ({problem.strerror}).", kind="state") from problem
        self.rotation.write(settings)

    def start(self, *, anew: bool) -> None:
        """Create and start its container, ``anew`` where there is one of other files, and wait until it answers."""
        if anew:
            self.stop()
        Compose(own_project(self.rotation.own.name, self.place)).up(_START_BOUND)
        until = time.monotonic() + _START_BOUND
        while not self.rotation.admin.answers:
            if time.monotonic() > until:
                raise HostSideError(f"The balancer does not answer within {_START_BOUND:.0f} s.", kind="balancer")
            time.sleep(_PAUSE)

    def stop(self) -> None:
        """Let it finish the requests that it holds, and remove its container. Answers that go on for long are cut."""
        rotation = self.rotation
        if rotation.settings is not None and rotation.admin.answers:
            rotation.admin.finish(list(rotation.admin.servers()), rotation.drain, rotation.longest)
        with Engine(self._socket_path) as engine:
            for container in self._containers():
                engine.stop(container.id, max(rotation.drain, container.stop_grace))
                engine.remove(container.id)

    def remove(self) -> None:
        """Take container and files away."""
        self.stop()
        self._state.folder.remove(os.path.join(self.rotation.own.folder, SETTINGS))
        remove_folder(self.place)
        self._state.note_beside(BALANCER, None)
        self.rotation = Rotation(self._state.folder, self._socket_path, self._state.project)

    def restore(self, before: dict[str, Any]) -> None:
        """Bring back what ``inverse`` noted."""
        if before["settings"] is None or before["compose"] is None:
            self.remove()
            return
        anew = self.rotation.compose_text != before["compose"]
        self.place_files(before["compose"], before["settings"], before["settings"]["image"])
        if anew or not self.running:
            self.start(anew=anew)
        else:
            self.rotation.reload()

    def _check(self, image: str) -> None:
        self._pull(image)
        mount = f"{self.place}/config:{_INSIDE}:ro"
        options = ["--rm", "--network", "none", "--user", f"{_NOBODY}:{_NOBODY}", "--volume", mount]
        command = ["--entrypoint", "haproxy", image, "-c", "-f", f"{_INSIDE}/haproxy.cfg.trial"]
        answer = docker(["run", *options, *command], bound=_START_BOUND)
        if answer.code:
            said = (answer.out + answer.err).decode("utf-8", "replace").splitlines()
            reasons = [line for line in said if "[ALERT]" in line] or said[-1:] or ["no reason was given"]
            raise HostSideError(f"HAProxy rejects its configuration: {reasons[0][:300]}.", kind="balancer")

    def _pull(self, image: str) -> None:
        if docker(["image", "inspect", "--format", "there", image], bound=_START_BOUND).code:
            answer = docker(["pull", "--quiet", image], bound=_PULL_BOUND)
            if answer.code:
                raise HostSideError(f"The image {image} cannot be had: {answer.complaint}.", kind="balancer")

    def _containers(self) -> list[Container]:
        with Engine(self._socket_path) as engine:
            return find_containers(engine, self._socket_path, self.rotation.own.name)


def _balance(work: Work) -> dict[str, Any]:
    given = work.params
    balancer = Balancer(StateFolder(given["state_folder"]), given["docker_socket"], given["project"])
    settings = {**given["settings"], "servers": balancer.rotation.servers}
    other_files = balancer.rotation.compose_text != given["compose"]
    anew = other_files or not balancer.running
    changed = anew or settings != balancer.rotation.settings
    if changed and not work.check_mode:
        if anew and given["edge_folder"]:
            _go_past(work)
        _note(work, balancer)
        balancer.place_files(given["compose"], settings, str(settings["image"]))
        _note_left(work, balancer)
        if anew:
            balancer.start(anew=other_files)
        else:
            balancer.rotation.reload()
    return {"changed": changed, "made_anew": anew}


def _take_away(work: Work) -> dict[str, Any]:
    given = work.params
    folder = StateFolder(given["state_folder"])
    names = [given["project"]] if given["project"] else known_projects(folder)
    gone = [_taken_away(work, Balancer(folder, given["docker_socket"], name)) for name in names]
    return {"changed": any(gone), "made_anew": False}


def _taken_away(work: Work, balancer: Balancer) -> bool:
    """Whether there was one."""
    present, noted = balancer.rotation.settings is not None or balancer.running, bool(work.params["run_id"])
    if present and not work.check_mode:
        if noted:
            _note(work, balancer)
        balancer.remove()
        if noted:
            _note_left(work, balancer)
    return present


def _go_past(work: Work) -> None:
    given = work.params
    folder = StateFolder(given["state_folder"])
    edge = Edge(folder, given["docker_socket"], given["project"])
    if edge.is_on(given["edge_folder"], _SWITCH):
        edge.switch_noted(held_run(folder, given["run_id"]), given["step_id"], given["edge_folder"], {_SWITCH: False})


def _note(work: Work, balancer: Balancer) -> None:
    given = work.params
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.start_step_once(given["step_id"], time.time())
    record.note_inverse(given["step_id"], "balancer", balancer.inverse())


def _note_left(work: Work, balancer: Balancer) -> None:
    given = work.params
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.note_left(given["step_id"], "balancer", {"digest": balancer.digest})


def undo_balancer(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Take the balancer away again, or bring back the one from before.

    While it is made anew requests go past it. The step has noted the switch before, so it is put back after this.
    """
    if not undoing.check:
        project = inverse.get("project") or undoing.project  # version 0.1 did not note it
        balancer = Balancer(undoing.folder, undoing.socket_path, project)
        if balancer.rotation.compose_text != inverse["compose"]:
            Edge(undoing.folder, undoing.socket_path, project).switch_off(_SWITCH)
        balancer.restore(inverse)
    undoing.done.append("The balancer is as before.")


BALANCER_ACT = Act(
    "balancer",
    {
        "project": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "compose": {"type": "str"},
        "settings": {"type": "dict"},
        "edge_folder": {"type": "path"},
        **STEP_IF_PRESENT,
        **DOCKER,
        **STATE,
    },
    by_state(present=_balance, absent=_take_away),
    rules={
        "required_if": [("state", "present", ["project", "compose", "settings", "run_id", "step_id"])],
        "required_together": [("run_id", "step_id")],
    },
)
