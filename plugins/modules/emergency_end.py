#!/usr/bin/python
"""Take an emergency back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: emergency_end
short_description: Take an emergency back exactly as it was before
version_added: "0.1.0"
description:
  - Puts back what the emergency noted before it changed anything. Twice is harmless.
  - Does nothing, and says so, where somebody has changed a value since, or where a container uses more memory than it
    would be left with.
author: ["selextract-infra contributors"]
options:
  by:
    description: Who takes it back.
    type: str
    default: somebody unknown
  force:
    description: Put back also what somebody has changed since.
    type: bool
    default: false
  project:
    description: The Project that it has to be about; another one's is left alone. Without it, whatever it is about.
    type: str
  keep:
    description: Leave every value as it is now, and only end the emergency.
    type: bool
    default: false
  failed:
    description: Everything was put back already, because the emergency could not begin; only end it.
    type: bool
    default: false
  run_id:
    description: ID of the Run that began it, which holds the lock. Without it nothing is put back, and an emergency
      that is on is refused.
    type: str
extends_documentation_fragment:
  - selextract.infra.options.docker
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would be put back., support: full}
"""

EXAMPLES = r"""
- name: Take the emergency back
  selextract.infra.emergency_end:
    by: ops@control
    run_id: 20260301T020000-9f3ac1
"""

RETURN = r"""
ended: {description: Whether no emergency is on any more., type: bool, returned: always}
refused: {description: The rule that kept it, empty where none did., type: str, returned: always}
sentence: {description: What was done, or why not., type: str, returned: always}
done: {description: What was put back., type: list, elements: str, returned: always}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.emergency import Emergency, Ending, take_back
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import DOCKER, STATE
from ..module_utils.state.runs import RunRecord, moment
from ..module_utils.state.state import StateFolder
from ..module_utils.state.time_to_live import disarm

_NONE = "No emergency is on, so nothing had to be put back."


def main() -> None:
    run(
        _end,
        {
            "by": {"type": "str", "default": "somebody unknown"},
            "force": {"type": "bool", "default": False},
            "project": {"type": "str"},
            "keep": {"type": "bool", "default": False},
            "failed": {"type": "bool", "default": False},
            "run_id": {"type": "str"},
            **DOCKER,
            **STATE,
        },
    )


def _end(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    emergency = Emergency(StateFolder(given["state_folder"]))
    if given["project"] not in (None, emergency.content.get("project")):
        return {"changed": False, "ended": True, "refused": "", "sentence": _NONE, "done": []}
    if given["run_id"] is None:
        emergency.refuse_another("")
    its_own = emergency.run_id == given["run_id"]
    open_here = its_own and (emergency.open or given["failed"])
    if not open_here:
        ending = Ending(True, _NONE)
    elif given["keep"] or given["failed"]:
        ending = _only_ended(module, emergency)
    else:
        ending = _taken_back(module, emergency)
    if not module.check_mode and not emergency.waits:
        disarm()
    return {
        "changed": open_here and ending.ended,
        "ended": ending.ended,
        "refused": ending.refused,
        "sentence": " ".join([ending.sentence, *ending.notes]),
        "done": ending.done,
    }


def _taken_back(module: AnsibleModule, emergency: Emergency) -> Ending:
    given = module.params
    folder, run_id, check = emergency.folder, given["run_id"], module.check_mode
    record = RunRecord(folder, run_id) if check else held_run(folder, run_id)
    return take_back(
        emergency, record, given["docker_socket"], given["by"], now=time.time(), force=given["force"], check=check
    )


def _only_ended(module: AnsibleModule, emergency: Emergency) -> Ending:
    given = module.params
    status = "kept" if given["keep"] else "failed"
    if not module.check_mode:
        emergency.note(status=status, reverted_at=moment(time.time()), reverted_by=given["by"])
    return Ending(True, "The values stay as they are." if given["keep"] else "The emergency did not begin.")


if __name__ == "__main__":
    main()
