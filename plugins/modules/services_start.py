#!/usr/bin/python
"""Start again what a Run has stopped."""

from __future__ import annotations

DOCUMENTATION = r"""
module: services_start
short_description: Start again what a Run has stopped
version_added: "0.1.0"
description:
  - Starts exactly the containers that earlier steps of the Run noted before they stopped them, the last one first, and
    waits until each service is healthy before the next.
author: ["selextract-infra contributors"]
options:
  steps:
    description: The steps that stopped them, in the order in which they are undone.
    type: list
    elements: str
    required: true
  bound_seconds:
    description: How long a service may take to be healthy.
    type: float
    default: 120
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Start everything again
  selextract.infra.services_start:
    steps: [stop, drain]
    run_id: 20260301T020000-9f3ac1
    step_id: start
"""

RETURN = r"""
started: {description: The containers that were started., type: list, elements: str, returned: always}
notes: {description: What is gone and could not be started., type: list, elements: str, returned: always}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.start_stop import PART, start_again
from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _start,
        {
            "steps": {"type": "list", "elements": "str", "required": True},
            "bound_seconds": {"type": "float", "default": 120},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _start(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": True, "started": [], "notes": []}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    record.start_step(given["step_id"], time.time())
    started: list[str] = []
    notes: list[str] = []
    with record.failure_noted(given["step_id"]):
        for step in given["steps"]:
            noted = (record.step(step).get("inverse") or {}).get(PART) or {}
            these, those = start_again(noted, given["docker_socket"], given["bound_seconds"])
            started, notes = started + these, notes + those
    record.end_step(given["step_id"], "verified", time.time(), " ".join(notes))
    return {"changed": bool(started), "started": started, "notes": notes}


if __name__ == "__main__":
    main()
