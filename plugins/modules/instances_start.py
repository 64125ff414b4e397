#!/usr/bin/python
"""Make and start instances of a team's service."""

from __future__ import annotations

DOCUMENTATION = r"""
module: instances_start
short_description: Make and start missing instances of a service, and nothing else
version_added: "0.2.0"
description:
  - Compose is called as the app's own team calls it, which the labels of its containers tell. It only creates the
    missing instances; the engine starts them. So nothing that is there is recreated, nothing that the service depends
    on is started, and no one-shot service (C(service_completed_successfully)) runs again.
  - Refuses before anything is made where a new instance would have another image, environment or configuration than
    those that run, beside what O(variables) names and limits, and where Compose would do more than make instances.
author: ["selextract-infra contributors"]
options:
  project:
    description: Name of the Compose project.
    type: str
    required: true
  directory:
    description: The folder the project's Compose files are in, where no container of it says so.
    type: path
  service:
    description: Whose instances.
    type: str
    required: true
  count:
    description:
      - How many there must be at least; by default as many as the files in force say.
      - Never is one taken away; that is M(selextract.infra.scale_in).
    type: int
  replaced:
    description: How many were taken away just before and are missing now, beside those that are there.
    type: int
    default: 0
  variables:
    description: Variables of the service that a change of ours is about, so new instances may have other values.
    type: list
    elements: str
    default: []
  bound_seconds:
    description: How long Compose may take.
    type: float
    default: 120
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Refuses what it would refuse and makes nothing., support: full}
"""

EXAMPLES = r"""
- name: Let the API have three instances
  selextract.infra.instances_start:
    project: selextract
    directory: /opt/selextract
    service: api
    count: 3
    run_id: 20260301T020000-9f3ac1
    step_id: scale-app1-api
"""

RETURN = r"""
instances: {description: Names of the instances that are new., type: list, elements: str, returned: always}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose.compose import Compose
from ..module_utils.compose.new_instances import NewInstances, count_defined
from ..module_utils.compose.project import read_project
from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.instances import instances_of
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _start,
        {
            "project": {"type": "str", "required": True},
            "directory": {"type": "path"},
            "service": {"type": "str", "required": True},
            "count": {"type": "int"},
            "replaced": {"type": "int", "default": 0},
            "variables": {"type": "list", "elements": "str", "default": []},
            "bound_seconds": {"type": "float", "default": 120},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _start(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    service = given["service"]
    with Engine(given["docker_socket"]) as engine:
        containers = find_containers(engine, given["docker_socket"], given["project"])
        compose = Compose(read_project(containers, given["project"], given["directory"]))
        new = NewInstances(compose, given["docker_socket"], given["bound_seconds"], {service: given["variables"]})
        if module.check_mode:
            new.refuse(engine, [service])
            return {"changed": False, "instances": []}
        record = held_run(StateFolder(given["state_folder"]), given["run_id"])
        record.start_step_once(given["step_id"], time.time())
        present = len(instances_of(containers, given["project"], service))
        count = count_defined(compose, service) if given["count"] is None else given["count"]
        names = new.bring(engine, {service: max(count, present + given["replaced"])})
    return {"changed": bool(names), "instances": names}


if __name__ == "__main__":
    main()
