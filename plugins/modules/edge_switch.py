#!/usr/bin/python
"""Turn a switch of Nginx on or off, without a reload."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_switch
short_description: Turn a switch of Nginx on or off without a reload
version_added: "0.1.0"
description:
  - A switch is a file that Nginx looks for at each request, so no request and no connection is lost.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  folder:
    description: The include folder on the host.
    type: path
    required: true
  name:
    description: Which switch. C(balancer) sends the API's requests through the balancer.
    type: str
    choices: [caching, throttling, balancer]
    required: true
  enabled:
    description: Whether it is to be on.
    type: bool
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says whether something would change., support: full}
"""

EXAMPLES = r"""
- name: Throttle what is not critical
  selextract.infra.edge_switch:
    project: selextract
    folder: /opt/selextract/nginx.d
    name: throttling
    enabled: true
    run_id: 20260301T020000-9f3ac1
    step_id: emergency
"""

RETURN = r"""
was: {description: Whether it was on before., type: bool, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.nginx.include_files import Edge
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _switch,
        {
            "project": {"type": "str", "required": True},
            "folder": {"type": "path", "required": True},
            "name": {"type": "str", "choices": ["caching", "throttling", "balancer"], "required": True},
            "enabled": {"type": "bool", "required": True},
            **STEP,
            **DOCKER,
            **STATE,
        },
    )


def _switch(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    edge = Edge(folder, given["docker_socket"], given["project"])
    was = edge.is_on(given["folder"], given["name"])
    changed = was != given["enabled"]
    if given["enabled"] and not module.check_mode:
        edge.refuse_unread(given["folder"])
    if changed and not module.check_mode:
        record = held_run(folder, given["run_id"])
        record.start_step_once(given["step_id"], time.time())
        before = {"folder": given["folder"], "on": was}
        record.note_inverse(given["step_id"], "edge_switches", {given["name"]: before})
        edge.switch(given["folder"], given["name"], given["enabled"])
    return {"changed": changed, "was": was}


if __name__ == "__main__":
    main()
