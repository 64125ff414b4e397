"""PgBouncer in front of the Postgres of a project, as one act, and its undoing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..docker.containers import find_containers
from ..docker.engine import Engine
from ..docker.removed_instances import PART as DEFINITIONS
from ..state.act import Act, Work
from ..state.lock import begun_step
from ..state.options import DOCKER, STATE, STEP_IF_PRESENT
from ..state.state import StateFolder
from ..state.undoing import Undoing
from .folder import Place, known_projects
from .ini import rendered
from .pooled_instances import Keeping, led_otherwise
from .pooler import Pooler

__all__ = ["PGBOUNCER", "led_astray", "undo_pgbouncer"]

_BOUND = 60.0  # seconds
_LAST_CLIENT = 15.0  # seconds for connections of instances that were led back


def _pool(work: Work) -> dict[str, Any]:
    given = work.params
    folder = StateFolder(given["state_folder"])
    with Engine(given["docker_socket"], timeout=given["bound_seconds"]) as engine:
        names = [given["project"]] if given["project"] else known_projects(folder)
        poolers = [Pooler(engine, given["docker_socket"], folder, name, given["bound_seconds"]) for name in names]
        if given["state"] == "present":
            return _present(work, poolers[0])
        each = [_absent(work, pooler) for pooler in poolers]
    return {
        "changed": any(result["changed"] for result in each),
        "done": ", ".join(result["done"] for result in each) or "nothing",
        "diff": [result["diff"] for result in each],
    }


def _present(work: Work, pooler: Pooler) -> dict[str, Any]:
    wanted, replace = work.params["wanted"], work.params["replace"]
    before = pooler.place.text() or ""
    pooler.refuse(wanted)
    differences = pooler.differences(wanted)
    changed, done = bool(differences) or replace, "nothing"
    if not work.check_mode:
        done = _recorded(
            work,
            {"before": pooler.place.record(), "since": wanted},
            lambda _keeping: pooler.put_up(wanted, replace=replace) if changed else "nothing",
        )
    return {
        "unproved": pooler.unproved,
        "changed": changed,
        "done": done,
        "differences": differences,
        "diff": {
            "before_header": "pgbouncer.ini",
            "after_header": "pgbouncer.ini",
            "before": before,
            "after": rendered(wanted),
        },
    }


def _absent(work: Work, pooler: Pooler) -> dict[str, Any]:
    record, before = pooler.place.record(), pooler.place.text() or ""
    if record is not None and not work.check_mode:
        bound = work.params["bound_seconds"]
        if work.params["run_id"] is None:
            pooler.take_down(record, bound=bound)
        else:
            _recorded(
                work,
                {"before": record, "since": record},
                lambda keeping: pooler.take_down(record, bound=bound, keeping=keeping),
            )
    diff = {"before_header": "pgbouncer.ini", "after_header": "pgbouncer.ini", "before": before, "after": ""}
    return {"changed": record is not None, "done": "taken down" if record else "nothing", "diff": diff}


def _recorded(work: Work, inverse: dict[str, Any], change: Callable[[Keeping], Any]) -> Any:
    """Make the change as part of a step of the Run: its way back is on the disk before it begins."""
    record, step = begun_step(work.params), work.params["step_id"]
    # Noted first, so undone last: an instance that is led to PgBouncer comes back once that is there.
    record.note_inverse(step, DEFINITIONS, {})
    project, gone = work.params["project"], work.params["state"] == "absent"
    record.note_inverse(step, "pgbouncer", {project: inverse})
    record.note_left(step, "pgbouncer", {project: {"record": None if gone else inverse["since"]}})
    with record.failure_noted(step):
        done = change(Keeping(record, step))
    record.end_step(step, "verified", time.time())
    return done


def undo_pgbouncer(undoing: Undoing, inverse: dict[str, Any]) -> None:
    """Back to the settings from before; taken down where there was none, unless somebody still needs it."""
    for project, noted in inverse.items():
        before, since = noted["before"], noted["since"]
        with Engine(undoing.socket_path) as engine:
            pooler = Pooler(engine, undoing.socket_path, undoing.folder, project, _BOUND)
            if before is None:
                _take_away(undoing, pooler, since)
            elif not undoing.check and pooler.differences(before):
                pooler.put_up(before, replace=False)
                undoing.done.append("PgBouncer has its settings from before.")


def led_astray(socket_path: str, folder: StateFolder) -> list[str]:
    """After something was put back: the instances that still go another way to their database than the files say."""
    astray = []
    for project in known_projects(folder):
        variables = (Place(folder, project).record() or {}).get("variables") or {}
        if not variables:
            continue
        with Engine(socket_path) as engine:
            containers = find_containers(engine, socket_path, project)
            astray += led_otherwise(engine, containers, project, variables)
    return [f"{name} finds its database elsewhere than the Compose files say." for name in astray]


def _take_away(undoing: Undoing, pooler: Pooler, since: dict[str, Any]) -> None:
    if not pooler.place.exists and pooler.container is None:
        return
    if not undoing.check:
        led_back = pooler.take_down(since, bound=_LAST_CLIENT)
        undoing.done.extend(f"{name} was made again and leads to its database." for name in led_back)
    undoing.done.append("PgBouncer was taken away again.")


PGBOUNCER = Act(
    "pgbouncer",
    {
        "project": {"type": "str"},
        "wanted": {"type": "dict"},
        "replace": {"type": "bool", "default": False},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "bound_seconds": {"type": "float", "default": 60},
        **STEP_IF_PRESENT,
        **DOCKER,
        **STATE,
    },
    _pool,
    rules={"required_if": [("state", "present", ["project", "wanted", "run_id", "step_id"])]},
)
