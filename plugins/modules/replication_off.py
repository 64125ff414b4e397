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
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Take the balancer for reads away
  selextract.infra.replication_off:
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
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError


def main() -> None:
    run(
        _off,
        {
            **DOCKER,
            **STATE,
        },
    )


def _off(module: AnsibleModule) -> dict[str, Any]:
    folder, socket_path = StateFolder(module.params["state_folder"]), module.params["docker_socket"]
    rotation = ReadRotation(folder, socket_path)
    replicas = [str(one["name"]) for one in (rotation.settings or {}).get("replicas", [])]
    if replicas or ReplicaProject(folder, socket_path).present:
        raise HostSideError(
            f"There are replicas still ({', '.join(replicas) or 'one on this host'}), so nothing was taken away;"
            " selextract-infra replicas --count 0 comes first.",
            kind="refused",
        )
    used = sum(int(one["sessions"]) for one in rotation.status()) if rotation.admin.answers else 0
    if used:
        raise HostSideError(
            f"{used} connections go through the balancer for reads, so it was not taken away; the app has to leave it"
            " first.",
            kind="refused",
        )
    there = rotation.settings is not None
    if there and not module.check_mode:
        rotation.remove()
    return {"changed": there, "removed": there}


if __name__ == "__main__":
    main()
