#!/usr/bin/python
"""Ask for a host for something more urgent."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_preempt
short_description: Ask for a host for something more urgent
version_added: "0.1.0"
description:
  - Whoever works on the host stops before its next step and gives the lock back; its Run is left to be resumed or
    rolled back. Until the request is taken back or has run out, only its operation gets the lock.
author: ["selextract-infra contributors"]
options:
  state:
    description: Whether the request is to stand.
    type: str
    choices: [asked, taken_back]
    default: asked
  operation:
    description: The operation that goes first; one named C(<operation> something) too.
    type: str
    default: emergency
  owner:
    description: Who asks.
    type: str
    default: somebody unknown
  reason:
    description: Why, in a few words.
    type: str
    default: no reason given
  seconds:
    description: How long the request stands at most.
    type: float
    default: 3600
extends_documentation_fragment:
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing., support: full}
"""

EXAMPLES = r"""
- name: Ask whoever works on the host to stop
  selextract.infra.host_preempt:
    owner: ops@control
    reason: P1, the API is down
"""

RETURN = r"""
preempt: {description: The request that stands, none where there is none., type: dict, returned: always}
lock: {description: Who has the lock now, none where it is free., type: dict, returned: always}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.options import STATE
from ..module_utils.state.preemption import ask, asked, take_back
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(
        _preempt,
        {
            "state": {"type": "str", "choices": ["asked", "taken_back"], "default": "asked"},
            "operation": {"type": "str", "default": "emergency"},
            "owner": {"type": "str", "default": "somebody unknown"},
            "reason": {"type": "str", "default": "no reason given"},
            "seconds": {"type": "float", "default": 3600},
            **STATE,
        },
    )


def _preempt(module: AnsibleModule) -> dict[str, Any]:
    given, now = module.params, time.time()
    folder = StateFolder(given["state_folder"])
    standing = asked(folder, now)
    wanted = given["state"] == "asked"
    if not module.check_mode:
        folder.prepare()
        if wanted:
            about = {key: given[key] for key in ("operation", "owner", "reason", "seconds")}
            standing = ask(folder, now=now, **about)
        else:
            take_back(folder)
    changed = wanted != (standing is not None) if module.check_mode else wanted or standing is not None
    return {"changed": changed, "preempt": standing if wanted else None, "lock": folder.read("lock.json")}


if __name__ == "__main__":
    main()
