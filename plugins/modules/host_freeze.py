#!/usr/bin/python
"""Stop automatic scaling of a host, durably."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_freeze
short_description: Stop automatic scaling of a host, or allow it again
version_added: "0.1.0"
description:
  - A freeze survives reboots and is not a lock; a person may still work on the host.
author: ["selextract-infra contributors"]
options:
  frozen:
    description: Whether the host is to be frozen.
    type: bool
    default: true
  owner:
    description: Who freezes it.
    type: str
    default: somebody unknown
  reason:
    description: Why, in a few words.
    type: str
    default: no reason given
  run_id:
    description: The Run whose step this is; it then notes what held before. Without it this is no step of a Run.
    type: str
  step_id:
    description: ID of the step.
    type: str
  before_step:
    description: The step of the Run that froze the host; what held before it holds again, whatever C(frozen) says.
    type: str
extends_documentation_fragment:
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: Shows the freeze before and after., support: full}
"""

EXAMPLES = r"""
- name: Freeze the host
  selextract.infra.host_freeze:
    owner: ops@control
    reason: moving the database
"""

RETURN = r"""
freeze: {description: The freeze that is in force, none where there is none., type: dict, returned: always}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import STATE
from ..module_utils.state.runs import RunRecord, moment
from ..module_utils.state.state import StateFolder

_FILE = "freeze.json"


def main() -> None:
    run(
        _freeze,
        {
            "frozen": {"type": "bool", "default": True},
            "owner": {"type": "str", "default": "somebody unknown"},
            "reason": {"type": "str", "default": "no reason given"},
            "run_id": {"type": "str"},
            "step_id": {"type": "str"},
            "before_step": {"type": "str"},
            **STATE,
        },
        required_together=[("run_id", "step_id")],
        required_by={"before_step": "run_id"},
    )


def _freeze(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    current = folder.read(_FILE)
    record = held_run(folder, given["run_id"]) if given["run_id"] and not module.check_mode else None
    wanted = current
    if given["before_step"]:
        wanted = _before(record, given["before_step"]) if record else None
    elif given["frozen"] and current is None:
        wanted = {"format": 1, "owner": given["owner"], "reason": given["reason"], "since": moment(time.time())}
    elif not given["frozen"]:
        wanted = None
    changed = wanted != current
    if record is not None:
        record.start_step(given["step_id"], time.time())
        record.note_inverse(given["step_id"], "freeze", {"before": current})
        record.note_left(given["step_id"], "freeze", {"after": wanted})
    if changed and not module.check_mode:
        folder.prepare()
        if wanted is None:
            folder.remove(_FILE)
        else:
            folder.write(_FILE, wanted)
    if record is not None:
        record.end_step(given["step_id"], "verified", time.time())
    return {"changed": changed, "freeze": wanted, "diff": {"before": current or {}, "after": wanted or {}}}


def _before(record: RunRecord, step_id: str) -> dict[str, Any] | None:
    noted = (record.step(step_id).get("inverse") or {}).get("freeze") or {}
    return noted.get("before")


if __name__ == "__main__":
    main()
