#!/usr/bin/python
"""Start a Compose project of our own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: own_project
short_description: Create and start a Compose project of this collection
version_added: "0.2.0"
description:
  - For what this collection runs beside an app, such as a balancer or a replica. An app's own project is never started
    as a whole; M(selextract.infra.instances_start) starts instances of its services.
  - Nothing is built and nothing is pulled.
author: ["selextract-infra contributors"]
options:
  name:
    description: Name of the Compose project.
    type: str
    required: true
  directory:
    description: The folder its Compose file is in.
    type: path
    required: true
  recreate:
    description: Whether a container that is there is made anew; V(auto) where the files have changed since.
    type: str
    choices: [never, auto, always]
    default: auto
  bound_seconds:
    description: How long Compose may take.
    type: float
    default: 120
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
"""

EXAMPLES = r"""
- name: Start the replica
  selextract.infra.own_project:
    name: selextract-replica
    directory: /var/lib/selextract-infra/replica
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
project: {description: Name of the project that runs now., type: str, returned: always}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.compose.compose import Compose
from ..module_utils.compose.project import own_project
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _start,
        {
            "name": {"type": "str", "required": True},
            "directory": {"type": "path", "required": True},
            "recreate": {"type": "str", "choices": ["never", "auto", "always"], "default": "auto"},
            "bound_seconds": {"type": "float", "default": 120},
            **STEP,
            **STATE,
        },
    )


def _start(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": False, "project": given["name"]}
    held_run(StateFolder(given["state_folder"]), given["run_id"])
    compose = Compose(own_project(given["name"], given["directory"]))
    return {"changed": compose.up(given["bound_seconds"], recreate=given["recreate"]), "project": given["name"]}


if __name__ == "__main__":
    main()
