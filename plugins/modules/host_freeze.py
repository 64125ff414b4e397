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
    description: Who freezes it; by default whoever owns the Run.
    type: str
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

from ..module_utils.module import run_act
from ..module_utils.state.freeze import HOST_FREEZE


def main() -> None:
    run_act(HOST_FREEZE)


if __name__ == "__main__":
    main()
