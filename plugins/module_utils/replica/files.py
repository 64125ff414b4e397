"""The files of a replica on its host, with the password that is nowhere else; and all of it taken away again."""

from __future__ import annotations

import time
from typing import Any

from ..docker.program import docker
from ..postgres.scram import scram_verifier
from ..state.act import Act, Work, by_state
from ..state.lock import begun_step
from ..state.options import DOCKER, STATE, STEP
from ..state.state import StateFolder
from ..state.undoing import Undoing
from ..system.failure import HostSideError
from .clone import Clone
from .project import ReplicaProject, image_tag

__all__ = ["REPLICA_FILES", "undo_replica", "undo_replica_files"]


def _present(work: Work) -> dict[str, Any]:
    given, project = work.params, _project(work)
    wanted, clone = given["wanted"], Clone(project, given["wanted"])
    fresh = given["again"] or not clone.finished
    if not work.check_mode:
        record = begun_step(work.params)
        if fresh:
            record.note_inverse(given["step_id"], "replica", {"project": given["project"], "name": wanted["name"]})
        else:
            before = {"project": given["project"], "wanted": (project.finished or {}).get("wanted")}
            record.note_inverse(given["step_id"], "replica_files", before)
        if given["again"]:
            clone.forget()
        _tag(wanted["image"]["id"])
    written = project.write(wanted, check=work.check_mode)
    password = project.password
    return {
        "changed": bool(written) or fresh,
        "files": written,
        "handed_over": {"fresh": fresh, "verifier": scram_verifier(password) if password else ""},
    }


def _absent(work: Work) -> dict[str, Any]:
    project = _project(work)
    if work.check_mode:
        return {"changed": project.present, "files": []}
    record = begun_step(work.params)
    gone = project.remove()
    record.end_step(work.params["step_id"], "verified", time.time())
    return {"changed": bool(gone), "files": gone}


def _tag(image: str) -> None:
    """Give the primary's image the name that the project's file has for it."""
    if docker(["image", "inspect", "-f", "yes", image_tag(image)]).code == 0:
        return
    if docker(["tag", image, image_tag(image)]).code:
        raise HostSideError("The primary's image is not on this host.", kind="docker")


def _project(work: Work) -> ReplicaProject:
    given = work.params
    return ReplicaProject(StateFolder(given["state_folder"]), given["docker_socket"], given["project"])


def undo_replica(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Take a replica that was being made off its host."""
    project = ReplicaProject(undoing.folder, undoing.socket_path, inverse.get("project") or undoing.project)
    gone = [] if undoing.check else project.remove()
    if undoing.check or gone:
        undoing.done.append(f"The replica {inverse['name']} was taken away.")


def undo_replica_files(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Give a replica its files from before, and restart it with them."""
    project = ReplicaProject(undoing.folder, undoing.socket_path, inverse.get("project") or undoing.project)
    before = inverse.get("wanted")
    if not before or undoing.check or not project.write(before):
        return
    container = project.container()
    if container is not None:
        answer = docker(["restart", container.id], bound=120)
        if answer.code:
            raise HostSideError(f"The replica cannot be restarted: {answer.complaint}.", kind="docker")
    undoing.done.append(f"The replica {before['name']} has its files from before.")


REPLICA_FILES = Act(
    "replica_files",
    {
        "project": {"type": "str", "required": True},
        "wanted": {"type": "dict"},
        "again": {"type": "bool", "default": False},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        **STEP,
        **DOCKER,
        **STATE,
    },
    by_state(present=_present, absent=_absent),
    rules={"required_if": [("state", "present", ["wanted"])]},
)
