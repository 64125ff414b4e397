#!/usr/bin/python
"""Begin an emergency on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: emergency_begin
short_description: Begin an emergency on a host, with an end of its own
version_added: "0.1.0"
description:
  - Takes the lock of the host, or extends its lease where the Run has it already. Where somebody else is at work it
    does nothing, and says whose the lock is.
  - Refuses while another emergency is on, whoever began it.
  - What is undone later, and a timer of systemd that does it by itself at O(expires_at), are there before anything is
    changed. The timer needs no control machine and outlives a reboot.
  - Then turns switches of Nginx on, writes the capacity file, starts the further instances of all services at once,
    raises limits in place, waits until every instance is healthy, and takes the new ones into rotation.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project.
    type: str
    required: true
  directory:
    description: The folder its Compose files are in.
    type: path
    required: true
  counts:
    description: By service, how many instances there shall be.
    type: dict
    default: {}
  services:
    description: By service, the limits of each of its containers, as for M(selextract.infra.container_limits).
    type: dict
    default: {}
  capacity:
    description: The whole wanted content of the capacity file, by service; none where nothing of it changes.
    type: dict
  urls:
    description: Addresses that must answer 2xx on the host itself.
    type: list
    elements: str
    default: []
  bound_seconds:
    description: How long to wait at most for the instances.
    type: float
    default: 120
  expires_at:
    description: When it ends by itself, in Unix seconds.
    type: float
    required: true
  about:
    description: What is told of it, such as its severity and who began it.
    type: dict
    default: {}
  drain_seconds:
    description: The longest time that a leaving instance gets later for the requests it holds.
    type: float
    default: 70
  switches:
    description: Switches of Nginx that are turned on, as for M(selextract.infra.edge_switch).
    type: list
    elements: str
    default: []
  edge_folder:
    description: Nginx's include folder on the host; required for O(switches).
    type: path
extends_documentation_fragment:
  - selextract.infra.options.claim
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether it could begin., support: full}
"""

EXAMPLES = r"""
- name: Begin the emergency
  selextract.infra.emergency_begin:
    project: selextract
    directory: /opt/selextract
    counts: {api: 4, worker: 6}
    capacity:
      api: {scale: 4}
      worker: {scale: 6}
    switches: [throttling]
    edge_folder: /opt/selextract/nginx.d
    expires_at: 1772330400
    owner: ops@control
    purpose: emergency app1
    operation: emergency
    run_id: 20260301T020000-9f3ac1
    step_id: emergency
"""

RETURN = r"""
acquired: {description: Whether the lock is ours., type: bool, returned: always}
holder:
  description: Who has the lock; C(unfinished) names a Run that must be resumed or rolled back.
  type: dict
  returned: always
taken_over: {description: Whether an expired lock of somebody else was replaced., type: bool, returned: always}
sentence: {description: Why it was not acquired., type: str, returned: always}
seconds:
  description: Where the time went, by part.
  type: dict
  returned: when it was begun
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose.capacity_writer import CapacityWriter
from ..module_utils.compose.scale_up import Growth
from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.module import run
from ..module_utils.nginx.include_files import Edge
from ..module_utils.state.emergency import Emergency, values_now
from ..module_utils.state.host_note import note_before
from ..module_utils.state.lock import claimed, held_run
from ..module_utils.state.options import CLAIM, DOCKER, STATE, STEP
from ..module_utils.state.runs import RunRecord, moment
from ..module_utils.state.state import StateFolder
from ..module_utils.state.time_to_live import arm
from ..module_utils.system.failure import HostSideError


def main() -> None:
    run(
        _begin,
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
            **CLAIM,
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _begin(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    verdict = claimed(folder, given, time.time(), check=module.check_mode)
    if verdict.acquired and given["run"] is not None and not module.check_mode:
        note_before(folder, given["run_id"], given["docker_socket"])
    begun: dict[str, Any] = {}
    try:
        if verdict.acquired:
            begun = _begun(module, folder)
    except HostSideError as failure:
        module.fail_json(msg=failure.sentence, acquired=True, **failure.result())
    return {**verdict.result(), **begun}


def _begun(module: AnsibleModule, folder: StateFolder) -> dict[str, Any]:
    given = module.params
    emergency = Emergency(folder)
    emergency.refuse_another(given["run_id"])
    growth = Growth(
        given["project"], given["directory"], given["counts"], given["services"], given["capacity"] or {},
        given["urls"], given["bound_seconds"], given["drain_seconds"],
    )  # fmt: skip
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"])
        growth.refuse_impossible(containers)
        growth.refuse_unaccepted(engine, containers)
        if module.check_mode:
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
        }
    )
    clock.lap("inverse")
    arm(emergency.folder, given["expires_at"])
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
    for name in given["switches"]:
        record.note_inverse(
            given["step_id"], "edge_switches", {name: {"folder": folder, "on": edge.is_on(folder, name)}}
        )
        edge.switch(folder, name, True)


class _Clock:
    """Where the time went."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self._last = round(now - self._last, 3), now


if __name__ == "__main__":
    main()
