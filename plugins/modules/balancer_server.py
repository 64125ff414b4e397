#!/usr/bin/python
"""Take instances of the API into the rotation of the balancer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: balancer_server
short_description: Take instances of the API into the rotation of the balancer
version_added: "0.1.0"
description:
  - Each instance gets requests as soon as its own health has answered. What is in rotation is also in the balancer's
    file, so a restart keeps it.
  - Does nothing for a service that no balancer of ours stands before.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  service:
    description: The service whose running instances belong into rotation.
    type: str
    required: true
  bound_seconds:
    description: How long to wait at most until all of them are healthy.
    type: float
    default: 120
  settle:
    description:
      - Let the balancer read its file afterwards, where it knows a server by its address only; from then on it follows
        each server by its name.
    type: bool
    default: false
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Take the instances into rotation
  selextract.infra.balancer_server:
    project: selextract
    service: api
    run_id: 20260301T020000-9f3ac1
    step_id: scale-app1-api
"""

RETURN = r"""
entered: {description: The instances that were not in rotation before., type: list, elements: str, returned: success}
servers: {description: The instances in rotation., type: list, elements: str, returned: success}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.instances import instances_of
from ..module_utils.haproxy.rotation import Rotation
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _rotate,
        {
            "project": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "bound_seconds": {"type": "float", "default": 120},
            "settle": {"type": "bool", "default": False},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _rotate(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    rotation = Rotation(folder, given["docker_socket"], given["project"])
    if not rotation.serves(given["project"], given["service"]):
        return {"changed": False, "entered": [], "servers": []}
    with Engine(given["docker_socket"]) as engine:
        found = find_containers(engine, given["docker_socket"], given["project"])
    instances = [one for one in instances_of(found, given["project"], given["service"]) if one.running]
    if module.check_mode:
        entered = [one.name for one in instances if one.name not in rotation.servers]
        return {"changed": bool(entered), "entered": entered, "servers": rotation.servers}
    held_run(folder, given["run_id"])
    entered = rotation.join(instances, given["bound_seconds"])
    settled = given["settle"] and rotation.settle()
    return {"changed": bool(entered) or settled, "entered": entered, "servers": rotation.servers}


if __name__ == "__main__":
    main()
