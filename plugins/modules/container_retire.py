#!/usr/bin/python
"""Stop one container gracefully and remove it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_retire
short_description: Stop one container of a service gracefully and remove it
version_added: "0.1.0"
description:
  - For replacing instances one at a time. The container gets its own stop signal and its own grace period; its
    volumes stay. Where others serve with it behind a balancer of ours, it leaves rotation first.
  - A container that is as the files in force say is left alone, so the step can be repeated. Compose itself is asked
    for that.
  - Refuses before anything is touched where a new instance would have another image, environment or configuration
    than those that run, beside what O(variables) names and limits.
  - Before it is stopped it is proved that the engine would create it with O(limits), and that it can be made again
    exactly as it is. Its definition and its image are kept on the host until the Run ends, so
    M(selextract.infra.restore) needs neither Compose nor the app's files to bring it back.
  - With O(prepare) nothing is stopped yet. The answer says whether another instance can run beside this one, so that
    the new one can be made, started and proved first.
author: ["selextract-infra contributors"]
options:
  name:
    description:
      - Name of the container; without it any one container of the service that was not made from the files in force,
        one that does not run before the others.
    type: str
  project:
    description: The Compose project it must belong to.
    type: str
    required: true
  service:
    description: The service it must belong to.
    type: str
    required: true
  directory:
    description: The folder the project's Compose files are in, where no container of it says so.
    type: path
    required: true
  variables:
    description: Variables of the service that a change of ours is about, so new instances may have other values.
    type: list
    elements: str
    default: []
  limits:
    description: The limits that the new container gets, as for one service of M(selextract.infra.container_limits).
    type: dict
    default: {}
  bound_seconds:
    description: Within how many seconds it has to be healthy where it is put back.
    type: float
    default: 120
  settling_seconds:
    description: For how long it has to run where it is put back and has no health check.
    type: float
    default: 0
  prepare:
    description: Prove and note everything, and stop nothing.
    type: bool
    default: false
  replicable:
    description: Whether the service may have two instances for a moment, as far as its role tells.
    type: bool
    default: false
  stop_grace:
    description: Seconds it gets to end by itself; by default its own.
    type: float
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
"""

EXAMPLES = r"""
- name: Retire an instance
  selextract.infra.container_retire:
    name: selextract-api-1
    project: selextract
    service: api
    directory: /opt/selextract
    run_id: 20260301T020000-9f3ac1
    step_id: settle-app1
"""

RETURN = r"""
container:
  description: ID of the container that was removed, or is to be; none where nothing has to be done.
  type: str
  returned: always
name: {description: Its name., type: str, returned: always}
beside: {description: Whether another instance can run beside it., type: bool, returned: always}
alone: {description: Why none can., type: str, returned: always}
present: {description: How many instances the service has., type: int, returned: always}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose.compose import Compose
from ..module_utils.compose.new_instances import NewInstances
from ..module_utils.compose.outdated import outdated_among
from ..module_utils.compose.project import read_project
from ..module_utils.docker.containers import Container, find_containers
from ..module_utils.docker.dry_creation import refuse_unaccepted_limits
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.instances import instances_of
from ..module_utils.docker.kept_definitions import Leaving, note_definitions
from ..module_utils.docker.limits import inverse_of, wanted_for
from ..module_utils.docker.room_for_another import why_alone
from ..module_utils.haproxy.rotation import Rotation
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError

_BOUND = 60.0  # seconds for Compose


def main() -> None:
    run(
        _retire,
        {
            "name": {"type": "str"},
            "project": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "variables": {"type": "list", "elements": "str", "default": []},
            "limits": {"type": "dict", "default": {}},
            "bound_seconds": {"type": "float", "default": 120},
            "settling_seconds": {"type": "float", "default": 0},
            "prepare": {"type": "bool", "default": False},
            "replicable": {"type": "bool", "default": False},
            "stop_grace": {"type": "float"},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _retire(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    record = None if module.check_mode else held_run(folder, given["run_id"])
    if record is not None:
        record.start_step_once(given["step_id"], time.time())
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
        present = instances_of(containers, given["project"], given["service"])
        compose = Compose(read_project(containers, given["project"], given["directory"]))
        container = _container(given, containers, outdated_among(compose, [given["service"]], containers))
        if container is None:
            return _result(None, len(present), "it is as the files say")
        variables = {given["service"]: given["variables"]}
        NewInstances(compose, given["docker_socket"], _BOUND, variables).refuse(engine, [given["service"]])
        if record is not None:
            _prepare(
                engine,
                folder,
                record,
                given,
                Leaving([container], present, given["bound_seconds"], given["settling_seconds"]),
            )
            if not given["prepare"]:
                Rotation(folder, given["docker_socket"], given["project"]).spare(container)
                grace = container.stop_grace if given["stop_grace"] is None else given["stop_grace"]
                engine.stop(container.id, grace)
                engine.remove(container.id)
        alone = _alone(engine, given, container, len(present)) if given["prepare"] else "it was removed"
    return {**_result(container, len(present), alone), "changed": not given["prepare"]}


def _prepare(engine: Engine, folder: StateFolder, record: RunRecord, given: dict[str, Any], leaving: Leaving) -> None:
    """Prove that the new one is accepted and that the old one can come back, and note both ways on the disk."""
    (container,) = leaving.containers
    refuse_unaccepted_limits(engine, [(container, wanted_for(given["limits"], container))])
    record.note_inverse(given["step_id"], "containers", {container.id: inverse_of(container)})
    before = {
        "project": given["project"],
        "directory": given["directory"],
        "containers": [one.id for one in leaving.present],
        "gate_seconds": given["bound_seconds"],
    }
    record.note_inverse(given["step_id"], "instances", {given["service"]: before})
    note_definitions(engine, folder, record, given["step_id"], leaving)


def _alone(engine: Engine, given: dict[str, Any], container: Container, present: int) -> str | None:
    if not given["replicable"]:
        return "its role allows one at a time"
    details = engine.inspect(container.id)
    return why_alone(container, details, present) if details else "it is gone"


def _result(container: Container | None, present: int, alone: str | None) -> dict[str, Any]:
    return {
        "changed": False,
        "container": container.id if container else None,
        "name": container.name if container else None,
        "beside": alone is None,
        "alone": alone or "",
        "present": present,
    }


def _container(given: dict[str, Any], containers: list[Container], outdated: list[Container]) -> Container | None:
    """The one that has to go: the named one, or of the outdated ones first one that does not run."""
    if given["name"] is None:
        return min(outdated, key=lambda one: one.running, default=None)
    container = next((one for one in containers if one.name == given["name"]), None)
    if container is not None and container.service != given["service"]:
        raise HostSideError(
            f"{container.name} belongs to service {container.service}, not to {given['service']}.",
            kind="refused",
            rule="mapping",
        )
    return container if container in outdated else None


if __name__ == "__main__":
    main()
