"""Limits of running containers, changed in place and put back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ..state.act import Act, Work
from ..state.lock import held_run
from ..state.options import DOCKER, STATE, STEP
from ..state.runs import RunRecord
from ..state.state import StateFolder
from ..state.undoing import Undoing
from ..system.failure import HostSideError
from .containers import Container, find_containers
from .dry_creation import refuse_unaccepted_limits
from .engine import Engine
from .instances import instances_of
from .kept_definitions import KeptDefinitions
from .limits import (
    Capability,
    ContainerLimits,
    change_of,
    describe,
    inverse_of,
    refuse_shrinking,
    restoration,
    wanted_for,
)

__all__ = ["CONTAINER_LIMITS", "undo_limits"]

_OF_LATE = 600.0  # seconds; Docker waits at most one minute before it restarts what was killed


@dataclass(frozen=True)
class ContainerChange:
    """One container with what it should have; ``body`` is what Docker is asked for, empty when it has it already."""

    container: Container
    wanted: ContainerLimits
    body: dict[str, int]


def _limit(work: Work) -> dict[str, Any]:
    given = work.params
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
        host = Capability.parse(engine.info())
        changes = _changes(containers, given["services"], given["project"], host)
        later = _changes(containers, given["recreated"], given["project"], host)
        for change in changes:
            if change.body:
                refuse_shrinking(change.container, change.wanted, given["shrink_margin"])
        first = {change.container.service: change for change in (*changes, *later) if change.body}
        wanted = [(change.container, change.wanted) for change in first.values()]
        refuse_unaccepted_limits(engine, wanted, written=False)
        if not work.check_mode:
            record = held_run(StateFolder(given["state_folder"]), given["run_id"])
            _carry_out(engine, changes, record, given["step_id"])
    return _result(changes)


def _changes(
    containers: list[Container], services: dict[str, dict[str, Any]], project: str, host: Capability
) -> list[ContainerChange]:
    changes = []
    for service, limits in sorted(services.items()):
        own = [container for container in containers if container.service == service]
        if not own:
            raise HostSideError(
                f"Service {service} of project {project} has no container here.",
                kind="refused",
                rule="mapping",
            )
        for container in own:
            wanted = wanted_for(limits, container)
            changes.append(ContainerChange(container, wanted, change_of(container, wanted, host)))
    return changes


def _carry_out(engine: Engine, changes: list[ContainerChange], record: RunRecord, step_id: str) -> None:
    record.start_step(step_id, time.time())
    differing = [change for change in changes if change.body]
    if differing:
        killed = _killed_for_memory(engine, [change.container for change in differing])
        inverse = {
            change.container.id: inverse_of(change.container, oom_killed=change.container.id in killed)
            for change in differing
        }
        record.note_inverse(step_id, "containers", inverse)
    done: list[str] = []
    for change in differing:
        try:
            engine.update(change.container.id, change.body)
        except HostSideError as failure:
            before = f" Changed before that: {', '.join(done)}." if done else " No container was changed."
            sentence = f"{change.container.name} could not be changed: {failure.sentence}{before}"
            record.end_step(step_id, "failed", time.time(), sentence)
            raise HostSideError(sentence, kind="docker") from failure
        done.append(change.container.name)
    record.note_seen(step_id, {"limits_changed": time.time()})
    _note_left(engine, differing, record, step_id)


def _note_left(engine: Engine, changes: list[ContainerChange], record: RunRecord, step_id: str) -> None:
    """What Docker made of it, for a later rollback to compare with."""
    answers = {change.container.id: engine.inspect(change.container.id) for change in changes}
    left = {name: ContainerLimits.of(Container.parse(answer)).result() for name, answer in answers.items() if answer}
    if left:
        record.note_left(step_id, "containers", left)


def _killed_for_memory(engine: Engine, containers: list[Container]) -> set[str]:
    """The IDs of those that were killed for want of memory of late, so that their limits must not come back."""
    now = time.time()
    events = engine.events(["oom"], now - _OF_LATE, now)
    killed = {str((event.get("Actor") or {}).get("ID", event.get("id"))) for event in events}
    return {container.id for container in containers if container.oom_killed or container.id in killed}


def _result(changes: list[ContainerChange]) -> dict[str, Any]:
    differing = [change for change in changes if change.body]
    return {
        "changed": bool(differing),
        "containers": [
            {
                "name": change.container.name,
                "id": change.container.id,
                "service": change.container.service,
                "before": ContainerLimits.of(change.container).result(),
                "after": (change.wanted if change.body else ContainerLimits.of(change.container)).result(),
                "changed": bool(change.body),
            }
            for change in changes
        ],
        "notes": [note for change in differing for note in _notes(change.container)],
        "diff": {
            "before": "".join(
                f"{change.container.name}: {describe(ContainerLimits.of(change.container))}\n" for change in differing
            ),
            "after": "".join(f"{change.container.name}: {describe(change.wanted)}\n" for change in differing),
        },
    }


def _notes(container: Container) -> list[str]:
    if container.cpus is not None:
        return []
    return [f"{container.name} has no limit of cpus; a rollback sets the host's total in its place."]


def undo_limits(undoing: Undoing, inverse: dict[str, dict[str, Any]]) -> None:
    """Put the limits of containers back."""
    with Engine(undoing.socket_path) as engine:
        present = find_containers(engine, undoing.socket_path)
        host = Capability.parse(engine.info())
        ours = KeptDefinitions(undoing.folder, undoing.run_id).made_again.values()
        for before, container in _pairs(inverse, present):
            others = container is not None and container.id not in inverse and container.id not in ours
            if container is not None and others and not any(container.name in note for note in undoing.notes):
                undoing.notes.append(f"{container.name} was made again meanwhile, from the Compose files in force.")
            _undo_limits_of(undoing, engine, container, before, host)


def _undo_limits_of(
    undoing: Undoing, engine: Engine, container: Container | None, before: dict[str, Any], host: Capability
) -> None:
    if container is None:
        undoing.notes.append(f"{before['name']} is gone, so nothing of it was put back.")
        return
    wanted = restoration(before, container, host)
    if wanted.difference:
        undoing.failures.append(wanted.difference)
    if not wanted.body:
        return
    if not undoing.check:
        engine.update(container.id, wanted.body)
    if not wanted.difference:
        limits = describe(ContainerLimits(before["memory"], before["swap"], before["cpus"]))
        undoing.done.append(f"{container.name}: {limits}.")
    if wanted.note:
        undoing.notes.append(wanted.note)


def _pairs(
    inverse: dict[str, dict[str, Any]], present: list[Container]
) -> list[tuple[dict[str, Any], Container | None]]:
    """Each record with the container it is about: the same one, or else one that was made in its place since."""
    same = {container.id: container for container in present if container.id in inverse}
    heirs = [container for container in present if container.id not in inverse and container.service]
    pairs: list[tuple[dict[str, Any], Container | None]] = []
    for name, before in inverse.items():
        container = same.get(name)
        if container is None:
            of_service = instances_of(heirs, before["project"], before["service"])
            container = next(iter(sorted(of_service, key=lambda container: container.name != before["name"])), None)
            heirs = [heir for heir in heirs if heir is not container]
        pairs.append((before, container))
    return pairs


CONTAINER_LIMITS = Act(
    "container_limits",
    {
        "project": {"type": "str", "required": True},
        "services": {"type": "dict", "required": True},
        "recreated": {"type": "dict", "default": {}},
        "shrink_margin": {"type": "float", "required": True},
        **STEP,
        **DOCKER,
        **STATE,
    },
    _limit,
)
