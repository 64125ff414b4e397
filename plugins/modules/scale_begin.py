#!/usr/bin/python
"""Note which instances of a service there are, before that changes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: scale_begin
short_description: Note which instances of a service there are before that changes
version_added: "0.1.0"
description:
  - The first task of a step that scales a service. Whatever happens afterwards, the step can be undone from what is
    noted here.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  directory:
    description: The folder the project's Compose files are in.
    type: path
    required: true
  service:
    description: The service.
    type: str
    required: true
  drain_seconds:
    description: How long an instance that is taken away again may hold requests.
    type: float
    default: 70
  stop_grace:
    description: How long an instance that is taken away again gets to stop, where its own time is shorter.
    type: float
    default: 0
  gate_seconds:
    description: How long an instance that is brought back may take to be healthy.
    type: float
    default: 120
  count:
    description: How many instances the step leaves, so that a later rollback can tell whether others have changed it.
    type: int
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Note the instances
  selextract.infra.scale_begin:
    project: selextract
    directory: /opt/selextract
    service: api
    run_id: 20260301T020000-9f3ac1
    step_id: scale-app1-api
  register: noted
"""

RETURN = r"""
present: {description: How many instances run now., type: int, returned: success}
instances: {description: Their names, oldest first., type: list, elements: str, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.containers import find_containers
from ..module_utils.docker.engine import Engine
from ..module_utils.docker.instances import instances_of
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _begin,
        {
            "project": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "service": {"type": "str", "required": True},
            "drain_seconds": {"type": "float", "default": 70},
            "stop_grace": {"type": "float", "default": 0},
            "gate_seconds": {"type": "float", "default": 120},
            "count": {"type": "int"},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _begin(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    with Engine(given["docker_socket"]) as engine:
        found = find_containers(engine, given["docker_socket"], given["project"])
    instances = instances_of(found, given["project"], given["service"])
    if not module.check_mode:
        record = held_run(StateFolder(given["state_folder"]), given["run_id"])
        record.start_step(given["step_id"], time.time())
        before = {
            "project": given["project"],
            "directory": given["directory"],
            "containers": [one.id for one in instances],
            "drain_seconds": given["drain_seconds"],
            "stop_grace": given["stop_grace"],
            "gate_seconds": given["gate_seconds"],
        }
        record.note_inverse(given["step_id"], "instances", {given["service"]: before})
        if given["count"] is not None:
            record.note_left(given["step_id"], "instances", {given["service"]: {"count": given["count"]}})
    return {
        "changed": False,
        "present": sum(one.running for one in instances),
        "instances": [one.name for one in instances],
    }


if __name__ == "__main__":
    main()
