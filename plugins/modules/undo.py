#!/usr/bin/python
"""Put back what a Run changed on the host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: undo
short_description: Put back what the steps of a Run changed, newest first
version_added: "0.1.0"
description:
  - Works from what each step noted on the host before it changed anything, so any control machine can ask for it.
  - An emergency that the Run began is over then.
  - Never fails because something could not be put back; RV(restored) tells, so that a playbook can still end the Run
    and say so.
author: ["selextract-infra contributors"]
options:
  run_id:
    description: ID of the Run.
    type: str
    required: true
  steps:
    description: IDs of the steps, newest first. Without it, all that began.
    type: list
    elements: str
  state:
    description:
      - V(compared) only says what later Runs and people have changed of what the Run set.
      - A rollback would overwrite that.
    type: str
    choices: [undone, compared]
    default: undone
  also:
    description: With O(state=compared), the keys whose later change may be overwritten.
    type: list
    elements: str
    default: []
  compare:
    description:
      - Afterwards compare the host with what was noted before the first act of the Run, once none of its steps stands.
    type: bool
    default: false
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would be put back., support: full}
"""

EXAMPLES = r"""
- name: Put back what was there
  selextract.infra.undo:
    run_id: 20260301T020000-9f3ac1
  register: undone
"""

RETURN = r"""
restored: {description: Whether everything is as before now., type: bool, returned: with O(state=undone)}
done: {description: What was put back., type: list, elements: str, returned: with O(state=undone)}
notes: {description: What could not be put back exactly., type: list, elements: str, returned: with O(state=undone)}
differences:
  description: What is not as it was before the Run.
  type: list
  elements: str
  returned: with O(state=undone)
sentence: {description: All of it for a person., type: str, returned: with O(state=undone)}
changed_since:
  description: Each C(key) that is no longer as the Run left it, the later C(run) that set it, and a C(sentence).
  type: list
  elements: dict
  returned: with O(state=compared)
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.act import by_state
from ..module_utils.state.later_changes import later_changes
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE
from ..module_utils.state.runs import RunRecord
from ..module_utils.state.segment import SegmentFiles, steps_to_undo
from ..module_utils.state.state import StateFolder
from ..module_utils.state.undo import undo_steps
from ..module_utils.system.failure import HostSideError

_SAFE_POINT = 120.0  # seconds that a step may take to be undone


def main() -> None:
    run(
        by_state(undone=_undo, compared=_compare),
        {
            "run_id": {"type": "str", "required": True},
            "steps": {"type": "list", "elements": "str"},
            "compare": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["undone", "compared"], "default": "undone"},
            "also": {"type": "list", "elements": "str", "default": []},
            **DOCKER,
            **STATE,
        },
    )


def _undo(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    record = RunRecord(folder, given["run_id"]) if module.check_mode else held_run(folder, given["run_id"])
    steps = [step["id"] for step in steps_to_undo(record, given["steps"])]
    if given["compare"] and not module.check_mode:
        _end_segment(SegmentFiles(folder, given["run_id"]))
    return undo_steps(folder, record, steps, given["docker_socket"], check=module.check_mode, compare=given["compare"])


def _end_segment(segment: SegmentFiles) -> None:
    """What is put back as a whole is not gone on with, neither by a runner that still works nor at the next start."""
    safe, sentence = segment.brought_to_rest(_SAFE_POINT, undo=True)
    if not safe:
        raise HostSideError(sentence, kind="gate")
    segment.remove()


def _compare(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    record = RunRecord(folder, given["run_id"])
    changes = [
        change for change in later_changes(folder, given["docker_socket"], record) if change.key not in given["also"]
    ]
    return {"changed": False, "changed_since": [change.result() for change in changes]}


if __name__ == "__main__":
    main()
