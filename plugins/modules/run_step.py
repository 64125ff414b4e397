#!/usr/bin/python
"""Record on the host where a step of a Run stands."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_step
short_description: Record where a step of a Run stands
version_added: "0.1.0"
description:
  - For steps whose work is done elsewhere, such as a provider's on a server's hardware.
author: ["selextract-infra contributors"]
options:
  state:
    description: C(running) when the work begins, C(verified) when it is done and was checked.
    type: str
    choices: [running, verified]
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: The hardware is about to change
  selextract.infra.run_step:
    state: running
    run_id: 20260301T020000-9f3ac1
    step_id: hardware
"""

RETURN = r"""
status: {description: Where the step stands now., type: str, returned: always}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import STATE, STEP
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _record,
        {
            "state": {"type": "str", "choices": ["running", "verified"], "required": True},
            **STEP,
            **STATE,
        },
    )


def _record(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if not module.check_mode:
        record = held_run(StateFolder(given["state_folder"]), given["run_id"])
        if given["state"] == "running":
            record.start_step(given["step_id"], time.time())
        else:
            record.end_step(given["step_id"], "verified", time.time())
    return {"changed": False, "status": given["state"]}


if __name__ == "__main__":
    main()
