#!/usr/bin/python
"""Bring the balancer for reads to what is wanted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: read_balancer
short_description: The load balancer before Postgres replicas
version_added: "0.1.0"
description:
  - HAProxy has to accept its files before they take their place. A change is made true in the running HAProxy over its
    admin socket, so that nothing is reloaded.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app. Without it and with O(state=absent), every one here.
    type: str
  state:
    description:
      - V(join) and V(leave) take one replica into it and out of it for good. V(drained) and V(ready) take one out of
        rotation and back, for maintenance.
      - V(absent) takes the balancer away. It stops where this host has a replica, or the balancer asks one, or somebody
        is connected to it; then the app comes first, and C(selextract-infra replicas --count 0).
    type: str
    choices: [present, join, leave, drained, ready, absent]
    default: present
  settings:
    description: What is wanted, as the Plan says. Required with O(state=present).
    type: dict
  replica:
    description: The replica that joins, with C(name), C(address), C(port) and whether it is for C(analytics).
    type: dict
  name:
    description: The replica to let go, to drain, or to take back.
    type: str
  bound_seconds:
    description: How long connections of a drained replica may go on, or its check may take to find it good.
    type: float
    default: 60
extends_documentation_fragment:
  - selextract.infra.options.step_if_present
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
"""

EXAMPLES = r"""
- name: Bring the balancer for reads to what is wanted
  selextract.infra.read_balancer:
    project: selextract
    settings: "{{ selextract_values.balancer }}"
    run_id: 20260301T020000-9f3ac1
    step_id: balancer
"""

RETURN = r"""
servers: {description: The servers as HAProxy sees them., type: list, elements: dict, returned: success}
"""

from ..module_utils.haproxy.read_balancer import READ_BALANCER_ACT
from ..module_utils.module import run_act


def main() -> None:
    run_act(READ_BALANCER_ACT)


if __name__ == "__main__":
    main()
