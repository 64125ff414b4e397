#!/usr/bin/python
"""Keep the program that carries steps out on the host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_program
short_description: Keep the program that carries the steps of a Run out on the host
version_added: "0.2.0"
description:
  - The program is this collection's own code as one file, by its digest. Several versions lie beside each other.
  - A unit lets the host go on at its start with steps that it was carrying out when it went down.
options:
  digest:
    description: Digest of the program.
    type: str
    required: true
  content:
    description: The program, in Base64. Without it, the module only says whether that version is there.
    type: str
extends_documentation_fragment:
  - selextract.infra.options.state
attributes:
  check_mode: {description: Changes nothing and says what would change., support: full}
  diff_mode: {description: There is nothing to show., support: none}
author: ["selextract-infra contributors"]
"""

EXAMPLES = r"""
- name: Bring the program
  selextract.infra.host_program:
    digest: 0123456789ab
    content: "{{ lookup('selextract.infra.host_program').content }}"
"""

RETURN = r"""
present: {description: Whether that version is there now., type: bool, returned: always}
"""

import base64
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.module import run
from ..module_utils.state.host_program import KeptProgram
from ..module_utils.state.options import STATE
from ..module_utils.state.state import StateFolder


def main() -> None:
    run(_keep, {"digest": {"type": "str", "required": True}, "content": {"type": "str"}, **STATE})


def _keep(module: AnsibleModule) -> dict[str, Any]:
    given = module.params
    folder = StateFolder(given["state_folder"])
    program = KeptProgram(folder, given["digest"])
    if given["content"] is None or module.check_mode:
        return {"changed": False, "present": program.present}
    folder.prepare()
    program.install(base64.b64decode(given["content"]))
    # Bookkeeping of this collection, like the lock: the host is as it was.
    return {"changed": False, "present": True}


if __name__ == "__main__":
    main()
