#!/usr/bin/python
"""Fill a replica's volume with a base backup of its primary."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_clone
short_description: The base backup of a Postgres replica
version_added: "0.1.0"
description:
  - C(start) begins it, in a container of its own that goes on by itself, after it has removed what an earlier attempt
    left and looked whether there is room. A volume that is filled is left alone.
  - C(wait) waits some seconds and tells how far it is. When it fails, one sentence says why.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  wanted:
    description: What is wanted, as the Plan says.
    type: dict
    required: true
  action:
    description: What to do.
    type: str
    choices: [start, wait]
    default: start
  needed_bytes:
    description: What must be free on the disk.
    type: int
    default: 0
  rate:
    description: Bytes per second that are taken from the primary at most. Required with O(action=start).
    type: int
  seconds:
    description: How long C(wait) waits at most before it tells how far it is.
    type: float
    default: 5
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Begin the clone
  selextract.infra.replica_clone:
    project: selextract
    wanted: "{{ selextract_values.replica }}"
    rate: 40000000
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
finished: {description: Whether the volume holds all of it., type: bool, returned: success}
progress: {description: How far it is in words., type: str, returned: success}
bytes_done: {description: Bytes copied., type: int, returned: success}
bytes_total: {description: Bytes in all., type: int, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.replica.clone import Clone
from ..module_utils.replica.project import ReplicaProject
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder
from ..module_utils.system.amounts import disk

_PAUSE = 0.5


def main() -> None:
    run(
        _clone,
        {
            "project": {"type": "str", "required": True},
            "wanted": {"type": "dict", "required": True},
            "action": {"type": "str", "choices": ["start", "wait"], "default": "start"},
            "needed_bytes": {"type": "int", "default": 0},
            "rate": {"type": "int"},
            "seconds": {"type": "float", "default": 5},
            **STEP,
            **DOCKER,
            **STATE,
        },
        required_if=[("action", "start", ["rate"])],
    )


def _clone(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    clone = Clone(ReplicaProject(folder, given["docker_socket"], given["project"]), given["wanted"])
    if clone.finished:
        return _told(0, 0, changed=False, finished=True)
    if module.check_mode:
        return _told(0, 0, changed=True, finished=given["action"] == "wait")
    held_run(folder, given["run_id"])
    if given["action"] == "start":
        clone.start(given["needed_bytes"], given["rate"])
        return _told(0, 0, changed=True)
    end = time.monotonic() + given["seconds"]
    while True:
        far = clone.progress()
        if far is None:
            return _told(0, 0, changed=True, finished=True)
        if time.monotonic() > end:
            return _told(*far)
        time.sleep(_PAUSE)


def _told(done: int, total: int, *, changed: bool = False, finished: bool = False) -> dict[str, Any]:
    words = f"{disk(done)} of {disk(total)}" if total else "waiting for the primary's checkpoint"
    return {
        "changed": changed,
        "finished": finished,
        "progress": "finished" if finished else words,
        "bytes_done": done,
        "bytes_total": total,
    }


if __name__ == "__main__":
    main()
