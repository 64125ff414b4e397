"""The server of a replica: started from its files with the check beside it, and only done when it streams."""

from __future__ import annotations

import time
from typing import Any

from ..compose.compose import Compose
from ..compose.project import own_project
from ..state.act import Act, Work
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP
from ..state.state import StateFolder
from ..system.failure import HostSideError
from ..system.waiting import waited_for
from .check.service import install_check
from .look import Complaint, replica_complaint
from .project import SERVICE, ReplicaProject

__all__ = ["REPLICA_GATE", "REPLICA_START"]

_START_BOUND = 120.0  # seconds
_PATIENCE = 10.0  # seconds in which a cause that is known may still go away by itself


def _start(work: Work) -> dict[str, Any]:
    """Let its container run with the files of now, and the check beside it."""
    given, project = work.params, _project(work)
    wanted, checked = given["wanted"], given["check"]
    options = {
        "address": wanted["address"],
        "port": int(checked["port"]),
        "container": f"{project.own.name}-{SERVICE}-1",
        "user": f"{int(wanted['uid'])}:{int(wanted['gid'])}",
        "superuser": wanted["superuser"],
        "reads": float(checked["reads"]),
        "analytics": float(checked["analytics"]),
        "bound": float(checked["bound"]),
    }
    if work.check_mode:
        return {"changed": install_check(project.unit, options, check=True) or not project.starts_with_its_files}
    held_run(StateFolder(given["state_folder"]), given["run_id"])
    recreate = "auto" if project.starts_with_its_files else "always"
    started = Compose(own_project(project.own.name, project.path)).up(_START_BOUND, recreate=recreate)
    return {"changed": install_check(project.unit, options) or started}


def _gate(work: Work) -> dict[str, Any]:
    """Wait until it streams, and note that it is what was wanted."""
    given, project = work.params, _project(work)
    if work.check_mode:
        return {"changed": False, "waited": 0.0}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    began = time.monotonic()
    waiting = _Waiting(project, given["docker_socket"], given["wanted"]["superuser"])
    waited_for(waiting.over, given["bound_seconds"])
    if waiting.complaint is not None:
        waited = time.monotonic() - began
        sentence = f"After {waited:.0f} s the replica does not work: {waiting.complaint.sentence}"
        record.end_step(given["step_id"], "failed", time.time(), sentence)
        raise HostSideError(sentence, kind="gate")
    project.finish(given["wanted"])
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": False, "waited": round(time.monotonic() - began, 2)}


class _Waiting:
    """Looks again and again at what keeps the replica from its work."""

    def __init__(self, project: ReplicaProject, socket_path: str, superuser: str) -> None:
        self._project = project
        self._socket_path = socket_path
        self._superuser = superuser
        self._known_since: float | None = None
        self.complaint: Complaint | None = None

    def over(self) -> bool:
        """Whether it works, or does not for a reason that is known and has not gone away by itself."""
        self.complaint = replica_complaint(self._project, self._socket_path, self._superuser)
        if self.complaint is None:
            return True
        now = time.monotonic()
        self._known_since = (self._known_since or now) if self.complaint.known else None
        return self._known_since is not None and now - self._known_since > _PATIENCE


def _project(work: Work) -> ReplicaProject:
    given = work.params
    return ReplicaProject(StateFolder(given["state_folder"]), given["docker_socket"], given["project"])


_OPTIONS: dict[str, dict[str, Any]] = {
    "project": {"type": "str", "required": True},
    "wanted": {"type": "dict", "required": True},
    **STEP,
    **DOCKER,
    **STATE,
}

REPLICA_START = Act("replica_start", {**_OPTIONS, "check": {"type": "dict", "required": True}}, _start)
REPLICA_GATE = Act("replica_gate", {**_OPTIONS, "bound_seconds": {"type": "float", "default": 300}}, _gate)
