#!/usr/bin/python
"""Keep on a host what the autoscaler has to remember."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_stamps
short_description: Keep on a host what the autoscaler has to remember across a restart
version_added: "0.1.0"
description:
  - Counts and the times of the last actions of each service, so that a cooldown holds whichever machine watches.
author: ["selextract-infra contributors"]
options:
  project:
    description: The Compose project of the app.
    type: str
    required: true
  services:
    description: By service, its stamps.
    type: dict
    required: true
  owner:
    description: Who watches.
    type: str
    default: somebody unknown
extends_documentation_fragment:
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
"""

EXAMPLES = r"""
- name: Remember the cooldowns
  selextract.infra.host_stamps:
    project: selextract
    services:
      api: {count: 3, last_out: 1772330400.0, last_in: null, changed_by_hand: null}
"""

RETURN = r"""
services: {description: What is kept., type: dict, returned: always}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.options import STATE
from ..module_utils.state.project_state import AUTOSCALER, ProjectState
from ..module_utils.state.runs import moment
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _keep,
        {
            "project": {"type": "str", "required": True},
            "services": {"type": "dict", "required": True},
            "owner": {"type": "str", "default": "somebody unknown"},
            **STATE,
        },
    )


def _keep(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    state = ProjectState(folder, given["project"])
    before = (state.read(AUTOSCALER) or {}).get("services")
    changed = before != given["services"]
    if changed and not module.check_mode:
        folder.prepare()
        about = {"format": 1, "owner": given["owner"], "at": moment(time.time())}
        state.write(AUTOSCALER, {**about, "services": given["services"]})
    return {"changed": changed, "services": given["services"]}


if __name__ == "__main__":
    main()
