"""How many instances a service has: added without starting anything else, taken away without losing their work."""

from __future__ import annotations

import time
from typing import Any

from ..docker.containers import Container, find_containers
from ..docker.engine import Engine
from ..docker.health_gate import HEALTH_GATE
from ..docker.instances import found_instances, instances_of, newest_first, retire
from ..docker.removed_instances import Leaving, note_definitions
from ..haproxy.rotation import Rotation
from ..state.act import Act, Work, by_state
from ..state.host_note import NoteOfRun
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..state.undoing import Undoing
from ..system.failure import HostSideError
from .compose import Compose
from .new_instances import NewInstances, count_defined
from .project import read_project

__all__ = ["INSTANCES", "PART", "give_requests", "note_instances", "undo_instances", "wait_until_healthy"]

PART = "instances"
_DRAIN = 70.0  # seconds, where nothing was noted
_GATE = 120.0


def _add(work: Work) -> dict[str, Any]:
    """Bring the service to so many instances; each gets requests once it is healthy by its own word."""
    given, service = work.params, work.params["service"]
    folder = StateFolder(given["state_folder"])
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
        own = instances_of(containers, given["project"], service)
        compose = Compose(read_project(containers, given["project"], given["directory"]))
        at_rest = NoteOfRun(folder, given["run_id"]).at_rest
        variables = {service: given["variables"]}
        new = NewInstances(compose, given["docker_socket"], given["bound_seconds"], variables, at_rest=at_rest)
        resting = sum(container.name in at_rest and not container.running for container in own)
        defined = count_defined(compose, service) - resting
        count = max(defined, 0) if given["count"] is None else given["count"]
        missing = count > sum(container.running for container in own)
        if work.check_mode:
            new.refuse(engine, [service])
            return {"changed": missing, "instances": [], "diff": _difference(service, len(own), count)}
        record = held_run(folder, given["run_id"])
        _note(record, given, own, max(count + resting, len(own)))
        made = new.bring(engine, {service: count}) if missing else []
        own = found_instances(engine, given["docker_socket"], given["project"], service)
    entered = give_requests(given, own)
    rotation = Rotation(folder, given["docker_socket"], given["project"])
    followed = False
    if not rotation.serves(given["project"], service):
        wait_until_healthy(given)
    elif given["settle"]:
        followed = rotation.settle()
    changed = bool(made or entered or followed)
    return {"changed": changed, "instances": made, "diff": _difference(service, len(own) - len(made), len(own))}


def _take_away(work: Work) -> dict[str, Any]:
    """Take exactly these instances away; those that are gone already are no failure."""
    given = work.params
    folder = StateFolder(given["state_folder"])
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
        own = instances_of(containers, given["project"], given["service"])
        leaving = [container for container in own if container.name in given["names"]]
        staying = [container for container in own if container.name not in given["names"]]
        lost = any(container.running for container in leaving) and not any(container.running for container in staying)
        if leaving and (lost or not staying):
            raise HostSideError(
                f"{given['service']} would have no instance left that runs, so none was taken away.",
                kind="refused",
                rule="LB-03",
            )
        if leaving and not work.check_mode:
            record = held_run(folder, given["run_id"])
            _note(record, given, own, len(own) - len(leaving))
            leaves = Leaving(leaving, own, given["bound_seconds"], 0.0)
            note_definitions(engine, folder, record, given["step_id"], leaves)
            rotation = Rotation(folder, given["docker_socket"], given["project"])
            if rotation.serves(given["project"], given["service"]):
                rotation.leave([container.name for container in leaving], given["drain_seconds"])
            retire(leaving, given["docker_socket"], given["stop_grace"])
    names = [container.name for container in leaving]
    difference = _difference(given["service"], len(own), len(own) - len(leaving))
    return {"changed": bool(leaving), "instances": names, "diff": difference}


def _difference(service: str, before: int, after: int) -> dict[str, str]:
    return {"before": f"{service}: {before} instances\n", "after": f"{service}: {after} instances\n"}


def _note(record: RunRecord, given: dict[str, Any], own: list[Container], left: int) -> None:
    record.start_step_once(given["step_id"], time.time())
    times = {"drain_seconds": given["drain_seconds"], "stop_grace": given["stop_grace"]}
    note_instances(record, given, own, times)
    record.note_left(given["step_id"], PART, {given["service"]: {"count": left}})


def note_instances(record: RunRecord, given: dict[str, Any], own: list[Container], times: dict[str, float]) -> None:
    """Bring to the disk which instances of a service there are, before that changes.

    ``given`` are the options of the act; ``times`` is how long those that are taken away again have (seconds).
    """
    before = {
        "project": given["project"],
        "directory": given["directory"],
        "containers": [container.id for container in own],
        "gate_seconds": given["bound_seconds"],
        **times,
    }
    record.note_inverse(given["step_id"], PART, {given["service"]: before})


