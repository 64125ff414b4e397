"""The balancer as a Compose project of our own: its files, its container, its coming and going, and their undoing."""

from __future__ import annotations

from typing import Any

from ..nginx.include_files import Edge
from ..state.act import Act, Work, by_state
from ..state.lock import begun_step, held_run
from ..state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..state.project_state import known_projects
from ..state.state import StateFolder
from ..state.undoing import Undoing
from .rotation import Rotation

__all__ = ["BALANCER_ACT", "Balancer", "undo_balancer"]

_SWITCH = "balancer"  # of Nginx: whether requests go through it


class Balancer(Rotation):
    """The balancer of one Project, as it comes, changes and goes; ``settings`` are those of `Rotation`."""

    def inverse(self) -> dict[str, Any]:
        """How the next change is undone."""
        return {
            "project": self._state.project,
            "compose": self.compose_text,
            "settings": self.settings,
            "digest": self.digest,
        }

    def bring_into_force(self, *, anew: bool) -> None:
        """Make what its files say true: by a container made ``anew``, or by a reload."""
        if not anew and self.running:
            self.reload()
            return
        if anew:
            self.finish()
        self.start()

    def finish(self) -> None:
        """Let it finish the requests that it holds, and remove its container. Answers that go on for long are cut."""
        if self.settings is not None and self.admin.answers:
            self.admin.finish(list(self.admin.servers()), self.drain, self.longest)
        self.stop(self.drain)

    def remove(self) -> None:
        """Take container and files away once it holds no request any more."""
        self.finish()
        self.take_away()

    def restore(self, before: dict[str, Any]) -> None:
        """Bring back what ``inverse`` noted."""
        if before["settings"] is None or before["compose"] is None:
            self.remove()
            return
        anew = self.compose_text != before["compose"]
        self.place_files(before["compose"], before["settings"])
        self.bring_into_force(anew=anew)


def _balance(work: Work) -> dict[str, Any]:
    given = work.params
    balancer = Balancer(StateFolder(given["state_folder"]), given["docker_socket"], given["project"])
    settings = {**given["settings"], "servers": balancer.servers}
    other_files = balancer.compose_text != given["compose"]
    anew = other_files or not balancer.running
    changed = anew or settings != balancer.settings
    if changed and not work.check_mode:
        if anew and given["edge_folder"]:
            _go_past(work)
        _note(work, balancer)
        balancer.place_files(given["compose"], settings)
        _note_left(work, balancer)
        balancer.bring_into_force(anew=other_files)
    return {"changed": changed, "made_anew": anew}


def _take_away(work: Work) -> dict[str, Any]:
    given = work.params
    folder = StateFolder(given["state_folder"])
    names = [given["project"]] if given["project"] else known_projects(folder)
    gone = [_taken_away(work, Balancer(folder, given["docker_socket"], name)) for name in names]
    return {"changed": any(gone), "made_anew": False}


def _taken_away(work: Work, balancer: Balancer) -> bool:
    """Whether there was one."""
    present, noted = balancer.settings is not None or balancer.running, bool(work.params["run_id"])
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
    record = begun_step(given)
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
        if balancer.compose_text != inverse["compose"]:
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
