#!/usr/bin/python
"""Take the balancer for reads off a host that has no replicas any more."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replication_off
short_description: Take the balancer for reads off a host, or stop where it is needed
version_added: "0.1.0"
description:
  - Stops where this host has a replica, or its balancer asks one, or somebody is connected to it; then the app comes
    first, and C(selextract-infra replicas --count 0).
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app; without it, every one here.
    type: str
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Take the balancer for reads away
  selextract.infra.replication_off:
    project: selextract
"""

RETURN = r"""
removed: {description: Whether there was one., type: bool, returned: success}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.haproxy.read_rotation import ReadRotation
from ..module_utils.module import run
from ..module_utils.replica.project import ReplicaProject
from ..module_utils.state.options import DOCKER, STATE
from ..module_utils.state.project_state import known_projects
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError


def main() -> None:
    run(
        _off,
        {
            "project": {"type": "str"},
            **DOCKER,
            **STATE,
        },
    )


def _off(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    names = [given["project"]] if given["project"] else known_projects(folder)
    rotations = {name: ReadRotation(folder, given["docker_socket"], name) for name in names}
    for name, rotation in rotations.items():
        _refuse_used(name, rotation, ReplicaProject(folder, given["docker_socket"], name))
    there = [rotation for rotation in rotations.values() if rotation.settings is not None]
    for rotation in there if not module.check_mode else ():
        rotation.remove()
    return {"changed": bool(there), "removed": bool(there)}


def _refuse_used(project: str, rotation: ReadRotation, replica: ReplicaProject) -> None:
    replicas = [str(replica["name"]) for replica in (rotation.settings or {}).get("replicas", [])]
    if replicas or replica.present:
        raise HostSideError(
            f"There are replicas of {project} still ({', '.join(replicas) or 'one on this host'}), so nothing was taken"
            " away; selextract-infra replicas --count 0 comes first.",
            kind="refused",
        )
    used = sum(int(server["sessions"]) for server in rotation.status()) if rotation.admin.answers else 0
    if used:
        raise HostSideError(
            f"{used} connections go through the balancer for reads of {project}, so it was not taken away; the app has"
            " to leave it first.",
            kind="refused",
        )


if __name__ == "__main__":
    main()
