#!/usr/bin/python
"""Stop what a cancelled playbook run has left running on the host, and prove that nothing is left."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: stop_work
short_description: Stop what a cancelled playbook run has left running
version_added: "0.1.0"
description:
  - Interrupting ansible-playbook ends its own processes; a module that is already running on a host goes on there.
  - Every play of this collection sets C(SELEXTRACT_INFRA_WORK) in the environment of its tasks. This module ends all
    processes that carry the given value, gently first, and says whether any is left.
options:
  marker:
    description: The value of C(SELEXTRACT_INFRA_WORK) of the run that was cancelled.
    type: str
    required: true
  grace_seconds:
    description: How long a process may take to end by itself before it is killed.
    type: float
    default: 5.0
  patience_seconds:
    description: How long it may go on undisturbed before, to come to its end.
    type: float
    default: 0.0
attributes:
  check_mode: {description: Lists what is running and ends nothing., support: full}
author: ["selextract-infra contributors"]
"""

EXAMPLES = r"""
- name: Stop what is left of the work
  selextract.infra.stop_work:
    marker: 3f1c9a0d7be24586
"""

RETURN = r"""
stopped:
  description: Programs that were running.
  returned: always
  type: list
  elements: str
left:
  description: Programs that are still running.
  returned: always
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.system.leftover_processes import running, stop


def work(module: AnsibleModule) -> dict[str, Any]:
    marker = module.params["marker"]
    if module.check_mode:
        seen = left = running(marker)
    else:
        seen, left = stop(marker, module.params["grace_seconds"], module.params["patience_seconds"])
    return {"changed": bool(seen), "stopped": sorted(seen.values()), "left": sorted(left.values())}


def main() -> None:
    run(
        work,
        {
            "marker": {"type": "str", "required": True},
            "grace_seconds": {"type": "float", "default": 5.0},
            "patience_seconds": {"type": "float", "default": 0.0},
        },
    )


if __name__ == "__main__":
    main()
