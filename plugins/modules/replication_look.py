#!/usr/bin/python
"""Look at the replication of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: replication_look
short_description: What there is of a Postgres replication on a host
version_added: "0.1.0"
description:
  - The app's own server where it runs here, a replica of ours with what is wrong with it in one sentence, the balancer
    for reads, and the room there is. Nothing of an environment or a password is returned, and nothing is changed.
author: ["selextract-infra contributors"]
options:
  project:
    description: The app's Compose project.
    type: str
    required: true
  service:
    description: Its database service.
    type: str
    required: true
  superuser:
    description: The role to ask as, inside the container.
    type: str
    default: postgres
  socket:
    description: The folder of the server's Unix socket in its container; by default psql's own.
    type: str
  settings:
    description: Parameters of the primary that are wanted.
    type: list
    elements: str
    default: []
  docker_socket:
    description: Docker's socket.
    type: path
    default: /var/run/docker.sock
  state_folder:
    description: Where the state of this collection is on the host.
    type: path
    default: /var/lib/selextract-infra
attributes:
  check_mode: {description: Changes nothing., support: full}
"""

EXAMPLES = r"""
- name: Look at the replication
  selextract.infra.replication_look:
    project: selextract
    service: postgres
    settings: [max_connections]
  register: seen
"""

RETURN = r"""
replication:
  description: C(primary), C(replica) and C(balancer), each none where it is not here, C(free_bytes) and C(images).
  type: dict
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.engine import DEFAULT_SOCKET
from ..module_utils.module import STATE_OPTION, run
from ..module_utils.replication_look import Look
from ..module_utils.state import StateFolder


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "project": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "superuser": {"type": "str", "default": "postgres"},
            "socket": {"type": "str"},
            "settings": {"type": "list", "elements": "str", "default": []},
            "docker_socket": {"type": "path", "default": DEFAULT_SOCKET},
            "state_folder": STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(module, _look)


def _look(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    look = Look(StateFolder(given["state_folder"]), given["docker_socket"], given["settings"])
    return {
        "changed": False,
        "replication": {
            "primary": look.primary(given["project"], given["service"], given["superuser"], given["socket"]),
            "replica": look.replica(given["superuser"]),
            "balancer": look.balancer(),
            **look.room(),
        },
    }


if __name__ == "__main__":
    main()
