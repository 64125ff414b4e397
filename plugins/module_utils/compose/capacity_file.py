"""Our capacity file beside an app's Compose files: written, put back, taken away."""

from __future__ import annotations

import os
import time
from typing import Any

from ..compose import dotenv
from ..docker.containers import find_containers
from ..docker.dry_creation import refuse_unaccepted_limits
from ..docker.engine import Engine
from ..docker.kept_limits import kept_memory_limits, with_memory_limits
from ..docker.limits import ContainerLimits, wanted_for
from ..state.act import Act, Work, by_state
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..state.undoing import Undoing
from .capacity import limits_written, parse, render
from .capacity_records import known_places
from .capacity_writer import CapacityWriter
from .entry import COMPOSE_FILE
from .files_in_force import CAPACITY_FILE
from .our_file import OVERRIDE_FILE
from .project_files import Content

__all__ = ["CAPACITY_FILE_ACT", "undo_capacity_file"]


def _present(work: Work) -> dict[str, Any]:
    given = work.params
    folder = StateFolder(given["state_folder"])
    writer = _writer(folder, given)
    text = render(given["services"])
    attachment = writer.attachment()
    result = _result(writer, text)
    if result["changed"]:
        _refuse_unaccepted(given, writer.text)
    if result["changed"] and not work.check_mode:
        _write(writer, given, held_run(folder, given["run_id"]), text)
    return {
        **result,
        "files": [*writer.team, attachment.file],
        "notes": [attachment.note] if attachment.note else [],
    }


def _refuse_unaccepted(given: dict[str, Any], before: str | None) -> None:
    """Raise where Docker would not create a container with the limits that the file is to give it."""
    known = (parse(before).get("services") or {}) if before else {}
    changed = {name: keys for name, keys in given["services"].items() if keys != known.get(name)}
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
        first = {str(container.service): container for container in containers if container.service in changed}
        wanted = [
            (container, wanted_for(limits_written(changed[name]), container))
            for name, container in sorted(first.items())
        ]
        refuse_unaccepted_limits(
            engine, [(container, limits) for container, limits in wanted if limits != ContainerLimits.of(container)]
        )


def _write(writer: CapacityWriter, given: dict[str, Any], record: RunRecord, text: str) -> None:
    step_id = given["step_id"]
    record.start_step_once(step_id, time.time())
    record.note_inverse(step_id, "capacity_file", writer.inverse())
    record.note_left(step_id, "capacity_file", writer.left(given["services"]))
    with record.failure_noted(step_id):
        writer.write(text)


def _absent(work: Work) -> dict[str, Any]:
    folder = StateFolder(work.params["state_folder"])
    diffs, removed_from = [], []
    for project, directory in known_places(folder, work.params["project"]):
        writer = CapacityWriter(folder, project, directory, socket_path=work.params["docker_socket"])
        diffs += _result(writer, None)["diff"]
        removed_from.append(directory)
        if not work.check_mode:
            writer.remove()
    return {"changed": bool(removed_from), "removed_from": removed_from, "diff": diffs}


def _writer(folder: StateFolder, given: dict[str, Any]) -> CapacityWriter:
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
    return CapacityWriter(folder, given["project"], given["directory"], containers, socket_path=given["docker_socket"])


def _result(writer: CapacityWriter, text: str | None) -> dict[str, Any]:
    """The difference; of ``.env`` only the entry is shown, since the rest may be secret."""
    changes = writer.changes(text)
    return {"changed": bool(changes), "diff": [_shown(path, *change) for path, change in changes.items()]}


def _shown(path: str, *contents: Content) -> dict[str, str]:
    name = os.path.basename(path)
    texts = []
    for content in contents:
        if name in (CAPACITY_FILE, OVERRIDE_FILE):
            texts.append((content or b"").decode("utf-8", "replace"))
        else:
            entry = dotenv.find_entry(content or b"", COMPOSE_FILE)
            texts.append(f"{COMPOSE_FILE}={entry.raw.decode('utf-8', 'replace')}\n" if entry else "")
    return {"before_header": name, "after_header": name, "before": texts[0], "after": texts[1]}


def undo_capacity_file(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Put the capacity file and the entry in ``.env`` back."""
    project, directory = inverse["project"], inverse["directory"]
    with Engine(undoing.socket_path) as engine:
        present = find_containers(engine, undoing.socket_path, project)
    writer = CapacityWriter(undoing.folder, project, directory, present, socket_path=undoing.socket_path)
    kept = kept_memory_limits(undoing.limits, present, project, writer.text)
    if undoing.check or writer.undo(inverse, undoing.left.get("capacity_file")):
        if kept and not undoing.check:
            writer.write(with_memory_limits(writer.text, kept))
        undoing.done.append(f"The Compose files in {directory} are as before.")


CAPACITY_FILE_ACT = Act(
    "capacity_file",
    {
        "project": {"type": "str"},
        "directory": {"type": "path"},
        "services": {"type": "dict"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        **STEP_IF_PRESENT,
        **DOCKER,
        **STATE,
    },
    by_state(present=_present, absent=_absent),
    rules={"required_if": [("state", "present", ["project", "directory", "services", "run_id", "step_id"])]},
)