def give_requests(given: dict[str, Any], own: list[Container]) -> list[str]:
    """Take the running ones of these instances into rotation, where a balancer of ours stands before their service.

    Each waits for its own health for at most ``bound_seconds``. Returns the names that were not in rotation.
    """
    rotation = Rotation(StateFolder(given["state_folder"]), given["docker_socket"], given["project"])
    if not rotation.serves(given["project"], given["service"]):
        return []
    return rotation.join([container for container in own if container.running], given["bound_seconds"])


def wait_until_healthy(given: dict[str, Any], urls: list[str] | None = None, *, settling: float = 0.0) -> None:
    """Wait until all instances of the service are healthy and these addresses answer; the step goes on then.

    New ones without a health check have to run for ``settling`` seconds: a wrong address or password ends many an
    application only after it has begun, and nothing else tells.
    """
    same = ("project", "bound_seconds", "run_id", "step_id", "docker_socket", "state_folder")
    wanted = {"services": {given["service"]: {}}, "urls": urls or [], "settling_seconds": settling, "part": True}
    HEALTH_GATE.do(HEALTH_GATE.work({**wanted, **{key: given[key] for key in same}}))


def undo_instances(undoing: Undoing, inverse: dict[str, dict[str, Any]]) -> None:
    """Take away the instances that were added, newest first, and bring back those that were removed.

    By service, ``inverse`` has the ``project`` and the IDs of the ``containers`` from before; with its ``directory``
    what is missing is created again.
    """
    for service, before in sorted(inverse.items()):
        own = _present(undoing, before["project"], service)
        surplus = len(own) - len(before["containers"])
        if surplus < 0:
            _bring_back(undoing, service, before, -surplus)
        if undoing.check:
            continue
        rotation = Rotation(undoing.folder, undoing.socket_path, before["project"])
        serves = rotation.serves(before["project"], service)
        kept = [
            container
            for container in _present(undoing, before["project"], service)
            if container.id in before["containers"]
        ]
        if serves:  # what was about to leave stays
            rotation.join(kept, before.get("gate_seconds", _GATE))
        added = newest_first([container for container in own if container.id not in before["containers"]])
        added = _but_the_last(undoing, service, added[: max(0, surplus)], own)
        if serves:
            rotation.leave([container.name for container in added], before.get("drain_seconds", _DRAIN))
        retire(added, undoing.socket_path, before.get("stop_grace", 0.0), volumes=True)
        undoing.done.extend(f"{container.name} was stopped and removed." for container in added)


def _but_the_last(undoing: Undoing, service: str, leaving: list[Container], own: list[Container]) -> list[Container]:
    """Those that may go: where all others were stopped since, one of them is the last that runs, and stays."""
    staying = [container for container in own if container not in leaving]
    running = [container for container in leaving if container.running]
    if not running or not staying or any(container.running for container in staying):
        return leaving
    kept = running[-1]
    undoing.notes.append(f"{kept.name} stays: no other instance of {service} runs.")
    return [container for container in leaving if container.id != kept.id]


def _bring_back(undoing: Undoing, service: str, before: dict[str, Any], missing: int) -> None:
    """Create instances in place of removed ones; the Compose files are as before by now."""
    if "directory" not in before:
        undoing.notes.append(f"{service} has {missing} instances fewer than before.")
        return
    if undoing.check:
        undoing.done.append(f"{service} would get {missing} instances again.")
        return
    wanted = len(before["containers"])
    with Engine(undoing.socket_path) as engine:
        containers = find_containers(engine, undoing.socket_path, before["project"])
        compose = Compose(read_project(containers, before["project"], before["directory"]))
        present = instances_of(containers, before["project"], service)
        resting = [container.name for container in present if _rests(undoing, container)]
        new = NewInstances(compose, undoing.socket_path, before["gate_seconds"], at_rest=resting)
        new.bring(engine, {service: wanted - len(resting)})
    rotation = Rotation(undoing.folder, undoing.socket_path, before["project"])
    rotation.join(_present(undoing, before["project"], service), before["gate_seconds"])
    undoing.done.append(f"{service} has {wanted} instances again.")


def _rests(undoing: Undoing, container: Container) -> bool:
    """Whether somebody else has stopped it: before the Run, or after it was done."""
    return not container.running and (
        container.name in undoing.at_rest or bool(undoing.done_at and container.state == "exited")
    )


def _present(undoing: Undoing, project: str, service: str) -> list[Container]:
    with Engine(undoing.socket_path) as engine:
        return instances_of(find_containers(engine, undoing.socket_path), project, service)


INSTANCES = Act(
    "instances",
    {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "project": {"type": "str", "required": True},
        "directory": {"type": "path"},
        "service": {"type": "str", "required": True},
        "count": {"type": "int"},
        "names": {"type": "list", "elements": "str"},
        "variables": {"type": "list", "elements": "str", "default": []},
        "settle": {"type": "bool", "default": False},
        "drain_seconds": {"type": "float", "default": 70},
        "stop_grace": {"type": "float", "default": 0},
        "bound_seconds": {"type": "float", "default": 120},
        **STEP,
        **DOCKER,
        **STATE,
    },
    by_state(present=_add, absent=_take_away),
    rules={"required_if": [("state", "absent", ["names"])]},
)
