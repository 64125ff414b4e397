"""The balancer for reads: brought to what is wanted, a replica into it and out of it, taken away; and its undoing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..replica.project import ReplicaProject
from ..state.act import Act, Work, by_state
from ..state.lock import begun_step
from ..state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..state.project_state import known_projects
from ..state.state import StateFolder
from ..state.undoing import Undoing
from ..system.failure import HostSideError
from .read_rotation import ReadRotation, config_text, joined, left

__all__ = ["READ_BALANCER_ACT", "undo_read_balancer", "undo_read_rotation"]

_PART = "read_balancer"
_ROTATION_PART = "read_rotation"


def _present(work: Work) -> dict[str, Any]:
    given, rotation = work.params, _rotation(work)
    before = rotation.settings
    settings = {**given["settings"], "replicas": (before or {}).get("replicas", [])}
    changed = not rotation.matches(given["settings"])
    difference = _difference(before, settings)
    if work.check_mode:
        return {"changed": changed, "servers": [], "diff": difference}
    record = begun_step(work.params)
    if changed:
        record.note_inverse(given["step_id"], _PART, {"project": given["project"], "settings": before})
        rotation.place_files(settings["compose"], settings)
    rotation.start()
    rotation.bring_into_force()
    return {"changed": changed, "servers": rotation.status(), "diff": difference}


def _join(work: Work) -> dict[str, Any]:
    replica = work.params["replica"]
    changed, rotation = _moved(work, lambda settings: joined(settings, replica)), _rotation(work)
    if not work.check_mode and rotation.settings is not None:
        rotation.ready(replica["name"], work.params["bound_seconds"])
    return {"changed": changed, "servers": []}


def _leave(work: Work) -> dict[str, Any]:
    return {"changed": _moved(work, lambda settings: left(settings, work.params["name"])), "servers": []}


def _drained(work: Work) -> dict[str, Any]:
    given, rotation = work.params, _rotation(work)
    if rotation.settings is not None and not work.check_mode:
        begun_step(work.params).note_inverse(given["step_id"], _ROTATION_PART, {given["name"]: given["bound_seconds"]})
        rotation.drain(given["name"], given["bound_seconds"])
    return {"changed": rotation.settings is not None, "servers": []}


def _ready(work: Work) -> dict[str, Any]:
    given, rotation = work.params, _rotation(work)
    if rotation.settings is not None and not work.check_mode:
        begun_step(work.params)
        rotation.ready(given["name"], given["bound_seconds"])
    return {"changed": rotation.settings is not None, "servers": []}


def _absent(work: Work) -> dict[str, Any]:
    """Take it away where nobody uses it: without ``project``, that of each app here, or none of them."""
    given, folder = work.params, StateFolder(work.params["state_folder"])
    names = [given["project"]] if given["project"] else known_projects(folder)
    rotations = {name: ReadRotation(folder, given["docker_socket"], name) for name in names}
    for name, rotation in rotations.items():
        _refuse_used(name, rotation, ReplicaProject(folder, given["docker_socket"], name))
    present = [rotation for rotation in rotations.values() if rotation.settings is not None]
    for rotation in present if not work.check_mode else ():
        rotation.take_away()
    return {"changed": bool(present), "servers": []}


def _refuse_used(project: str, rotation: ReadRotation, replica: ReplicaProject) -> None:
    replicas = [str(about["name"]) for about in (rotation.settings or {}).get("replicas", [])]
    if replicas or replica.present:
        raise HostSideError(
            f"There are replicas of {project} still ({', '.join(replicas) or 'one on this host'}), so nothing was taken"
            " away; selextract-infra replicas --count 0 comes first.",
            kind="refused",
        )
    used = sum(int(server["sessions"]) for server in rotation.status()) if rotation.admin.answers else 0
    if used:
        raise HostSideError(
            f"{used} connections go through the balancer for reads of {project}, so it was not taken away; the app has"
            " to leave it first.",
            kind="refused",
        )


def _moved(work: Work, moved: Callable[[dict[str, Any]], dict[str, Any]]) -> bool:
    """One replica joins or leaves, the files first, then the running HAProxy; whether the files changed."""
    given, rotation = work.params, _rotation(work)
    if rotation.settings is None:
        return False
    before = dict(rotation.settings)
    after = moved(before)
    if work.check_mode:
        return after != before
    record = begun_step(work.params)
    if after != before:
        record.note_inverse(given["step_id"], _PART, {"project": given["project"], "settings": before})
        rotation.place_files(after["compose"], after)
    rotation.bring_into_force()
    return after != before


def _rotation(work: Work) -> ReadRotation:
    given = work.params
    return ReadRotation(StateFolder(given["state_folder"]), given["docker_socket"], given["project"])


def _difference(before: dict[str, Any] | None, after: dict[str, Any]) -> list[dict[str, str]]:
    header = {"before_header": "haproxy.cfg", "after_header": "haproxy.cfg"}
    texts = config_text(before) if before else "", config_text(after)
    return [] if texts[0] == texts[1] else [{**header, "before": texts[0], "after": texts[1]}]


def undo_read_balancer(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Bring the balancer back to what it was, or take it away where there was none."""
    rotation = ReadRotation(undoing.folder, undoing.socket_path, inverse.get("project") or undoing.project)
    before = inverse["settings"]
    if undoing.check or rotation.settings == before:
        return
    if before is None:
        rotation.take_away()
    else:
        rotation.place_files(before["compose"], before)
        if rotation.admin.answers:
            rotation.bring_into_force()
    undoing.done.append("The balancer for reads is as before.")


def undo_read_rotation(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Let replicas that were drained back in; one that is no good is kept out by its check."""
    rotation = ReadRotation(undoing.folder, undoing.socket_path, undoing.project)
    for name in inverse:
        if not undoing.check:
            rotation.admit(name)
        undoing.done.append(f"{name} is asked again.")


READ_BALANCER_ACT = Act(
    _PART,
    {
        "project": {"type": "str"},
        "state": {
            "type": "str",
            "choices": ["present", "join", "leave", "drained", "ready", "absent"],
            "default": "present",
        },
        "settings": {"type": "dict"},
        "replica": {"type": "dict"},
        "name": {"type": "str"},
        "bound_seconds": {"type": "float", "default": 60},
        **STEP_IF_PRESENT,
        **DOCKER,
        **STATE,
    },
    by_state(present=_present, join=_join, leave=_leave, drained=_drained, ready=_ready, absent=_absent),
    rules={
        "required_if": [
            ("state", "present", ["project", "settings", "run_id", "step_id"]),
            ("state", "join", ["project", "replica", "run_id", "step_id"]),
            ("state", "leave", ["project", "name", "run_id", "step_id"]),
            ("state", "drained", ["project", "name", "run_id", "step_id"]),
            ("state", "ready", ["project", "name", "run_id", "step_id"]),
        ],
    },
)
