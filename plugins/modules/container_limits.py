#!/usr/bin/python
"""Change limits of running containers in place."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_limits
short_description: Change memory, swap and CPU limits of a service's containers in place
version_added: "0.1.0"
description:
  - Nothing is restarted. Memory and swap change together; a container that has the limits already is left alone.
  - How it is undone is on the host's disk before the first container is touched.
  - A memory limit below what a container uses now plus O(shrink_margin) is refused, before any container is touched.
    So is a limit that the engine would not create the container with, such as one below its reservation. This is proved
    by a container that is created and removed again without being started.
  - The containers stay changed until they are recreated, so M(selextract.infra.capacity_file) writes the same limits
    down.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project.
    type: str
    required: true
  services:
    description:
      - By service, the limits of each of its containers. A value that is missing or null stays as it is.
      - C(memory) in bytes; C(swap) in bytes is memory and swap together, by default equal to memory; C(cpus) in cores.
    type: dict
    required: true
  recreated:
    description: Limits as in O(services) of services whose containers are recreated later. Nothing of them is changed
      here; it is only proved that the engine would create them so.
    type: dict
    default: {}
  shrink_margin:
    description: How much room above present use a lowered memory limit must leave, as a ratio.
    type: float
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
  diff_mode: {description: Shows the limits before and after., support: full}
"""

EXAMPLES = r"""
- name: Set limits in place
  selextract.infra.container_limits:
    project: selextract
    services:
      api: {memory: 1610612736, cpus: 1.5}
    shrink_margin: 0.1
    run_id: 20260301T020000-9f3ac1
    step_id: rightsize-app1
"""

RETURN = r"""
containers:
  description: Every container with its limits before and after.
  type: list
  elements: dict
  returned: always
notes: {description: Sentences about what cannot be undone exactly., type: list, elements: str, returned: always}
"""

import time
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.containers import Container, find_containers
from ..module_utils.docker.dry_creation import refuse_unaccepted_limits
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.limits import (
    Capability,
    Limits,
    change_of,
    describe,
    inverse_of,
    refuse_shrinking,
    wanted_for,
)
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError

_OF_LATE = 600.0  # seconds; Docker waits at most one minute before it restarts what was killed


@dataclass(frozen=True)
class Change:
    """One container with what it should have; ``body`` is what Docker is asked for, empty when it has it already."""

    container: Container
    wanted: Limits
    body: dict[str, int]


def main() -> None:
    run(
        _limit,
        {
            "project": {"type": "str", "required": True},
            "services": {"type": "dict", "required": True},
            "recreated": {"type": "dict", "default": {}},
            "shrink_margin": {"type": "float", "required": True},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _limit(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
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
        if not module.check_mode:
            record = held_run(StateFolder(given["state_folder"]), given["run_id"])
            _carry_out(engine, changes, record, given["step_id"])
    return _result(changes)


def _changes(
    containers: list[Container], services: dict[str, dict[str, Any]], project: str, host: Capability
) -> list[Change]:
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
            changes.append(Change(container, wanted, change_of(container, wanted, host)))
    return changes


def _carry_out(engine: Engine, changes: list[Change], record: RunRecord, step_id: str) -> None:
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


def _note_left(engine: Engine, changes: list[Change], record: RunRecord, step_id: str) -> None:
    """What Docker made of it, for a later rollback to compare with."""
    answers = {change.container.id: engine.inspect(change.container.id) for change in changes}
    left = {name: Limits.of(Container.parse(answer)).result() for name, answer in answers.items() if answer}
    if left:
        record.note_left(step_id, "containers", left)


def _killed_for_memory(engine: Engine, containers: list[Container]) -> set[str]:
    """The IDs of those that were killed for want of memory of late, so that their limits must not come back."""
    now = time.time()
    events = engine.events(["oom"], now - _OF_LATE, now)
    killed = {str((event.get("Actor") or {}).get("ID", event.get("id"))) for event in events}
    return {one.id for one in containers if one.oom_killed or one.id in killed}


def _result(changes: list[Change]) -> dict[str, Any]:
    differing = [change for change in changes if change.body]
    return {
        "changed": bool(differing),
        "containers": [
            {
                "name": change.container.name,
                "id": change.container.id,
                "service": change.container.service,
                "before": Limits.of(change.container).result(),
                "after": (change.wanted if change.body else Limits.of(change.container)).result(),
                "changed": bool(change.body),
            }
            for change in changes
        ],
        "notes": [note for change in differing for note in _notes(change.container)],
        "diff": {
            "before": "".join(f"{one.container.name}: {describe(Limits.of(one.container))}\n" for one in differing),
            "after": "".join(f"{one.container.name}: {describe(one.wanted)}\n" for one in differing),
        },
    }


def _notes(container: Container) -> list[str]:
    if container.cpus is not None:
        return []
    return [f"{container.name} has no limit of cpus; a rollback sets the host's total in its place."]


if __name__ == "__main__":
    main()
