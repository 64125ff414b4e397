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
  settings:
    description: Parameters of the primary that are wanted.
    type: list
    elements: str
    default: []
  address:
    description: The private address of this host; without it, no ports are chosen.
    type: str
  ports:
    description: By name the ports to begin with, where this Project has none yet.
    type: dict
    default: {}
extends_documentation_fragment:
  - selextract.infra.options.server
  - selextract.infra.options.docker
  - selextract.infra.options.state
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
  description: C(primary), C(replica) and C(balancer), each none where it is not here, C(free_bytes), C(images),
    C(ports), and the names of what is ours or would be.
  type: dict
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.replica.look import Look
from ..module_utils.state.options import DOCKER, SERVER, STATE
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _look,
        {
            **SERVER,
            "settings": {"type": "list", "elements": "str", "default": []},
            "address": {"type": "str"},
            "ports": {"type": "dict", "default": {}},
            **DOCKER,
            **STATE,
        },
    )


def _look(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    look = Look(StateFolder(given["state_folder"]), given["docker_socket"], given["project"], given["settings"])
    return {
        "changed": False,
        "replication": {
            "primary": look.primary(given["service"], given["superuser"], given["socket"]),
            "replica": look.replica(given["superuser"]),
            "balancer": look.balancer(),
            **look.room(),
            "ports": look.ports(given["address"], given["ports"]) if given["address"] else {},
            **look.own_names(),
        },
    }


if __name__ == "__main__":
    main()
