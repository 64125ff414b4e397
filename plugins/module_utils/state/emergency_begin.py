"""The beginning of an emergency: more instances, higher limits and Nginx's switches at once, with an end of its own.

What is undone later, and the timer that does it by itself, are there before anything is changed.
"""

from __future__ import annotations

import time
from typing import Any

from ..compose.capacity_writer import CapacityWriter
from ..compose.scale_up import Growth
from ..docker.containers import find_containers
from ..docker.engine import Engine
from ..nginx.include_files import Edge
from .act import Act, Work
from .emergency import Emergency, values_now
from .host_note import NoteOfRun
from .host_program import KeptProgram
from .lock import held_run
from .options import DOCKER, STATE, STEP
from .runs import RunRecord, moment
from .state import StateFolder
from .time_to_live import arm

__all__ = ["EMERGENCY_BEGIN"]


def _begin(work: Work) -> dict[str, Any]:
    """Refuses while another emergency is on, whoever began it."""
    given = work.params
    folder = StateFolder(given["state_folder"])
    emergency = Emergency(folder)
    emergency.refuse_another(given["run_id"])
    growth = Growth(
        given["project"], given["directory"], given["counts"], given["services"], given["capacity"] or {},
        given["urls"], given["bound_seconds"], given["drain_seconds"],
        NoteOfRun(folder, given["run_id"]).at_rest,
    )  # fmt: skip
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"])
        growth.refuse_impossible(containers)
        growth.refuse_unaccepted(engine, containers)
        if work.check_mode:
            return {"changed": bool(growth.services or given["switches"]), "seconds": {}}
        record = held_run(folder, given["run_id"])
        with record.failure_noted(given["step_id"]):
            return {"changed": True, "seconds": _carried_out(given, growth, emergency, record, engine)}


def _carried_out(
    given: dict[str, Any], growth: Growth, emergency: Emergency, record: RunRecord, engine: Engine
) -> dict[str, float]:
    began, clock = time.time(), _Clock()
    containers = find_containers(engine, given["docker_socket"])
    writer = CapacityWriter(
        emergency.folder, growth.project, growth.directory, containers, socket_path=given["docker_socket"]
    )
    record.start_step(given["step_id"], began)
    growth.note(writer, containers, record, given["step_id"])
    emergency.begin(
        {
            **given["about"],
            "run_id": given["run_id"],
            "step_id": given["step_id"],
            "project": growth.project,
            "directory": growth.directory,
            "began_at": moment(began),
            "expires_at": given["expires_at"],
            "program": given["program"],
        }
    )
    clock.lap("inverse")
    arm(KeptProgram(emergency.folder, given["program"]), emergency.folder, given["expires_at"])
    clock.lap("time to live")
    _switch_on(given, emergency.folder, record)
    clock.lap("switches")
    if growth.services:
        growth.carry_out(engine, given["docker_socket"], writer, containers)
        clock.lap("start")
        growth.wait(engine, given["docker_socket"], began)
        clock.lap("healthy")
        growth.join(emergency.folder, engine, given["docker_socket"])
        clock.lap("rotation")
    after = find_containers(engine, given["docker_socket"])
    emergency.note(set=values_now(growth.project, growth.directory, growth.services, after), seconds=clock.laps)
    record.end_step(given["step_id"], "verified", time.time())
    return clock.laps


def _switch_on(given: dict[str, Any], state: StateFolder, record: RunRecord) -> None:
    folder, edge = given["edge_folder"], Edge(state, given["docker_socket"], given["project"])
    if given["switches"]:
        edge.refuse_unread(folder)
    edge.switch_noted(record, given["step_id"], folder, dict.fromkeys(given["switches"], True))


class _Clock:
    """Where the time went."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self._last = round(now - self._last, 3), now


EMERGENCY_BEGIN = Act(
    "emergency_begin",
    {
        "project": {"type": "str", "required": True},
        "directory": {"type": "path", "required": True},
        "counts": {"type": "dict", "default": {}},
        "services": {"type": "dict", "default": {}},
        "capacity": {"type": "dict"},
        "urls": {"type": "list", "elements": "str", "default": []},
        "bound_seconds": {"type": "float", "default": 120},
        "expires_at": {"type": "float", "required": True},
        "about": {"type": "dict", "default": {}},
        "drain_seconds": {"type": "float", "default": 70},
        "switches": {"type": "list", "elements": "str", "default": []},
        "edge_folder": {"type": "path"},
        "program": {"type": "str", "required": True},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _begin,
)
