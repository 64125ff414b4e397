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
  description: ID of the container that was removed, none where nothing had to be done.
  type: str
  returned: always
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose import Compose
from ..module_utils.containers import Container, find_containers
from ..module_utils.engine import Engine
from ..module_utils.failure import HostSideError
from ..module_utils.limits import inverse_of
from ..module_utils.lock import held_run
from ..module_utils.module import DOCKER, STATE, STEP, run
from ..module_utils.new_instances import NewInstances
from ..module_utils.outdated import outdated_among
from ..module_utils.project import read_project
from ..module_utils.rotation import Rotation
from ..module_utils.state import StateFolder

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
            "stop_grace": {"type": "float"},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _retire(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    record = None if module.check_mode else held_run(StateFolder(given["state_folder"]), given["run_id"])
    if record is not None:
        record.start_step_once(given["step_id"], time.time())
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
        compose = Compose(read_project(containers, given["project"], given["directory"]))
        container = _container(given, containers, outdated_among(compose, [given["service"]], containers))
        if container is None:
            return {"changed": False, "container": None}
        variables = {given["service"]: given["variables"]}
        NewInstances(compose, given["docker_socket"], _BOUND, variables).refuse(engine, [given["service"]])
        if record is not None:
            record.note_inverse(given["step_id"], "containers", {container.id: inverse_of(container)})
            Rotation(StateFolder(given["state_folder"]), given["docker_socket"]).spare(container)
            grace = container.stop_grace if given["stop_grace"] is None else given["stop_grace"]
            engine.stop(container.id, grace)
            engine.remove(container.id)
    return {"changed": True, "container": container.id}


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
