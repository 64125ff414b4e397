#!/usr/bin/python
"""Wait until a replica streams, and note that it is what was wanted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replica_gate
short_description: Whether a Postgres replica does its work
version_added: "0.1.0"
description:
  - Waits until the server runs, receives from its primary and replays. What keeps it from that is named in one
    sentence as soon as the server says it.
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
  bound_seconds:
    description: How long to wait.
    type: float
    default: 300
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Checks nothing, since nothing was changed., support: full}
"""

EXAMPLES = r"""
- name: Wait until the replica streams
  selextract.infra.replica_gate:
    project: selextract
    wanted: "{{ selextract_values.replica }}"
    run_id: 20260301T020000-9f3ac1
    step_id: replica-db2
"""

RETURN = r"""
waited: {description: Seconds until it held., type: float, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.replica.look import replica_complaint
from ..module_utils.replica.project import ReplicaProject
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError

_PAUSE = 0.5
_PATIENCE = 10.0  # seconds in which a cause that is known may still go away by itself


def main() -> None:
    run(
        _gate,
        {
            "project": {"type": "str", "required": True},
            "wanted": {"type": "dict", "required": True},
            "bound_seconds": {"type": "float", "default": 300},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _gate(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": False, "waited": 0.0}
    folder, wanted = StateFolder(given["state_folder"]), given["wanted"]
    record, project = (
        held_run(folder, given["run_id"]),
        ReplicaProject(folder, given["docker_socket"], given["project"]),
    )
    began = time.monotonic()
    known_since: float | None = None
    while True:
        complaint = replica_complaint(project, given["docker_socket"], wanted["superuser"])
        if complaint is None:
            break
        now = time.monotonic()
        known_since = (known_since or now) if complaint.known else None
        if (known_since and now - known_since > _PATIENCE) or now - began > given["bound_seconds"]:
            sentence = f"After {now - began:.0f} s the replica does not work: {complaint.sentence}"
            record.end_step(given["step_id"], "failed", time.time(), sentence)
            raise HostSideError(sentence, kind="gate")
        time.sleep(_PAUSE)
    project.finish(wanted)
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": False, "waited": round(time.monotonic() - began, 2)}


if __name__ == "__main__":
    main()
