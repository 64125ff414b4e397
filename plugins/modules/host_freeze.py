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
  state_folder:
    description: Where the state of this collection is on the host.
    type: path
    default: /var/lib/selextract-infra
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

from ..module_utils.module import STATE_OPTION, run
from ..module_utils.runs import moment
from ..module_utils.state import StateFolder

_FILE = "freeze.json"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "frozen": {"type": "bool", "default": True},
            "owner": {"type": "str", "default": "somebody unknown"},
            "reason": {"type": "str", "default": "no reason given"},
            "state_folder": STATE_OPTION,
        },
        supports_check_mode=True,
    )
    run(module, _freeze)


def _freeze(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    current = folder.read(_FILE)
    wanted = current
    if given["frozen"] and current is None:
        wanted = {"format": 1, "owner": given["owner"], "reason": given["reason"], "since": moment(time.time())}
    elif not given["frozen"]:
        wanted = None
    changed = wanted != current
    if changed and not module.check_mode:
        folder.prepare()
        if wanted is None:
            folder.remove(_FILE)
        else:
            folder.write(_FILE, wanted)
    return {"changed": changed, "freeze": wanted, "diff": {"before": current or {}, "after": wanted or {}}}


if __name__ == "__main__":
    main()
