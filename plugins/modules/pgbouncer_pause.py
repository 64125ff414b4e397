#!/usr/bin/python
"""Hold every transaction back for a moment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pgbouncer_pause
short_description: Pause PgBouncer, or let it go on
version_added: "0.1.0"
description:
  - While PgBouncer is paused its clients wait and nobody fails, so that Postgres behind it can be restarted.
  - A timer of the host ends every pause after O(longest_seconds), also where whoever asked for it was killed.
  - Where a transaction stays open for longer than O(bound_seconds), everything goes on at once and the module fails.
  - Nothing is done where there is no PgBouncer.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  state:
    description: Whether transactions are to wait.
    type: str
    choices: [paused, resumed]
    required: true
  bound_seconds:
    description: How long to wait for open transactions.
    type: float
    default: 5
  longest_seconds:
    description: After what time the host ends the pause by itself, counted from its beginning.
    type: float
    default: 25
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Restart Postgres behind a pause
  block:
    - name: Hold transactions back
      selextract.infra.pgbouncer_pause:
        project: selextract
        state: paused

    - name: Restart Postgres
      ansible.builtin.command:
        cmd: docker restart selextract-postgres-1
      changed_when: true
  always:
    - name: Let transactions go on
      selextract.infra.pgbouncer_pause:
        project: selextract
        state: resumed
"""

RETURN = r"""
pooled: {description: Whether there is a PgBouncer here that runs., type: bool, returned: always}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.docker.engine import Engine
from ..module_utils.module import run
from ..module_utils.pgbouncer.pausing import arm_timer, disarm_timer, paused_for, resume
from ..module_utils.pgbouncer.pooler import Pooler
from ..module_utils.state.options import DOCKER, STATE
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError


def main() -> None:
    run(
        _work,
        {
            "project": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["paused", "resumed"], "required": True},
            "bound_seconds": {"type": "float", "default": 5},
            "longest_seconds": {"type": "float", "default": 25},
            **DOCKER,
            **STATE,
        },
    )


def _work(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    with Engine(given["docker_socket"]) as engine:
        folder = StateFolder(given["state_folder"])
        pooler = Pooler(engine, given["docker_socket"], folder, given["project"], given["bound_seconds"])
        record = pooler.place.record()
        container = pooler.container if record else None
        if record is None or container is None or not container.running:
            return {"changed": False, "pooled": False}
        pausing = given["state"] == "paused"
        processes = pooler.processes(record["port"])
        if not processes:
            raise HostSideError("PgBouncer runs and its console does not answer, so it was not touched.", kind="gate")
        changed = any(process.paused != pausing for process in processes)
        if module.check_mode:
            return {"changed": changed, "pooled": True}
        if pausing:
            if pooler.leaving(record["port"]):
                raise HostSideError(
                    "An older process of PgBouncer still serves its last clients and cannot be paused.",
                    kind="refused",
                    rule="LB-08",
                )
            arm_timer(f"{pooler.place.name}-resume", container.name, given["longest_seconds"])
            try:
                paused_for(processes, given["bound_seconds"])
            except HostSideError:
                disarm_timer(f"{pooler.place.name}-resume")
                raise
        else:
            resume(processes)
            disarm_timer(f"{pooler.place.name}-resume")
    return {"changed": changed, "pooled": True}


if __name__ == "__main__":
    main()
