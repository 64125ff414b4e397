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
  docker_socket:
    description: Docker's socket.
    type: path
    default: /var/run/docker.sock
  state_folder:
    description: Where the state of this collection is on the host.
    type: path
    default: /var/lib/selextract-infra
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

from ..module_utils.engine import DEFAULT_SOCKET
from ..module_utils.failure import HostSideError
from ..module_utils.module import STATE_OPTION, run
from ..module_utils.read_rotation import ReadRotation
from ..module_utils.replica_project import ReplicaProject
from ..module_utils.state import StateFolder


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "docker_socket": {"type": "path", "default": DEFAULT_SOCKET},
            "state_folder": STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(module, _off)


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
