"""What must hold at the end of a step, before it is called verified."""

from __future__ import annotations

import time
from typing import Any

from ..compose.compose import Compose
from ..compose.outdated import outdated_among
from ..compose.project import read_project
from ..state.act import Act, Work
from ..state.host_note import NoteOfRun
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..system.failure import HostSideError
from .containers import Container, find_containers
from .engine import Engine
from .gate import Gate, not_proved_text, resting_text
from .settling import Settling

__all__ = ["HEALTH_GATE"]

_PAUSE = 0.5  # seconds between two looks


def _check(work: Work) -> dict[str, Any]:
    given = work.params
    if work.check_mode:
        return {"changed": False, "verified": False, "waited": 0.0, "not_proved": [], "sentence": ""}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    began = time.monotonic()
    with record.failure_noted(given["step_id"]):
        not_proved, resting = _wait(given, record)
    sentence = " ".join(text for text in (not_proved_text(not_proved), resting_text(resting)) if text)
    if not given["part"]:
        record.end_step(given["step_id"], "verified", time.time(), sentence)
    return {
        "changed": False,
        "verified": True,
        "waited": round(time.monotonic() - began, 2),
        "not_proved": not_proved,
        "sentence": sentence,
    }


def _wait(given: dict[str, Any], record: RunRecord) -> tuple[list[str], list[Container]]:
    """Wait until everything holds.

    Returns the services of which it is not proved that they serve, and the instances that stay stopped as they were.
    """
    step, began = record.step(given["step_id"]), record.began(given["step_id"], time.time())
    in_place = (step.get("inverse") or {}).get("containers") or {}
    gate = Gate(
        given["project"],
        given["services"],
        given["urls"],
        began,
        in_place,
        {service: int(count) for service, count in given["counts"].items()},
        (step.get("seen") or {}).get("limits_changed", 0.0),
        NoteOfRun(StateFolder(given["state_folder"]), given["run_id"]).at_rest,
    )
    settling = Settling(given["settling_seconds"], began, in_place)
    start = time.monotonic()
    with Engine(given["docker_socket"]) as engine:
        while True:
            complaint = gate.complaint(engine, given["docker_socket"], time.time())
            containers = find_containers(engine, given["docker_socket"], given["project"])
            resting = gate.resting(containers)
            own = [
                container
                for container in containers
                if container.service in given["services"] and container not in resting
            ]
            # Within a step what a health check says is enough; at its end everything has to have settled.
            settle = [container for container in own if container.health is None] if given["part"] else own
            unsettled = settling.complaint(settle, time.time())
            complaint = complaint or unsettled
            if complaint is None:
                _refuse_outdated(engine, given, gate)
                unchecked = {str(container.service) for container in own if container.health is None}
                return sorted(unchecked - set(given["answering"])), resting
            bound = given["bound_seconds"] + settling.longest(settle)
            if time.monotonic() >= start + bound:
                raise HostSideError(f"After {bound:.0f} s {complaint}.", kind="gate")
            time.sleep(_PAUSE)


def _refuse_outdated(engine: Engine, given: dict[str, Any], gate: Gate) -> None:
    """Waiting does not make a container another one, so it is asked once, after all else holds."""
    if given["settled_in"] is None:
        return
    containers = find_containers(engine, given["docker_socket"], given["project"])
    compose = Compose(read_project(containers, given["project"], given["settled_in"]))
    resting = gate.resting(containers)
    outdated = [
        container for container in outdated_among(compose, given["services"], containers) if container not in resting
    ]
    if outdated:
        names = ", ".join(container.name for container in outdated)
        raise HostSideError(f"{names} was not made from the Compose files in force.", kind="gate")


HEALTH_GATE = Act(
    "health_gate",
    {
        "project": {"type": "str", "required": True},
        "services": {"type": "dict", "default": {}},
        "settled_in": {"type": "path"},
        "counts": {"type": "dict", "default": {}},
        "urls": {"type": "list", "elements": "str", "default": []},
        "bound_seconds": {"type": "float", "default": 60},
        "settling_seconds": {"type": "float", "default": 0},
        "answering": {"type": "list", "elements": "str", "default": []},
        **STEP,
        "part": {"type": "bool", "default": False},
        **DOCKER,
        **STATE,
    },
    _check,
)
