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
  - Steps that the host carries out by itself are brought to a safe point before. Other processes are ended only then.
options:
  marker:
    description: The value of C(SELEXTRACT_INFRA_WORK) of the run that was cancelled.
    type: str
    required: true
  safe_point:
    description:
      - V(end) lets the step at hand end as it would, and begins no other.
      - V(beginning) ends it at once and undoes it.
    type: str
    choices: [end, beginning]
    default: end
  patience_seconds:
    description:
      - How long other work may go on undisturbed before, to come to its end, with O(safe_point=end).
      - A step that the host carries out has at least two minutes to get to its safe point.
    type: float
    default: 0.0
  grace_seconds:
    description: How long a process may take to end by itself before it is killed.
    type: float
    default: 5.0
extends_documentation_fragment:
  - selextract.infra.options.state
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
sentence:
  description: At which safe point the steps of the Run are; empty where the host carried none out.
  returned: always
  type: str
steps:
  description: By step that the host carried out, what became of it.
  returned: when the host carried steps out
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.options import STATE
from ..module_utils.state.segment import SegmentFiles
from ..module_utils.state.state import StateFolder
from ..module_utils.system.leftover_processes import running, stop

_LEAST_PATIENCE = 120.0  # seconds


def work(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        names = sorted(running(given["marker"]).values())
        return {"changed": bool(names), "stopped": names, "left": names, "sentence": ""}
    segment = SegmentFiles(StateFolder(given["state_folder"]), given["marker"])
    undo = given["safe_point"] == "beginning"
    safe, sentence = segment.brought_to_rest(max(given["patience_seconds"], _LEAST_PATIENCE), undo=undo)
    if not safe:
        left = running(given["marker"])
        answer = {"changed": False, "stopped": [], "left": sorted(left.values()) or ["the runner"]}
        return {**answer, "sentence": sentence, "steps": segment.outcomes()}
    stopped, left = stop(given["marker"], given["grace_seconds"], 0.0 if undo else given["patience_seconds"])
    return {
        "changed": bool(stopped),
        "stopped": sorted(stopped.values()),
        "left": sorted(left.values()),
        "sentence": sentence,
        "steps": segment.outcomes(),
    }


def main() -> None:
    run(
        work,
        {
            "marker": {"type": "str", "required": True},
            "safe_point": {"type": "str", "choices": ["end", "beginning"], "default": "end"},
            "patience_seconds": {"type": "float", "default": 0.0},
            "grace_seconds": {"type": "float", "default": 5.0},
            **STATE,
        },
    )


if __name__ == "__main__":
    main()
