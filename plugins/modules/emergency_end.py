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

from ..module_utils.module import run_act
from ..module_utils.state.emergency_end import EMERGENCY_END


def main() -> None:
    run_act(EMERGENCY_END)


if __name__ == "__main__":
    main()
