#!/usr/bin/python
"""Take instances of the API into the rotation of the balancer."""

from __future__ import annotations

DOCUMENTATION = r"""
module: balancer_server
short_description: Take instances of the API into the rotation of the balancer
version_added: "0.1.0"
description:
  - Each instance gets requests as soon as its own health has answered. What is in rotation is also in the balancer's
    file, so a restart keeps it.
  - Does nothing for a service that no balancer of ours stands before.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  service:
    description: The service whose running instances belong into rotation.
    type: str
    required: true
  bound_seconds:
    description: How long to wait at most until all of them are healthy.
    type: float
    default: 120
  settle:
    description:
      - Let the balancer read its file afterwards, where it knows a server by its address only; from then on it follows
        each server by its name.
    type: bool
    default: false
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Take the instances into rotation
  selextract.infra.balancer_server:
    project: selextract
    service: api
    run_id: 20260301T020000-9f3ac1
    step_id: scale-app1-api
"""

RETURN = r"""
entered: {description: The instances that were not in rotation before., type: list, elements: str, returned: success}
servers: {description: The instances in rotation., type: list, elements: str, returned: success}
"""

from ..module_utils.haproxy.rotation import BALANCER_SERVER
from ..module_utils.module import run_act


def main() -> None:
    run_act(BALANCER_SERVER)


if __name__ == "__main__":
    main()
