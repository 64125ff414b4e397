"""Stop services in an order, and start again exactly what ran before, the last first; which is also its undoing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..state.act import Act, Work
from ..state.lock import begun_step
from ..state.options import DOCKER, STATE, STEP
from ..state.runs import RunRecord
from ..state.undoing import Undoing
from ..system.failure import HostSideError
from ..system.waiting import complaint_left
from .containers import Container, find_containers
from .engine import Engine
from .instances import found_instances

__all__ = ["PART", "SERVICES_START", "SERVICES_STOP", "start_again", "stop_services", "undo_stopped"]

PART = "stopped"
_BOUND = 300.0  # seconds until a service that is started again must be healthy
_RAN = ("running", "restarting", "paused")


def stop_services(
    record: RunRecord,
    step_id: str,
    project: str,
    order: Iterable[str],
    graces: Mapping[str, float],
    socket_path: str,
) -> list[str]:
    """Stop the running containers of each service, all of one service at once, and return their names.

    What ran is noted before anything is stopped. A container has at least the service's grace (seconds) to end what it
    has begun, and its own where that is longer.
    """
    stopped: list[str] = []
    with Engine(socket_path) as engine:
        by_service = _running(engine, socket_path, project)
    wanted = [container for service in order for container in by_service.get(service, ())]
    record.note_inverse(step_id, PART, {container.id: _about(container) for container in wanted})
    for service in order:
        containers = by_service.get(service, [])
        grace = graces.get(service, 0.0)
        with ThreadPoolExecutor(max(1, len(containers))) as pool:
            jobs = [
                pool.submit(_stop, container, max(container.stop_grace, grace), socket_path) for container in containers
            ]
            for job in jobs:
                job.result()
        stopped += [container.name for container in containers]
    return stopped


def start_again(
    inverse: Mapping[str, Mapping[str, Any]], socket_path: str, bound: float
) -> tuple[list[str], list[str]]:
    """Start what ``inverse`` noted, the service stopped last first, each healthy before the next is started.

    Returns the names of what was started, and notes about what is gone. A container that was made anew meanwhile
    stands for the one that was noted. Raises ``HostSideError`` of kind ``gate`` when a service is not healthy within
    ``bound`` seconds.
    """
    started: list[str] = []
    notes: list[str] = []
    services = list(dict.fromkeys((str(noted["project"]), str(noted["service"])) for noted in inverse.values()))
    with Engine(socket_path) as engine:
        for project, service in reversed(services):
            noted = [
                name for name, entry in inverse.items() if (entry["project"], entry["service"]) == (project, service)
            ]
            there = found_instances(engine, socket_path, project, service)
            missing = len(noted) - len(there)
            if missing > 0:
                notes.append(f"{service} has {missing} containers fewer than before.")
            wanted = sorted(there, key=lambda one: one.id not in noted)[: len(noted)]
            for container in wanted:
                if not container.running:
                    engine.start(container.id)
                    started.append(container.name)
            _wait_healthy(engine, socket_path, project, service, {container.id for container in wanted}, bound)
    return started, notes


def _running(engine: Engine, socket_path: str, project: str) -> dict[str, list[Container]]:
    by_service: dict[str, list[Container]] = {}
    for container in find_containers(engine, socket_path, project):
        if container.service and container.state in _RAN:
            by_service.setdefault(container.service, []).append(container)
    return by_service


def _about(container: Container) -> dict[str, Any]:
    return {"name": container.name, "project": container.project, "service": container.service}


def _stop(container: Container, grace: float, socket_path: str) -> None:
    with Engine(socket_path) as engine:
        engine.stop(container.id, grace)


def _wait_healthy(engine: Engine, socket_path: str, project: str, service: str, wanted: set[str], bound: float) -> None:
    def complaint() -> str:
        own = [each for each in found_instances(engine, socket_path, project, service) if each.id in wanted]
        first = next((each for each in own if not each.running or each.health not in (None, "healthy")), None)
        return "" if first is None else f"{first.name} is {first.health if first.running else first.state}"

    left = complaint_left(complaint, bound)
    if left:
        raise HostSideError(f"{left} {bound:.0f} s after it was started.", kind="gate")


def _stop_in_order(work: Work) -> dict[str, Any]:
    given = work.params
    if work.check_mode:
        return {"changed": True, "stopped": []}
    record = begun_step(given)
    graces = {name: float(seconds) for name, seconds in given["graces"].items()}
    stopped = stop_services(record, given["step_id"], given["project"], given["order"], graces, given["docker_socket"])
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": bool(stopped), "stopped": stopped}


def _start_what_ran(work: Work) -> dict[str, Any]:
    given = work.params
    if work.check_mode:
        return {"changed": True, "started": [], "notes": []}
    record = begun_step(given)
    started: list[str] = []
    notes: list[str] = []
    with record.failure_noted(given["step_id"]):
        for step in given["steps"]:
            noted = (record.step(step).get("inverse") or {}).get(PART) or {}
            these, those = start_again(noted, given["docker_socket"], given["bound_seconds"])
            started, notes = started + these, notes + those
    record.end_step(given["step_id"], "verified", time.time(), " ".join(notes))
    return {"changed": bool(started), "started": started, "notes": notes}


def undo_stopped(undoing: Undoing, inverse: dict[str, dict[str, Any]]) -> None:
    """Start what ran before, the service stopped last first."""
    if undoing.check:
        undoing.done.append(f"{len(inverse)} containers would be started again.")
        return
    started, notes = start_again(inverse, undoing.socket_path, _BOUND)
    if started:
        undoing.done.append(f"{', '.join(started)} run again.")
    undoing.notes.extend(notes)


SERVICES_STOP = Act(
    "services_stop",
    {
        "project": {"type": "str", "required": True},
        "order": {"type": "list", "elements": "str", "required": True},
        "graces": {"type": "dict", "default": {}},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _stop_in_order,
)

SERVICES_START = Act(
    "services_start",
    {
        "steps": {"type": "list", "elements": "str", "required": True},
        "bound_seconds": {"type": "float", "default": 120},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _start_what_ran,
)
