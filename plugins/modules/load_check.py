#!/usr/bin/python
"""Compare how fast services answer with before."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_check
short_description: Compare how fast services answer with before
version_added: "0.1.0"
description:
  - Asks each address as often as before the upgrade. None may fail, and none may be slower than allowed.
author: ["selextract-infra contributors"]
options:
  urls:
    description: Addresses that must answer 2xx on the host itself.
    type: list
    elements: str
    default: []
  requests:
    description: How often each is asked.
    type: int
    required: true
  before_step:
    description: The step of the Run that noted how fast they answered before.
    type: str
    required: true
  slower:
    description: How many times slower than before they may be.
    type: float
    required: true
  target_seconds:
    description: What is fast enough in any case.
    type: float
    required: true
extends_documentation_fragment:
  - selextract.infra.options.step
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
"""

EXAMPLES = r"""
- name: Compare with before
  selextract.infra.load_check:
    urls: ["http://127.0.0.1:8080/api/v1/health"]
    requests: 20
    before_step: preflight
    slower: 1.5
    target_seconds: 0.5
    run_id: 20260301T020000-9f3ac1
    step_id: gate
"""

RETURN = r"""
answers: {description: "By address, the 95th percentile in seconds.", type: dict, returned: success}
before: {description: The same before the upgrade., type: dict, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.lock import held_run
from ..module_utils.state.options import STATE, STEP
from ..module_utils.state.state import StateFolder
from ..module_utils.system.failure import HostSideError
from ..module_utils.system.response_times import answer_times, too_slow


def main() -> None:
    run(
        _compare,
        {
            "urls": {"type": "list", "elements": "str", "default": []},
            "requests": {"type": "int", "required": True},
            "before_step": {"type": "str", "required": True},
            "slower": {"type": "float", "required": True},
            "target_seconds": {"type": "float", "required": True},
            **STEP,
            **STATE,
        },
    )


def _compare(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    if module.check_mode:
        return {"changed": False, "answers": {}, "before": {}}
    record = held_run(StateFolder(given["state_folder"]), given["run_id"])
    before = (record.step(given["before_step"]).get("seen") or {}).get("answers") or {}
    record.start_step(given["step_id"], time.time())
    with record.failure_noted(given["step_id"]):
        now = _measured(given, before)
    record.end_step(given["step_id"], "verified", time.time())
    return {"changed": False, "answers": now, "before": before}


def _measured(given: dict[str, Any], before: dict[str, float]) -> dict[str, float]:
    """How fast they answer now; asked twice before it counts as slow, because a busy moment is no regression."""
    for _ in range(2):
        now = answer_times(given["urls"], given["requests"])
        complaint = too_slow(before, now, given["slower"], given["target_seconds"])
        if complaint is None:
            return now
    raise HostSideError(f"After the upgrade {complaint}.", kind="gate")


if __name__ == "__main__":
    main()
